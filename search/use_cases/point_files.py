"""Files of points: CSV with a header, as `alignsearch trials --csv` writes it, and JSON lines."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Search, label_of
from alignsearch.search.reports.trial_table import TrialColumns, columns_of
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.written_points import label_named

MOST_ROWS = 100_000
"""Rows of one file; each becomes a document, and a search of more trials is no search any more."""
LOSS = "loss"
"""Column of the number to minimize, in files that don't call it by the metric's name."""


@dataclass(frozen=True)
class PointRow:
    """A row of a file.

    Attributes:
        place: where it stands, for messages: `points.csv, row 3`.
        values: values by the dimension's label, as they are written; inactive ones are absent.
        others: the cells of the other known columns by their names.
    """

    place: str
    values: Mapping[str, Any]
    others: Mapping[str, str]


def read_points(file: Path, search: Search, space: SearchSpace) -> list[PointRow]:
    """Return the points of a file: CSV with a header, or a JSON object of values a line.

    Raises:
        ConfigurationError: the file can't be read, or isn't one of points of this space; the
            message names row and column.
    """
    return points_in(text_of(file), shown_name(file), search, space)


def points_in(text: str, name: str, search: Search, space: SearchSpace) -> list[PointRow]:
    """Return the points of a text that is called `name` in messages, as `read_points` does."""
    if text.lstrip().startswith("{"):
        rows = list(_json_rows(text, name))
    else:
        rows = table_in(text, name, search, space)
    if not rows:
        raise ConfigurationError(f"{name} has no point: it needs one in each row")
    return rows


def table_in(text: str, name: str, search: Search, space: SearchSpace) -> list[PointRow]:
    """Return the rows of a CSV with a header.

    Columns are the dimensions, by label or by name, and those that `trials --csv` has besides.

    Raises:
        ConfigurationError: another column stands there, one is missing or stands there twice, or a
            row has another length; the message names row and column.
    """
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        lines = [(number, line) for number, line in enumerate(reader, start=1) if line]
    except csv.Error as error:
        raise ConfigurationError(f"{name} is no CSV: line {reader.line_num}: {error}") from error
    if not lines:
        raise ConfigurationError(f"{name} is empty: its first row names the columns")
    if len(lines) > MOST_ROWS:
        raise ConfigurationError(f"{name} has more than {MOST_ROWS} rows: import it in parts")
    header = _Header(name, lines[0][1], search, space)
    return [header.row(f"{name}, row {number}", line) for number, line in lines[1:]]


class _Header:
    def __init__(self, file: str, cells: Sequence[str], search: Search, space: SearchSpace) -> None:
        self._labels: dict[int, str] = {}
        self._others: dict[int, str] = {}
        columns = columns_of(search, [])
        taken: set[str] = set()
        for at, cell in enumerate(map(str.strip, cells)):
            label, other = _meaning(cell, columns, search, space, f"{file}, row 1, column {at + 1}")
            key = label if label is not None else f"column {other}"
            if key in taken:
                raise ConfigurationError(f"{file}, row 1, column {cell!r}: it is there twice")
            taken.add(key)
            if label is not None:
                self._labels[at] = label
            else:
                self._others[at] = other
        missing = [
            each.name for each in space.sampled if not each.conditional and each.name not in taken
        ]
        if missing:
            raise ConfigurationError(
                f"{file}, row 1: it lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"
            )
        self._width = len(cells)

    def row(self, place: str, line: Sequence[str]) -> PointRow:
        if len(line) != self._width:
            raise ConfigurationError(
                f"{place} has {len(line)} cells, and the header has {self._width}"
            )
        # An empty cell is a dimension that isn't active: a choice's option None is written out.
        values = {label: line[at] for at, label in self._labels.items() if line[at].strip()}
        others = {name: line[at].strip() for at, name in self._others.items()}
        return PointRow(place, values, others)


def _meaning(
    cell: str, columns: TrialColumns, search: Search, space: SearchSpace, place: str
) -> tuple[str | None, str]:
    """The label of the dimension that a column is of, or the name of another known column."""
    labels = {column: label for label, column in columns.dimensions.items()}
    if cell in labels:
        return labels[cell], ""
    if cell in columns.fixed:
        return None, cell
    try:
        return label_named(space, cell, names_of(search, space)), ""
    except UnknownNameError as error:
        if cell == LOSS:
            return None, LOSS
        separators = "; separate columns by commas" if ";" in cell or "\t" in cell else ""
        raise ConfigurationError(
            f"{place}: {cell!r} is no dimension of space {space.name!r}, and no column of "
            f"`alignsearch trials --csv`{separators} ({error})"
        ) from error


def names_of(search: Search, space: SearchSpace) -> dict[str, str]:
    """Return the labels of a search's dimensions by their names for people, where those differ."""
    names = [label_of(search, each.name) for each in space.sampled]
    return {
        name: each.name
        for each, name in zip(space.sampled, names, strict=True)
        # Two dimensions of one name are told apart by their labels alone.
        if names.count(name) == 1
    }


def text_of(file: Path) -> str:
    """Return a file's text.

    Raises:
        ConfigurationError: it isn't there, is no regular file, or is no text in UTF-8.
    """
    if not file.is_file():
        what = "is no file" if file.exists() else "isn't there"
        raise ConfigurationError(f"{file} can't be read: it {what}")
    try:
        # Spreadsheets begin their files with a byte order mark.
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} can't be read: it is no text in UTF-8") from error
    check_text(text, str(file))
    return text


def check_text(text: str, name: str) -> None:
    """Refuse a text that no store can hold.

    Raises:
        ConfigurationError: it has NUL characters, or is no valid Unicode.
    """
    if "\0" in text:
        raise ConfigurationError(f"{name} can't be read: it is no text, for it has NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{name} can't be read: it is no valid Unicode text") from error


def shown_name(file: Path) -> str:
    """Return a file's name as a text that can be stored, whatever bytes it is made of."""
    return file.name.encode(errors="replace").decode()


def _json_rows(text: str, name: str) -> Iterator[PointRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if number > MOST_ROWS:
            raise ConfigurationError(f"{name} has more than {MOST_ROWS} lines: give it in parts")
        place = f"{name}, row {number}"
        try:
            pairs = json.loads(line, object_pairs_hook=list)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{place} is no JSON object: {error}") from error
        if not isinstance(pairs, list) or not all(isinstance(each, tuple) for each in pairs):
            raise ConfigurationError(f"{place} is no JSON object of values by dimension")
        values = _once(pairs, place)
        for label, value in values.items():
            if isinstance(value, dict | list):
                raise ConfigurationError(f"{place}, {label!r}: a value is a number or a text")
        yield PointRow(place, values, {})


def _once(pairs: Sequence[tuple[str, Any]], place: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ConfigurationError(f"{place}, {twice!r}: it is there twice")
    return found
