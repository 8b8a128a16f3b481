"""Table 5 for pages, and exports in every format."""

from collections.abc import Sequence

from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Board
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.reports.best import best_column, column_of
from alignsearch.search.reports.export import Column, export, notes_of, published_columns
from alignsearch.spaces.table5 import ROWS, format_cell

MEDIA_TYPES = {
    "markdown": "text/plain",
    "latex": "text/plain",
    "csv": "text/csv",
    "json": "application/json",
}
SUFFIXES = {"markdown": "md", "latex": "tex", "csv": "csv", "json": "json"}


def columns_of(board: Board, names: Sequence[str], *, published: bool) -> list[Column]:
    """The best configurations of the searches, after the paper's own if they are wanted.

    Raises:
        UnknownNameError: there is no such search.
        StateConflictError: one of them has no result yet.
    """
    columns = published_columns() if published else []
    return [*columns, *(best_column(board.store, name) for name in names)]


def trial_column(board: Board, name: str, tid: int) -> Column:
    """One trial as a column.

    Raises:
        UnknownNameError: there is no such search or trial.
    """
    search = board.store.searches.get(name)
    return column_of(search, board.store.trials.get(name, tid), title=f"{name} {tid}")


def table_of(board: Board, names: Sequence[str], *, published: bool) -> models.Table5:
    """As `columns_of`; searches without a result are named instead."""
    columns = published_columns() if published else []
    missing = []
    for name in names:
        try:
            columns.append(best_column(board.store, name))
        except StateConflictError:
            missing.append(name)
    return models.Table5(
        columns=[
            models.TableColumn(title=each.title, note=each.note, space=each.space.name)
            for each in columns
        ],
        rows=[
            models.TableCells(
                name=row.name,
                field=row.field,
                cells=[format_cell(row, each.configuration, each.space) for each in columns],
            )
            for row in ROWS
        ],
        notes=notes_of(columns) if columns else [],
        missing=missing,
    )


def text_of(columns: Sequence[Column], format: str) -> str:
    """The columns as text in one of the formats of `alignsearch.search.reports.export`."""
    return export(columns, format)
