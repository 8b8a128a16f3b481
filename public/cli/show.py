"""`alignsearch show`: one trial with its metaparameters, epochs, attempts and error."""

from math import isfinite
from statistics import fmean

from rich.table import Table

from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    OutputOption,
    StoreOption,
    TidArgument,
    console,
    print_json,
    print_text,
    table_of,
)
from alignsearch.cli.trial_rows import cell, heading
from alignsearch.search.documents import Epoch, is_list_of_runs
from alignsearch.search.documents.divergence import DIVERGED, has_diverged, shown_state
from alignsearch.search.reports.best import column_of
from alignsearch.search.reports.divergence import reason_of
from alignsearch.search.reports.export import export as render
from alignsearch.search.reports.trial_table import columns_of, row_of
from alignsearch.search.use_cases.diverged import why_diverged
from alignsearch.wiring import open_store

EPOCH_FIELDS = (
    "attempt",
    "epoch",
    "loss",
    "train_accuracy",
    "validation_accuracy",
    "learning_rate",
    "alignment_learning_rate",
    "alignment_loss",
    "seconds",
)

LAYER_MEANS = {
    "mean_angle": ("angle", 1),
    "mean_update_angle": ("gradient_angle", 1),
    "mean_sign_agreement": ("sign_agreement", 3),
}
"""Columns of a mean over the layers: the field of `LayerRecord`, and its digits after the point."""


def show(
    name: NameArgument,
    tid: TidArgument,
    as_json: JsonOption = False,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """Show one trial: its metaparameters, epochs, attempts and error."""
    with open_store(store) as opened:
        search = opened.searches.get(name)
        trial = opened.trials.get(name, tid)
        epochs = opened.logs.epochs(trial.id)
        why = why_diverged(opened, search) if has_diverged(trial) and not as_json else None
    if as_json:
        print_json(
            {
                "trial": trial.model_dump(mode="json"),
                "epochs": [epoch.model_dump(mode="json") for epoch in epochs],
            }
        )
        return
    columns = columns_of(search, [trial])
    values = row_of(search, trial, columns)
    facts = Table.grid(padding=(0, 2))
    for key in columns.fixed:
        shown = shown_state(trial) if key == "state" else cell(values[key])
        facts.add_row(heading(key), shown)
    console.print(facts)
    if is_list_of_runs(search):
        run = Table.grid(padding=(0, 2))
        for key, value in trial.config.items():
            run.add_row(heading(key), cell(value))
        console.print("", run, "")
    else:
        column = column_of(search, trial, title=f"{name} {tid}")
        print_text("\n" + render([column], "text"))
    console.print(_epochs_table(epochs))
    for attempt in trial.attempts.values():
        console.print(
            f"attempt {attempt.number} on {attempt.host} ({attempt.accelerator}): "
            f"{attempt.outcome or 'running'}",
            highlight=False,
        )
    if trial.error:
        print_text(trial.error)
    if has_diverged(trial):
        print_text(f"{DIVERGED}: {reason_of(trial)}")
    for line in [] if why is None else why.lines():
        print_text(line)


def _epochs_table(epochs: list[Epoch]) -> Table:
    """Return a table with a row for each epoch, without columns that are empty."""
    columns = {field: [cell(getattr(epoch, field)) for epoch in epochs] for field in EPOCH_FIELDS}
    for name in dict.fromkeys(name for epoch in epochs for name in epoch.metrics):
        # A metric may have the name of a training's field, which is then empty.
        own = name if not any(columns.get(name, ())) else f"metric {name}"
        columns[own] = [cell(epoch.metrics.get(name)) for epoch in epochs]
    for column, (field, digits) in LAYER_MEANS.items():
        measured = ([getattr(layer, field) for layer in epoch.layers] for epoch in epochs)
        columns[column] = [_mean(each, digits) for each in measured]
    shown = {field: cells for field, cells in columns.items() if any(cells)}
    table = table_of(*map(heading, shown), title="epochs")
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*cells)
    return table


def _mean(values: list[float | None], digits: int) -> str:
    """Return the mean of a measurement over the layers, empty if it wasn't measured in any."""
    known = [value for value in values if value is not None and isfinite(value)]
    return f"{fmean(known):.{digits}f}" if known else ""
