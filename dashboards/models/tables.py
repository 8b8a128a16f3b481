"""Models of Table 5 of the paper, and of searches side by side."""

from alignsearch.dashboards.models.base import Model
from alignsearch.dashboards.models.searches import BestSoFar, SearchSummary


class TableColumn(Model):
    """A column of Table 5."""

    title: str
    note: str
    space: str


class TableCells(Model):
    """A row of Table 5 over several columns."""

    name: str
    field: str
    cells: list[str]


class Table5(Model):
    """Configurations as columns of Table 5. The `missing` searches have no result yet."""

    columns: list[TableColumn]
    rows: list[TableCells]
    notes: list[str]
    missing: list[str]


class Compared(Model):
    """A search in a comparison: its progress and its best so far."""

    summary: SearchSummary
    best: BestSoFar


class Comparison(Model):
    """Searches side by side."""

    searches: list[Compared]
    table: Table5
