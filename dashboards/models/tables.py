"""Models of tables of configurations, and of searches side by side."""

from alignsearch.dashboards.models.base import Model
from alignsearch.dashboards.models.searches import BestSoFar, SearchSummary


class TableColumn(Model):
    """A column: one configuration."""

    title: str
    note: str
    space: str


class TableCells(Model):
    """A row over several columns; a cell is empty where a configuration has no value."""

    name: str
    field: str
    cells: list[str]


class MissingColumn(Model):
    """A search that has no column, and why."""

    name: str
    reason: str


class ResultTable(Model):
    """Configurations as columns of a table.

    Attributes:
        title: name of the table that all columns are columns of; empty if it has none.
        missing: searches without a column.
    """

    title: str
    columns: list[TableColumn]
    rows: list[TableCells]
    notes: list[str]
    missing: list[MissingColumn]


class Compared(Model):
    """A search in a comparison: its progress and its best so far."""

    summary: SearchSummary
    best: BestSoFar


class Comparison(Model):
    """Searches side by side."""

    searches: list[Compared]
    table: ResultTable
