"""`alignsearch experiment`: a command for each experiment of the table, and a list of them."""

import typer

from alignsearch.cli.experiments import reproduce
from alignsearch.cli.experiments.command import add_command
from alignsearch.cli.options import JsonOption, console, print_json, table_of
from alignsearch.experiments.reproduce import NAME, SHOWS, SOURCE
from alignsearch.experiments.table import EXPERIMENTS

HELP = "Run an experiment of the paper; without a name, list all of them."

app = typer.Typer(help=HELP, invoke_without_command=True)


@app.callback(help=HELP)
def experiments(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the experiments, unless one of them is named."""
    if context.invoked_subcommand is not None:
        return
    listed = [(each.name, each.source, each.shows) for each in EXPERIMENTS]
    listed.append((NAME, SOURCE, SHOWS))
    if as_json:
        print_json([{"name": n, "source": source, "shows": shows} for n, source, shows in listed])
        return
    table = table_of("experiment", "Kunin et al. 2020", "shows")
    for row in listed:
        table.add_row(*row)
    console.print(table)


for _entry in EXPERIMENTS:
    add_command(app, _entry)
app.command(NAME)(reproduce.command)
