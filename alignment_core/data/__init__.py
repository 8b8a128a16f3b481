"""Data sets by name: the table of data sets, and functions that check and load them.

Importing this package imports no TensorFlow; `load` does. Each data set has a module of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from alignment_core.data import cifar, digits, fashion_mnist, fashion_mnist_32, imagenet, own
from alignment_core.data.dataset import DataSet, DataSetInfo, InputOptions
from alignment_core.errors import ConfigurationError, UnknownNameError

__all__ = [
    "DATA_SETS",
    "DataSet",
    "DataSetInfo",
    "InputOptions",
    "add",
    "check",
    "check_options",
    "info",
    "load",
]

Folder = Path | str | None
"""Folder of a data set: a path, or any address that TensorFlow can read for a streamed data set.

An address such as gs://bucket/folder must be a string, because a Path removes one of its slashes.
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
        # on_corrupt has no effect here: a damaged file is always refused.
        if replace(options, on_corrupt="refuse") != InputOptions():
            raise ConfigurationError(
                f"{info.name}'s images are used as they are: image size and preprocessing can be "
                "chosen for imagenet only; leave them out"
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
        _in_memory(fashion_mnist_32.INFO, fashion_mnist_32.check, fashion_mnist_32.load),
        *(
            _in_memory(info, partial(cifar.check, info), partial(cifar.load, info))
            for info in (cifar.CIFAR10, cifar.CIFAR100)
        ),
        _streamed(imagenet.INFO, imagenet.check, imagenet.check_options, imagenet.load),
    )
}

DATA_SETS: dict[str, DataSetInfo] = {name: source.info for name, source in _SOURCES.items()}
"""Sizes and defaults of each data set by its name."""


def add(name: str, returned: Any) -> DataSetInfo:
    """Add a data set of one's own to the table, in memory, and return its sizes and defaults.

    Args:
        name: the data set's name; one of this name that was added before is replaced.
        returned: its images and labels, `(images, labels), (images, labels)` to train and to
            validate on (`own.checked`). They are standardized by the training split.

    Raises:
        DataError: these are no images with labels.

    Example:
        >>> add("mnist", keras.datasets.mnist.load_data()).train_size
        60000
    """
    splits = own.checked(name, returned)
    info = own.info_of(name, splits)
    _SOURCES[name] = _in_memory(
        info, lambda folder: None, lambda folder: own.data_set(info, splits)
    )
    DATA_SETS[name] = info
    return info


def _source(name: str) -> _Source:
    try:
        return _SOURCES[name]
    except KeyError:
        raise UnknownNameError("data set", name, _SOURCES) from None


def info(name: str) -> DataSetInfo:
    """Return the sizes and defaults of a data set, without reading it.

    Raises:
        UnknownNameError: no data set is called `name`.
    """
    return _source(name).info


def check(name: str, data_dir: Folder = None) -> None:
    """Check that a data set's files are there, and read as little of them as possible.

    Args:
        name: key of `DATA_SETS`.
        data_dir: folder of the files; None is the data set's usual place.

    Raises:
        UnknownNameError: no data set is called `name`.
        DataError: files are missing or not those of the data set; the message says how to get them.
    """
    _source(name).check(data_dir)


def check_options(name: str, options: InputOptions) -> None:
    """Check that a data set's images can be prepared as `options` say.

    Raises:
        UnknownNameError: no data set is called `name`, or an option's value is unknown.
        ConfigurationError: the data set doesn't have such options, or a value is out of range.
    """
    _source(name).check_options(options)


def load(name: str, data_dir: Folder = None, options: InputOptions | None = None) -> DataSet:
    """Read a data set into memory, or open a streamed one.

    Args:
        name: key of `DATA_SETS`.
        data_dir: folder of the files; None is the data set's usual place.
        options: how a streamed data set's images are prepared.

    Raises:
        UnknownNameError, ConfigurationError: as `check_options`.
        DataError: files are missing or damaged.
    """
    options = options or InputOptions()
    source = _source(name)
    source.check_options(options)
    return source.load(data_dir, options)
