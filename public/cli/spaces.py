"""`alignsearch spaces`: the search spaces and their metaparameters."""

from typing import Annotated

import typer
from rich.table import Table

from alignsearch.cli.options import JsonOption, console, print_json
from alignsearch.spaces.catalog import SPACES, get_space
from alignsearch.spaces.describe import describe, to_json


def spaces(
    name: Annotated[
        str | None, typer.Argument(help="Name of a space. Default: all spaces.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the search spaces: metaparameters, ranges, fixed values, and the source of each."""
    chosen = list(SPACES.values()) if name is None else [get_space(name)]
    if as_json:
        documents = [to_json(space) for space in chosen]
        print_json(documents if name is None else documents[0])
        return
    for space in chosen:
        table = Table(title=f"{space.name} ({space.source})", title_justify="left")
        table.add_column("metaparameter", no_wrap=True)
        for heading in ("values", "source"):
            table.add_column(heading, overflow="fold")
        for row in describe(space):
            table.add_row(row.name, row.distribution, row.source)
        console.print(table)
