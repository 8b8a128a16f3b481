"""Tables of configurations for pages, and as text in each format of `alignsearch export`."""

from collections.abc import Sequence

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.reports.best import best_column, best_columns, column_of
from alignsearch.search.reports.export import (
    TABLE5,
    Column,
    export,
    notes_of,
    published_columns,
    rows_of,
)

TABLE5_TITLE = "Table 5 of Kunin et al. 2020"

MEDIA_TYPES = {
    "text": "text/plain",
    "markdown": "text/plain",
    "latex": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
}
SUFFIXES = {"text": "txt", "markdown": "md", "latex": "tex", "csv": "csv", "json": "json"}


def columns_of(mirror: Mirror, names: Sequence[str], *, published: bool) -> list[Column]:
    """Columns of the searches' best trials, after the paper's own columns if `published`.

    A search of several metrics has a column for each trial of its front.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: a search has no result yet.
    """
    columns = published_columns() if published else []
    return [*columns, *(each for name in names for each in best_columns(mirror.store, name))]


def trial_column(mirror: Mirror, name: str, tid: int) -> Column:
    """A trial as a column.

    Raises:
        UnknownNameError: there is no such search or trial.
    """
    search = mirror.store.searches.get(name)
    return column_of(search, mirror.store.trials.get(name, tid), title=f"{name} {tid}")


def table_of(mirror: Mirror, names: Sequence[str], *, published: bool) -> models.ResultTable:
    """The same columns as rows of cells; a search without a column is in `missing`, with why."""
    columns = published_columns() if published else []
    missing = []
    for name in names:
        try:
            columns.append(best_column(mirror.store, name))
        except StateConflictError as error:
            missing.append(models.MissingColumn(name=name, reason=str(error)))
    rows = rows_of(columns)
    return models.ResultTable(
        title=TABLE5_TITLE if columns and tuple(rows) == TABLE5 else "",
        columns=[
            models.TableColumn(title=each.title, note=each.note, space=each.space)
            for each in columns
        ],
        rows=[
            models.TableCells(
                name=row.name, field=row.field, cells=[each.cell(row) for each in columns]
            )
            for row in rows
        ],
        notes=notes_of(columns) if columns else [],
        missing=missing,
    )


def text_of(columns: Sequence[Column], format: str) -> str:
    """Format columns as text: `text`, `markdown`, `latex`, `csv` or `json`."""
    return export(columns, format)
