"""Data sets by name: one table, one loader each, and the batches they are read in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from alignment_core.data import cifar, digits, fashion_mnist, imagenet
from alignment_core.data.dataset import DataSet, DataSetInfo, InputOptions
from alignment_core.errors import ConfigurationError, UnknownNameError

__all__ = [
    "DATA_SETS",
    "DataSet",
    "DataSetInfo",
    "InputOptions",
    "check",
    "check_options",
    "info",
    "load",
]

Folder = Path | str | None
"""Where a data set is: a path, or for a streamed one any address that TensorFlow can read.

An address like gs://bucket/folder has to be a string: a Path loses one of its slashes.
"""


@dataclass(frozen=True)
class _Source:
    info: DataSetInfo
    check: Callable[[Folder], None]
    check_options: Callable[[InputOptions], None]
    load: Callable[[Folder, InputOptions], DataSet]


def _in_memory(
    info: DataSetInfo,
    check: Callable[[Path | None], None],
    load: Callable[[Path | None], DataSet],
) -> _Source:
    def folder(data_dir: Folder) -> Path | None:
        return None if data_dir is None else Path(data_dir)

    def check_options(options: InputOptions) -> None:
        # It has no records to skip: a damaged file is refused as a whole.
        if replace(options, on_corrupt="refuse") != InputOptions():
            raise ConfigurationError(
                f"{info.name}'s images are used as they are: image size and preprocessing can be "
                "chosen for imagenet only"
            )

    return _Source(
        info,
        lambda data_dir: check(folder(data_dir)),
        check_options,
        lambda data_dir, _: load(folder(data_dir)),
    )


def _streamed(
    info: DataSetInfo,
    check: Callable[[str | None], None],
    check_options: Callable[[InputOptions], None],
    load: Callable[[str | None, InputOptions], DataSet],
) -> _Source:
    def address(data_dir: Folder) -> str | None:
        return None if data_dir is None else str(data_dir)

    return _Source(
        info,
        lambda data_dir: check(address(data_dir)),
        check_options,
        lambda data_dir, options: load(address(data_dir), options),
    )


_SOURCES = {
    source.info.name: source
    for source in (
        _in_memory(digits.INFO, digits.check, digits.load),
        _in_memory(fashion_mnist.INFO, fashion_mnist.check, fashion_mnist.load),
        *(
            _in_memory(info, partial(cifar.check, info), partial(cifar.load, info))
            for info in (cifar.CIFAR10, cifar.CIFAR100)
        ),
        _streamed(imagenet.INFO, imagenet.check, imagenet.check_options, imagenet.load),
    )
}

DATA_SETS: dict[str, DataSetInfo] = {name: source.info for name, source in _SOURCES.items()}


def _source(name: str) -> _Source:
    try:
        return _SOURCES[name]
    except KeyError:
        raise UnknownNameError("data set", name, _SOURCES) from None


def info(name: str) -> DataSetInfo:
    """What is known of the data set `name` without reading it.

    Raises UnknownNameError for a name that is not in `DATA_SETS`.
    """
    return _source(name).info


def check(name: str, data_dir: Folder = None) -> None:
    """Make sure that the data set is there, reading as little of it as that takes.

    Raises UnknownNameError for an unknown name, and DataError (which says how to
    get the data) when files are missing or not what they should be.
    """
    _source(name).check(data_dir)


def check_options(name: str, options: InputOptions) -> None:
    """Make sure that the data set can be had in that way.

    Raises UnknownNameError for an unknown name, and UnknownNameError or ConfigurationError
    for options that the data set doesn't have.
    """
    _source(name).check_options(options)


def load(name: str, data_dir: Folder = None, options: InputOptions | None = None) -> DataSet:
    """Read the whole data set into memory, or open one that is streamed.

    Raises what `check` raises, DataError for files that turn out damaged, and
    what `check_options` raises.
    """
    options = options or InputOptions()
    source = _source(name)
    source.check_options(options)
    return source.load(data_dir, options)
