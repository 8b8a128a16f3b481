"""`alignsearch spaces`: the search spaces and their metaparameters."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from alignment_core.errors import AlignSearchError
from alignsearch.cli.options import JsonOption, OutputOption, console, notices, print_json
from alignsearch.spaces.definition import Definition
from alignsearch.spaces.definitions import SHIPPED, find_definition, installed_names
from alignsearch.spaces.describe import definition_json, describe


def spaces(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[ADDRESS]",
            help="Name of a space, package.module:name or file.py:name. Default: all that have "
            "names.",
        ),
    ] = None,
    as_json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """Print the search spaces: metaparameters, ranges, fixed values, and the source of each."""
    chosen = _named() if name is None else [find_definition(name)]
    if as_json:
        documents = [definition_json(definition) for definition in chosen]
        print_json(documents if name is None else documents[0])
        return
    for definition in chosen:
        console.print(_table(definition))


def _named() -> list[Definition]:
    """All definitions that have a name; an installed one that can't be imported is reported."""
    found = list(SHIPPED.values())
    for name in installed_names():
        try:
            found.append(find_definition(name))
        except AlignSearchError as error:
            notices.print(f"{name}: {error}", markup=False)
    return found


def _table(definition: Definition) -> Table:
    space = definition.space
    rows = describe(space, definition.table)
    origin = space.source or (definition.source.address if definition.source else "")
    table = Table(title=escape(f"{space.name} ({origin})"), title_justify="left")
    table.add_column("metaparameter", no_wrap=True)
    columns = {
        "values": [row.distribution for row in rows],
        "active if": [row.condition for row in rows],
        "source": [row.source for row in rows],
    }
    shown = {heading: cells for heading, cells in columns.items() if any(cells)}
    for heading in shown:
        table.add_column(heading, overflow="fold")
    for row, *cells in zip(rows, *shown.values(), strict=True):
        table.add_row(*map(escape, (row.name, *cells)))
    return table
