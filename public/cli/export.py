"""`alignsearch export`: the best configurations as columns of their definitions' tables."""

from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import StoreOption, print_data
from alignsearch.search.reports.best import best_columns
from alignsearch.search.reports.export import export as render
from alignsearch.search.reports.export import published_columns
from alignsearch.wiring import open_store


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Names of searches; each is a column."),
    ] = None,
    format: Annotated[
        str,
        typer.Option("--format", metavar="[markdown|latex|csv|json]", help="Format of the table."),
    ] = "markdown",
    published: Annotated[
        bool, typer.Option("--published", help="Add the four columns of the paper's Table 5.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Print the best configuration of each search as a column of a table.

    A search of several metrics has a column for each trial of its front.

    The rows are those of the search's definition: Table 5 for the paper's spaces, one row a
    dimension for others.
    """
    columns = published_columns() if published else []
    if not names and not published:
        raise ConfigurationError("name at least one search, or ask for --published")
    if names:
        with open_store(store) as opened:
            columns += [each for name in names for each in best_columns(opened, name)]
    print_data(render(columns, format))
