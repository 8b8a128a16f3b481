"""The table of trials: filters and sorts rows in memory, and writes them as CSV."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.dashboards.live.columns import Column, code_of
from alignsearch.dashboards.live.mirrored_trials import NOTE, MirroredTrials
from alignsearch.spaces.distributions import Value

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Query:
    """A filter on trials, and their order.

    Attributes:
        sort: name of a column, or `note`.
        states: states for people: a completed trial without a finite loss is `diverged`.
        where: conditions `COLUMN:LOW:HIGH` (LOW or HIGH may be left out) or `COLUMN:is:OPTION`;
            several options of one column are alternatives. An option that reads like another one is
            named by its place, `#2`.
        text: a part of the note or the host, in any case.
    """

    sort: str = "tid"
    descending: bool = False
    states: Sequence[str] = ()
    where: Sequence[str] = ()
    tids: Sequence[int] = ()
    text: str = ""


def select(trials: MirroredTrials, query: Query) -> list[int]:
    """The rows that pass the filter, sorted; rows without a value come last.

    Raises:
        UnknownNameError: there is no such column or option.
        ConfigurationError: a condition has neither form.
    """
    table = trials.table
    fits = np.ones(table.rows, dtype=bool)
    if query.states:
        state = table.columns["state"]
        fits &= np.isin(table["state"], [state.code(each) for each in query.states])
    if query.tids:
        fits &= np.isin(table["tid"], query.tids)
    for mask in _conditions(trials, query.where):
        fits &= mask
    rows = np.flatnonzero(fits)
    if query.text:
        wanted = query.text.casefold()
        rows = np.array([row for row in rows if wanted in _words(trials, int(row))], dtype=np.intp)
    return [int(row) for row in _sorted(trials, rows, query)]


def to_csv(trials: MirroredTrials, rows: Sequence[int]) -> str:
    """The rows as CSV, with all digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = list(trials.table.columns.values())
    writer.writerow([*(_safe(column.name) for column in columns), NOTE])
    numbers = [trials.table[column.name] for column in columns]
    for row in rows:
        values = (
            column.value(float(each[row])) for column, each in zip(columns, numbers, strict=True)
        )
        writer.writerow([*map(_safe, values), _safe(trials.notes[row] or "")])
    return out.getvalue()


def _safe(value: Value) -> Value:
    # A spreadsheet takes text that begins with one of these for a formula.
    is_formula = isinstance(value, str) and value[:1] in {"=", "+", "-", "@"}
    return f"'{value}" if is_formula else value


def _conditions(trials: MirroredTrials, where: Sequence[str]) -> Iterator[Mask]:
    alternatives: dict[str, list[float]] = defaultdict(list)
    for condition in where:
        name, rest = _named(trials, condition)
        low, colon, high = rest.partition(":")
        column = _column(trials, name)
        if not colon:
            raise _malformed(condition)
        if low == "is":
            code = code_of(column, high)
            if code is None:
                known = (str(each) for each in column.options or ())
                raise UnknownNameError(f"option of {name}", high, known)
            alternatives[name].append(code)
            continue
        numbers = trials.table[name]
        yield (numbers >= _end(low, -math.inf, condition)) & (
            numbers <= _end(high, math.inf, condition)
        )
    for name, codes in alternatives.items():
        yield np.isin(trials.table[name], codes)


def _named(trials: MirroredTrials, condition: str) -> tuple[str, str]:
    """Split a condition after the longest name of a column that it begins with.

    A dimension's label may contain colons.
    """
    parts = condition.split(":")
    for length in range(len(parts) - 1, 0, -1):
        name = ":".join(parts[:length])
        if name in trials.table.columns:
            return name, ":".join(parts[length:])
    return parts[0], ":".join(parts[1:])


def _column(trials: MirroredTrials, name: str) -> Column:
    if name not in trials.table.columns:
        raise UnknownNameError("column", name, trials.table.columns)
    return trials.table.columns[name]


def _end(text: str, default: float, condition: str) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        raise _malformed(condition) from None


def _malformed(condition: str) -> ConfigurationError:
    return ConfigurationError(
        f"where={condition!r} can't be read: write COLUMN:LOW:HIGH (LOW or HIGH may be left "
        "out) or COLUMN:is:OPTION"
    )


def _words(trials: MirroredTrials, row: int) -> str:
    host = trials.table.columns["host"].value(float(trials.table["host"][row]))
    return f"{trials.notes[row] or ''}\n{host or ''}".casefold()


def _sorted(
    trials: MirroredTrials, rows: NDArray[np.intp], query: Query
) -> NDArray[np.intp] | list[np.intp]:
    if query.sort == NOTE:
        noted = [row for row in rows if trials.notes[row]]
        ordered = sorted(noted, key=lambda r: trials.notes[r] or "", reverse=query.descending)
        return [*ordered, *(row for row in rows if not trials.notes[row])]
    _column(trials, query.sort)
    keys = trials.table[query.sort][rows]
    order = np.lexsort((trials.table["tid"][rows], -keys if query.descending else keys))
    return rows[order]
