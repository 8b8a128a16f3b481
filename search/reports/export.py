"""Export of configurations as columns of Table 5, in Markdown, LaTeX, CSV or JSON.

Markdown and LaTeX round like Kunin et al. 2020, Table 5. CSV and JSON have all digits and can be
read back. CSV has the table's 22 rows; JSON also has the spaces, their hashes and the notes.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.reports import text_tables
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import PUBLISHED, ROUNDING_NOTE, ROWS, format_cell


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title: heading; text between two dollar signs is LaTeX mathematics.
        configuration: the values.
        space: the space that was searched, which tells sampled values from fixed ones.
        note: origin of the values, printed below the table; may be empty.
    """

    title: str
    configuration: Configuration
    space: SearchSpace
    note: str = ""


def published_columns() -> list[Column]:
    """Return the four columns of Kunin et al. 2020, Table 5, rounded as published."""
    note = "Kunin et al. 2020, Table 5: its rounded values are not exactly the searched ones."
    return [Column(SPACES[name].title, PUBLISHED[name], SPACES[name], note) for name in PUBLISHED]


def export(columns: Sequence[Column], format: str) -> str:
    """Return a table of columns as text; `format` is markdown, latex, csv or json.

    Raises:
        UnknownNameError: there is no such format.
        ConfigurationError: there is no column, or two share a title.
    """
    if format not in FORMATS:
        raise UnknownNameError("export format", format, FORMATS)
    titles = [column.title for column in columns]
    if not titles or len(set(titles)) < len(titles):
        raise ConfigurationError(f"an export needs columns with different titles, not {titles}")
    return FORMATS[format](columns)


def read_csv(text: str) -> dict[str, Configuration]:
    """Return the configurations of a CSV export by title, with all digits.

    Raises:
        ConfigurationError: the text isn't such an export.
    """
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    if [line[0] for line in lines[1:]] != [row.name for row in ROWS]:
        raise ConfigurationError("not a CSV export: its rows aren't those of Table 5, in order")
    titles = lines[0][1:]
    if any(len(line) != len(lines[0]) for line in lines):
        raise ConfigurationError("not a CSV export: its rows differ in length")
    return {
        title: configuration(
            {row.field: _from_csv(line[at]) for row, line in zip(ROWS, lines[1:], strict=True)}
        )
        for at, title in enumerate(titles, start=1)
    }


def read_json(text: str) -> dict[str, Configuration]:
    """Return the configurations of a JSON export by title, with all digits.

    Raises:
        ConfigurationError: the text isn't such an export.
    """
    try:
        columns = [(each["title"], each["configuration"]) for each in json.loads(text)["columns"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"not a JSON export: {error!r}") from error
    return {title: configuration(values) for title, values in columns}


def _markdown(columns: Sequence[Column]) -> str:
    return text_tables.markdown(_titles(columns), _cells(columns), notes_of(columns))


def _latex(columns: Sequence[Column]) -> str:
    return text_tables.latex(_titles(columns), _cells(columns), notes_of(columns))


def _csv(columns: Sequence[Column]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["metaparameter", *(column.title for column in columns)])
    for row in ROWS:
        values = (getattr(column.configuration, row.field) for column in columns)
        writer.writerow([row.name, *("N/A" if value is None else value for value in values)])
    return out.getvalue()


def _json(columns: Sequence[Column]) -> str:
    content = {
        "columns": [
            {
                "title": column.title,
                "space": column.space.name,
                "space_hash": column.space.space_hash,
                "note": column.note,
                "configuration": column.configuration.model_dump(),
            }
            for column in columns
        ]
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Column]], str]] = {
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
    "json": _json,
}


def _titles(columns: Sequence[Column]) -> list[str]:
    return ["", *(column.title for column in columns)]


def _cells(columns: Sequence[Column]) -> list[list[str]]:
    return [
        [row.name, *(format_cell(row, each.configuration, each.space) for each in columns)]
        for row in ROWS
    ]


def notes_of(columns: Sequence[Column]) -> list[str]:
    """Return the lines below a table: the rounding, then each note once with its columns."""
    by_note: dict[str, list[str]] = {}
    for column in columns:
        if column.note:
            by_note.setdefault(column.note, []).append(column.title)
    return [
        ROUNDING_NOTE,
        *(
            note if len(titles) == len(columns) > 1 else f"{', '.join(titles)}: {note}"
            for note, titles in by_note.items()
        ),
    ]


def _from_csv(cell: str) -> Any:
    if cell == "N/A":
        return None
    try:
        # Except for a Boolean's capital letter, Python's literals here are JSON.
        return json.loads(cell.lower())
    except ValueError:
        return cell
