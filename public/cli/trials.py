"""`alignsearch trials`: the trials of a search as a table, as CSV or as JSON."""

from typing import Annotated

import typer
from rich.table import Table

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    StoreOption,
    console,
    print_json,
    print_text,
)
from alignsearch.cli.trial_rows import cell, heading, row, row_fields
from alignsearch.spaces.catalog import RUNS, recorded_space
from alignsearch.wiring import open_store

RUN_FIELDS = ("rule", "model", "seed")
"""Columns that tell an experiment's runs apart; they are printed before the others."""


def trials(
    name: NameArgument,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print comma-separated values, with all digits.")
    ] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """List a search's trials with their metaparameters and losses."""
    if as_csv and as_json:
        raise ConfigurationError("--csv or --json, not both")
    with open_store(store) as opened:
        search = opened.searches.get(name)
        space = recorded_space(search.space)
        found = opened.trials.all(name)
    if as_json:
        print_json([trial.model_dump(mode="json") for trial in found])
        return
    import pandas as pd

    sampled = [parameter.name for parameter in space.sampled]
    if space is RUNS:
        sampled = list(dict.fromkeys(key for trial in found for key in trial.config))
    frame = pd.DataFrame(
        [row(search, trial) | {key: trial.config.get(key) for key in sampled} for trial in found],
        columns=[*row_fields(search), *sampled],
    )
    if as_csv:
        print_text(frame.to_csv(index=False))
        return
    shown = RUN_FIELDS if space is RUNS else ()
    table = Table()
    for field in (*shown, *row_fields(search)):
        table.add_column(heading(field))
    for trial in found:
        values = [*(trial.config[key] for key in shown), *row(search, trial).values()]
        table.add_row(*map(cell, values))
    console.print(table)
