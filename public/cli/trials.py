"""`alignsearch trials`: the trials of a search as a table, as CSV or as JSON."""

import csv
import io
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    OutputOption,
    StoreOption,
    console,
    notices,
    print_json,
    print_text,
    table_of,
)
from alignsearch.cli.trial_rows import cell, heading
from alignsearch.search.documents import is_list_of_runs
from alignsearch.search.documents.digits import told_apart
from alignsearch.search.documents.divergence import shown_state
from alignsearch.search.reports.divergence import divergence_of
from alignsearch.search.reports.trial_table import TrialColumns, columns_of, row_of
from alignsearch.wiring import open_store

RUN_FIELDS = ("rule", "model", "seed")
"""Columns that tell an experiment's runs apart; they are printed before the others."""


def trials(
    name: NameArgument,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print comma-separated values, with all digits.")
    ] = False,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """List a search's trials with their metaparameters and losses.

    As CSV, each dimension has a column, which is empty where the dimension isn't active.
    """
    if as_csv and as_json:
        raise ConfigurationError("--csv or --json, not both")
    with open_store(store) as opened:
        search = opened.searches.get(name)
        found = opened.trials.all_readable(name)
    if as_json:
        print_json([trial.model_dump(mode="json") for trial in found])
        return
    columns = columns_of(search, found)
    rows = [row_of(search, trial, columns) for trial in found]
    if as_csv:
        for label, column in columns.renamed.items():
            notices.print(f"the dimension {label!r} has the column {column!r}", soft_wrap=True)
        print_text(_csv(columns, rows))
        return
    shown = [*(RUN_FIELDS if is_list_of_runs(search) else ()), *columns.fixed]
    table = table_of(*map(heading, shown))
    # The third column is the metric's.
    metric = columns.fixed[2]
    known = [row[metric] for row in rows if row[metric] is not None]
    texts = dict(zip(known, told_apart(known), strict=True))
    for trial, row in zip(found, rows, strict=True):
        cells = {field: cell(row.get(field)) for field in shown}
        cells |= {"state": shown_state(trial), metric: texts.get(row[metric], "")}
        table.add_row(*cells.values())
    console.print(table)
    for line in divergence_of(search, found).lines():
        print_text(line)


def _csv(columns: TrialColumns, rows: Iterable[dict[str, Any]]) -> str:
    """Return the rows as comma-separated values, with all digits.

    A choice's option None is written out: its dimension is active.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns.names)
    dimensions = columns.dimensions.values()
    for row in rows:
        fixed = [row[name] for name in columns.fixed]
        writer.writerow([*fixed, *(str(row[name]) if name in row else "" for name in dimensions)])
    return out.getvalue()
