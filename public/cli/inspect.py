"""`alignsearch status|trials|show|best`: looking at searches and trials."""

import threading
from statistics import fmean
from typing import Annotated, Any

import typer
from rich.table import Table

from alignment_core.errors import ConfigurationError
from alignsearch.cli.options import (
    JsonOption,
    NameArgument,
    StoreOption,
    TidArgument,
    console,
    has_store,
    open_store,
    print_json,
    print_text,
)
from alignsearch.cli.progress import (
    REFRESH_SECONDS,
    ProgressDisplay,
    best_so_far,
    duration,
    panel,
    seconds_of,
)
from alignsearch.search.documents import Epoch, Trial
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.driver.history import History
from alignsearch.search.reports.best import best_trial, column_of
from alignsearch.search.reports.export import Column
from alignsearch.search.reports.export import export as render
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import Summary, read_summary, summarize
from alignsearch.spaces.catalog import RUNS, get_space, recorded_space
from alignsearch.spaces.configuration import configuration

RUN_FIELDS = ("rule", "model", "seed")
"""What tells an experiment's runs apart in a table of them."""

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


def status(
    name: Annotated[str | None, typer.Argument(help="One search; without it, all.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until the search is over.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Say where searches stand and what they wait for."""
    if watch and (name is None or as_json):
        raise ConfigurationError("--watch follows one named search, without --json")
    if name is None and not has_store(store):
        _list([], as_json=as_json)
        return
    with open_store(store) as opened:
        if name is None:
            found = opened.searches.all()
            _list([read_summary(opened, search.name) for search in found], as_json=as_json)
        elif as_json:
            print_json(read_summary(opened, name).to_json())
        elif watch:
            _watch(opened, name)
        else:
            console.print(panel(read_summary(opened, name)))


def _list(summaries: list[Summary], *, as_json: bool) -> None:
    if as_json:
        print_json([summary.to_json() for summary in summaries])
        return
    table = Table()
    for heading in ("search", "space", "data", "status", "trials", "busy", "best", "left"):
        table.add_column(heading)
    for summary in summaries:
        search = summary.search
        table.add_row(
            search.name,
            search.space,
            search.recipe.dataset,
            search.status.value,
            f"{summary.finished}/{search.trials}",
            f"{summary.busy}/{search.parallel}",
            "" if summary.best_loss is None else f"{summary.best_loss:.4f}",
            _time_left(summary),
        )
    console.print(table if summaries else "no search yet: `alignsearch submit` makes one")


def _time_left(summary: Summary) -> str:
    """Nothing where it isn't known, or where the search is over."""
    over = summary.search.status in TERMINAL_SEARCH_STATUSES
    return "" if over or summary.seconds_left is None else duration(summary.seconds_left)


def _watch(store: Store, name: str) -> None:
    history = History(store, name)
    pause = threading.Event()

    def summary() -> Summary:
        search = store.searches.get(name)
        return summarize(search, history.standing(), store.now(), store.ping())

    with ProgressDisplay(console) as display:
        while True:
            search = store.searches.get(name)
            history.sync()
            display.update(summary, history.take_ended, last=True)
            if search.status in TERMINAL_SEARCH_STATUSES:
                break
            pause.wait(REFRESH_SECONDS)
    print_text(f"{name} is {search.status}")


def trials(
    name: NameArgument,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """List a search's trials with their metaparameters and losses."""
    if as_csv and as_json:
        raise ConfigurationError("--csv or --json, not both")
    with open_store(store) as opened:
        space = recorded_space(opened.searches.get(name).space)
        found = opened.trials.all(name)
    if as_json:
        print_json([trial.model_dump(mode="json") for trial in found])
        return
    import pandas as pd

    sampled = [parameter.name for parameter in space.sampled]
    if space is RUNS:
        sampled = list(dict.fromkeys(key for trial in found for key in trial.config))
    frame = pd.DataFrame(
        [_row(trial) | {key: trial.config.get(key) for key in sampled} for trial in found],
        columns=[*_row_fields(), *sampled],
    )
    if as_csv:
        print_text(frame.to_csv(index=False))
        return
    shown = RUN_FIELDS if space is RUNS else ()
    table = Table()
    for heading in (*shown, *_row_fields()):
        table.add_column(_heading(heading))
    for trial in found:
        values = [*(trial.config[key] for key in shown), *_row(trial).values()]
        table.add_row(*map(_cell, values))
    console.print(table)


def _row_fields() -> list[str]:
    return ["tid", "state", "validation_error", "epoch", "attempts", "seconds", "host", "note"]


def _row(trial: Trial) -> dict[str, Any]:
    last = trial.attempts.get(str(trial.attempt))
    result = trial.result
    progress = trial.progress
    values = [
        trial.tid,
        trial.state.value,
        result.loss if result else progress.validation_error if progress else None,
        f"{progress.epoch}/{progress.epochs}" if progress else None,
        trial.attempt,
        seconds_of(trial),
        last.host if last else None,
        (result.reason if result else None) or last_line(trial.error),
    ]
    return dict(zip(_row_fields(), values, strict=True))


def show(
    name: NameArgument,
    tid: TidArgument,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Show one trial: metaparameters, epochs, attempts, error."""
    with open_store(store) as opened:
        search = opened.searches.get(name)
        trial = opened.trials.get(name, tid)
        epochs = opened.logs.epochs(trial.id)
    if as_json:
        print_json(
            {
                "trial": trial.model_dump(mode="json"),
                "epochs": [epoch.model_dump(mode="json") for epoch in epochs],
            }
        )
        return
    facts = Table.grid(padding=(0, 2))
    for key, value in _row(trial).items():
        facts.add_row(_heading(key), _cell(value))
    console.print(facts)
    if search.space == RUNS.name:
        run = Table.grid(padding=(0, 2))
        for key, value in trial.config.items():
            run.add_row(_heading(key), _cell(value))
        console.print("", run, "")
    else:
        column = Column(f"{name} {tid}", configuration(trial.config), get_space(search.space))
        print_text("\n" + render([column], "markdown"))
    console.print(_epochs_table(epochs))
    for attempt in trial.attempts.values():
        console.print(
            f"attempt {attempt.number} on {attempt.host} ({attempt.accelerator}): "
            f"{attempt.outcome or 'running'}",
            highlight=False,
        )
    if trial.error:
        print_text(trial.error)


def _epochs_table(epochs: list[Epoch]) -> Table:
    """Every epoch in a row; what no epoch has, like a rule's loss without a rule, is left out."""
    columns = {field: [_cell(getattr(epoch, field)) for epoch in epochs] for field in EPOCH_FIELDS}
    angles = [[layer.angle for layer in epoch.layers] for epoch in epochs]
    columns["mean_angle"] = [f"{fmean(each):.1f}" if each else "" for each in angles]
    shown = {field: cells for field, cells in columns.items() if any(cells)}
    table = Table(title="epochs", title_justify="left")
    for field in shown:
        table.add_column(_heading(field))
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table


def best(name: NameArgument, as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Print a search's best trial and its configuration."""
    with open_store(store) as opened:
        search, trial = best_trial(opened, name)
    if as_json:
        print_json(
            {
                "tid": trial.tid,
                "loss": trial.loss,
                "chance": trial.chance,
                "configuration": trial.config,
            }
        )
        return
    column = column_of(search, trial, title=name)
    print_text(f"best {best_so_far(trial)}\n")
    print_text(render([column], "markdown"))


def _heading(field: str) -> str:
    """A field's name in words, between which a narrow terminal can break the line."""
    return field.replace("_", " ")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
