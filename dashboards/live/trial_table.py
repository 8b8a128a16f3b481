"""The table of trials: filtered, sorted and paged in memory."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.dashboards.live.columns import Column, option_of
from alignsearch.dashboards.live.history import SearchHistory
from alignsearch.search.documents.states import TrialState

Mask = NDArray[np.bool_]
NOTE = "note"


@dataclass(frozen=True)
class Query:
    """Which trials, in which order.

    where: conditions `COLUMN:LOW:HIGH` (an end may be left out) or `COLUMN:is:OPTION`; those on one
    column's options are alternatives. text: a part of the note.
    """

    sort: str = "tid"
    descending: bool = False
    states: Sequence[TrialState] = ()
    where: Sequence[str] = ()
    tids: Sequence[int] = ()
    text: str = ""


def select(history: SearchHistory, query: Query) -> list[int]:
    """The rows that fit, in order; what has no value comes last.

    Raises:
        UnknownNameError: there is no such column or option.
        ConfigurationError: a condition isn't of either form.
    """
    table = history.table
    fits = np.ones(table.rows, dtype=bool)
    if query.states:
        state = table.columns["state"]
        fits &= np.isin(table["state"], [state.code(each.value) for each in query.states])
    if query.tids:
        fits &= np.isin(table["tid"], query.tids)
    for mask in _conditions(history, query.where):
        fits &= mask
    rows = np.flatnonzero(fits)
    if query.text:
        wanted = query.text.casefold()
        rows = np.array([row for row in rows if wanted in _words(history, int(row))], dtype=np.intp)
    return [int(row) for row in _sorted(history, rows, query)]


def to_csv(history: SearchHistory, rows: Sequence[int]) -> str:
    """The rows with every digit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = list(history.table.columns.values())
    writer.writerow([*(column.name for column in columns), NOTE])
    numbers = [history.table[column.name] for column in columns]
    for row in rows:
        values = (
            column.value(float(each[row])) for column, each in zip(columns, numbers, strict=True)
        )
        # A note that begins like a formula would be one in a spreadsheet.
        note = history.notes[row] or ""
        writer.writerow([*values, f"'{note}" if note[:1] in {"=", "+", "-", "@"} else note])
    return out.getvalue()


def _conditions(history: SearchHistory, where: Sequence[str]) -> Iterator[Mask]:
    alternatives: dict[str, list[float]] = defaultdict(list)
    for condition in where:
        name, _, rest = condition.partition(":")
        low, colon, high = rest.partition(":")
        column = _column(history, name)
        if not colon:
            raise _malformed(condition)
        if low == "is":
            option = option_of(column, high)
            if option is None:
                known = (str(each) for each in column.options or ())
                raise UnknownNameError(f"option of {name}", high, known)
            alternatives[name].append(column.code(option))
            continue
        numbers = history.table[name]
        yield (numbers >= _end(low, -math.inf, condition)) & (
            numbers <= _end(high, math.inf, condition)
        )
    for name, codes in alternatives.items():
        yield np.isin(history.table[name], codes)


def _column(history: SearchHistory, name: str) -> Column:
    if name not in history.table.columns:
        raise UnknownNameError("column", name, history.table.columns)
    return history.table.columns[name]


def _end(text: str, default: float, condition: str) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        raise _malformed(condition) from None


def _malformed(condition: str) -> ConfigurationError:
    return ConfigurationError(
        f"where={condition!r} won't do: write COLUMN:LOW:HIGH, with an end left out if there is "
        "none, or COLUMN:is:OPTION"
    )


def _words(history: SearchHistory, row: int) -> str:
    host = history.table.columns["host"].value(float(history.table["host"][row]))
    return f"{history.notes[row] or ''}\n{host or ''}".casefold()


def _sorted(
    history: SearchHistory, rows: NDArray[np.intp], query: Query
) -> NDArray[np.intp] | list[np.intp]:
    if query.sort == NOTE:
        noted = [row for row in rows if history.notes[row]]
        ordered = sorted(noted, key=lambda r: history.notes[r] or "", reverse=query.descending)
        return [*ordered, *(row for row in rows if not history.notes[row])]
    _column(history, query.sort)
    keys = history.table[query.sort][rows]
    order = np.lexsort((history.table["tid"][rows], -keys if query.descending else keys))
    return rows[order]
