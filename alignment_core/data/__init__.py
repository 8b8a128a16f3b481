"""Data sets by name: one table, one loader each, and the batches they are read in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alignment_core.data import digits, fashion_mnist
from alignment_core.data.dataset import DataSet, DataSetInfo
from alignment_core.errors import UnknownNameError

__all__ = ["DATA_SETS", "DataSet", "DataSetInfo", "check", "info", "load"]


@dataclass(frozen=True)
class _Source:
    info: DataSetInfo
    check: Callable[[Path | None], None]
    load: Callable[[Path | None], DataSet]


_SOURCES = {
    module.INFO.name: _Source(module.INFO, module.check, module.load)
    for module in (digits, fashion_mnist)
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


def check(name: str, data_dir: Path | str | None = None) -> None:
    """Make sure that the data set is there, reading as little of it as that takes.

    Raises UnknownNameError for an unknown name, and DataError (which says how to
    get the data) when files are missing or not what they should be.
    """
    _source(name).check(None if data_dir is None else Path(data_dir))


def load(name: str, data_dir: Path | str | None = None) -> DataSet:
    """Read the whole data set into memory.

    Raises what `check` raises, and DataError for files that turn out damaged.
    """
    return _source(name).load(None if data_dir is None else Path(data_dir))
