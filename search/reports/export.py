"""Export of configurations as the columns of a table: text, Markdown, LaTeX, CSV or JSON.

A search is a column. Its definition says the rows: those of Kunin et al. 2020, Table 5, for the
paper's four spaces, and one row a dimension where a definition has no table of its own. Columns of
several tables share the rows of the same name. Text, Markdown and LaTeX round like Table 5. CSV and
JSON have all digits and can be read back.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import StoredRow
from alignsearch.search.reports import cells, text_tables
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.configuration import Configuration, configuration
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import PUBLISHED, ROUNDING_NOTE, ROWS

TABLE5 = tuple(StoredRow(name=row.name, field=row.field) for row in ROWS)
"""The rows of Table 5."""

INACTIVE_NOTE = f"{cells.INACTIVE}: the configuration's choices leave this dimension out."

HEAD = "metaparameter"
"""Heading of the rows' names in CSV."""

Exported = Configuration | dict[str, Any] | Any
"""A configuration that was read back: of Table 5, or any other one as plain data."""


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        title: heading; text between two dollar signs is LaTeX mathematics.
        rows: the rows of its own table, by name and by the value that they show.
        values: the value of each row's field; a dimension that isn't active has none.
        sampled: the fields whose numbers were sampled; they are rounded in readable formats.
        stepped: the fields among them whose numbers are multiples of a step.
        config: the whole configuration, as it was evaluated.
        space: name of the space that was searched.
        space_hash: hash of that space.
        note: origin of the values, printed below the table; may be empty.
        cost: what finding them took, printed below the table; may be empty.
        certainty: how sure the confirmation that names them is, printed below the table; may be
            empty.
        confirmation: the same as data, for JSON; None without a confirmation.
    """

    title: str
    rows: Sequence[StoredRow]
    values: Mapping[str, Value]
    sampled: frozenset[str]
    config: Any
    space: str
    space_hash: str
    note: str = ""
    stepped: frozenset[str] = frozenset()
    cost: str = ""
    certainty: str = ""
    confirmation: Mapping[str, object] | None = None

    def cell(self, row: StoredRow) -> str:
        """Return the text of a readable cell.

        A row of the column's own table without a value is one of an inactive dimension. A row of
        another column's table is empty.
        """
        if row.field not in self.values:
            return cells.INACTIVE if row in self.rows else ""
        return cells.readable(
            self.values[row.field],
            sampled=row.field in self.sampled,
            stepped=row.field in self.stepped,
            none=self._none,
        )

    def exact_cell(self, row: StoredRow) -> str:
        """Return the text of a cell of CSV; empty if the column has no value there."""
        return cells.to_csv(self.values.get(row.field, cells.ABSENT), self._none)

    @property
    def _none(self) -> str:
        return cells.NONE_OF_TABLE5 if tuple(self.rows) == TABLE5 else cells.NONE


def table5_column(title: str, values: Configuration, space: SearchSpace, note: str = "") -> Column:
    """Return a column of Table 5.

    title, note: as `Column` has them. space: the space that was searched, which tells sampled
    values from fixed ones.
    """
    plain = values.model_dump()
    return Column(
        title, TABLE5, plain, space.sampled_names, plain, space.name, space.space_hash, note
    )


def published_columns() -> list[Column]:
    """Return the four columns of Kunin et al. 2020, Table 5, rounded as published."""
    note = "Kunin et al. 2020, Table 5: its rounded values are not exactly the searched ones."
    return [
        table5_column(SPACES[name].title, PUBLISHED[name], SPACES[name], note) for name in PUBLISHED
    ]


def export(columns: Sequence[Column], format: str) -> str:
    """Return a table of columns; `format` is text, markdown, latex, csv or json.

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


def rows_of(columns: Sequence[Column]) -> list[StoredRow]:
    """Return the rows of a table with these columns: those of each, the first column's first."""
    return list(dict.fromkeys(row for column in columns for row in column.rows))


def read_csv(text: str) -> dict[str, Exported]:
    """Return the configurations of a CSV export by title, with all digits.

    A column of Table 5 is a `Configuration`. Another one is a dictionary of values by the rows'
    names, without those that have no value.

    Raises:
        ConfigurationError: the text isn't such an export.
    """
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    if not lines or lines[0][0] != HEAD:
        raise ConfigurationError(f"not a CSV export: it doesn't begin with {HEAD!r}")
    if any(len(line) != len(lines[0]) for line in lines):
        raise ConfigurationError("not a CSV export: its rows differ in length")
    names = [line[0] for line in lines[1:]]
    if len(set(names)) < len(names):
        raise ConfigurationError("not a CSV export: it has two rows of one name")
    fields = {row.name: row.field for row in TABLE5}
    found: dict[str, Exported] = {}
    for at, title in enumerate(lines[0][1:], start=1):
        read = {line[0]: cells.from_csv(line[at]) for line in lines[1:]}
        values = {name: value for name, value in read.items() if value is not cells.ABSENT}
        of_table5 = values.keys() == fields.keys()
        found[title] = (
            configuration({fields[name]: value for name, value in values.items()})
            if of_table5
            else values
        )
    return found


def read_json(text: str) -> dict[str, Exported]:
    """Return the configurations of a JSON export by title, with all digits.

    A column of Table 5 is a `Configuration`. Another one is plain data, as it was evaluated.

    Raises:
        ConfigurationError: the text isn't such an export.
    """
    try:
        columns = [(each["title"], each["configuration"]) for each in json.loads(text)["columns"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"not a JSON export: {error!r}") from error
    return {title: _configuration(values) for title, values in columns}


def _configuration(values: Any) -> Exported:
    of_table5 = isinstance(values, dict) and values.keys() == Configuration.model_fields.keys()
    return configuration(values) if of_table5 else values


def _markdown(columns: Sequence[Column]) -> str:
    return text_tables.markdown(_titles(columns), _cells(columns), notes_of(columns))


def _latex(columns: Sequence[Column]) -> str:
    caption = "Metaparameters of the best configurations."
    return text_tables.latex(_titles(columns), _cells(columns), notes_of(columns), caption=caption)


def _text(columns: Sequence[Column]) -> str:
    return text_tables.text(_titles(columns), _cells(columns), notes_of(columns))


def _csv(columns: Sequence[Column]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([HEAD, *(column.title for column in columns)])
    for row in rows_of(columns):
        writer.writerow([row.name, *(column.exact_cell(row) for column in columns)])
    return out.getvalue()


def _json(columns: Sequence[Column]) -> str:
    content = {
        "columns": [
            {
                "title": column.title,
                "space": column.space,
                "space_hash": column.space_hash,
                "note": column.note,
                "confirmation": column.confirmation,
                "took": column.cost,
                "configuration": column.config,
            }
            for column in columns
        ]
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Column]], str]] = {
    "text": _text,
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
    "json": _json,
}


def _titles(columns: Sequence[Column]) -> list[str]:
    return ["", *(column.title for column in columns)]


def _cells(columns: Sequence[Column]) -> list[list[str]]:
    return [[row.name, *(each.cell(row) for each in columns)] for row in rows_of(columns)]


def notes_of(columns: Sequence[Column]) -> list[str]:
    """Return the lines below a table: its signs, then each note once with its columns."""
    by_note: dict[str, list[str]] = {}
    for column in columns:
        if column.note:
            by_note.setdefault(column.note, []).append(column.title)
    unused = any(each.cell(row) == cells.INACTIVE for row in rows_of(columns) for each in columns)
    return [
        ROUNDING_NOTE,
        *([INACTIVE_NOTE] if unused else []),
        *(
            note if len(titles) == len(columns) > 1 else f"{', '.join(titles)}: {note}"
            for note, titles in by_note.items()
        ),
        *(f"{each.title} confirmed: {each.certainty}" for each in columns if each.certainty),
        *(f"{column.title} took: {column.cost}" for column in columns if column.cost),
    ]
