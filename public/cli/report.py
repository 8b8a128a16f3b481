"""`alignsearch report`: tell the worker the metrics of a step, from a program that is a trial."""

import os
from pathlib import Path
from typing import Annotated

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.workers.reports import REPORTS_FILE, TRIAL_VARIABLE, Report, append, number


def report(
    metrics: Annotated[
        list[str], typer.Argument(metavar="METRIC=NUMBER...", help="Metrics, like loss=0.25.")
    ],
    step: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of the step, like an epoch's. Default: the one after the last."
        ),
    ] = None,
) -> None:
    """Report metrics of the trial that this program is, for `alignsearch submit SPACE -- PROGRAM`.

    The last report of the search's metric is the trial's result.
    """
    folder = os.environ.get(TRIAL_VARIABLE)
    if not folder:
        raise ConfigurationError(
            f"{TRIAL_VARIABLE} is not set: `alignsearch report` belongs into a program that "
            "`alignsearch submit SPACE -- PROGRAM` runs as a trial"
        )
    values = dict(_parsed(each) for each in metrics)
    try:
        append(Path(folder) / REPORTS_FILE, Report(values, step))
    except OSError as error:
        raise ConfigurationError(f"the report can't be written: {error}") from error


app = typer.Typer(
    name="alignsearch",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
"""The command alone, as `alignsearch.cli` runs it."""
app.command()(report)


@app.callback()
def _alone() -> None:
    """Keep the command's name: Typer takes a table's only command for the whole program."""


def _parsed(pair: str) -> tuple[str, float]:
    name, _, word = pair.partition("=")
    value = number(word)
    if not name or value is None:
        raise ConfigurationError(f"{pair!r} is not of the form METRIC=NUMBER, like loss=0.25")
    return name, value
