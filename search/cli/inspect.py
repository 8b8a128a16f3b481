"""`alignsearch status|trials|show|best`: looking at searches and trials."""

import time
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table

from alignment_core.errors import ConfigurationError
from search.cli.export import best_column
from search.cli.live import REFRESH_SECONDS, best_so_far, duration, panel, seconds_of
from search.cli.options import (
    JsonOption,
    NameArgument,
    StoreOption,
    console,
    open_store,
    print_json,
    print_text,
)
from search.documents import Trial
from search.errors import StateConflictError
from search.export import Column
from search.export import export as render
from search.history import History
from search.states import TERMINAL_SEARCH_STATUSES
from search.store import Store
from search.summary import Summary, summarize
from spaces.catalog import get_space
from spaces.configuration import configuration


def summary_of(store: Store, name: str) -> Summary:
    """The search as it is now."""
    return summarize(store.get_search(name), store.trials(name), store.now())


def status(
    name: Annotated[str | None, typer.Argument(help="One search; without it, all.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until the search is over.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Say where searches stand and what they wait for."""
    if watch and (name is None or as_json):
        raise ConfigurationError("--watch follows one named search on a terminal, without --json")
    with open_store(store) as opened:
        if name is None:
            _list(opened, as_json=as_json)
        elif as_json:
            print_json(summary_of(opened, name).to_json())
        elif watch:
            _watch(opened, name)
        else:
            console.print(panel(summary_of(opened, name)))


def _list(store: Store, *, as_json: bool) -> None:
    summaries = [summary_of(store, search.name) for search in store.list_searches()]
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
            duration(summary.seconds_left),
        )
    console.print(table if summaries else "no search yet: `alignsearch submit` makes one")


def _watch(store: Store, name: str) -> None:
    history = History(store, name)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            history.sync()
            search = store.get_search(name)
            live.update(
                panel(summarize(search, history.trials.values(), store.now())), refresh=True
            )
            if search.status in TERMINAL_SEARCH_STATUSES:
                return
            time.sleep(REFRESH_SECONDS)


def trials(
    name: NameArgument,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """List a search's trials with their metaparameters and losses."""
    with open_store(store) as opened:
        space = get_space(opened.get_search(name).space)
        found = opened.trials(name)
    if as_json:
        print_json([trial.model_dump(mode="json") for trial in found])
        return
    import pandas as pd

    sampled = [parameter.name for parameter in space.sampled]
    frame = pd.DataFrame(
        [_row(trial) | {key: trial.config[key] for key in sampled} for trial in found],
        columns=[*_row_fields(), *sampled],
    )
    if as_csv:
        print_text(frame.to_csv(index=False))
        return
    table = Table()
    for heading in _row_fields():
        table.add_column(heading)
    for trial in found:
        table.add_row(*(_cell(value) for value in _row(trial).values()))
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
        (result.reason if result else None) or _first_line(trial.error),
    ]
    return dict(zip(_row_fields(), values, strict=True))


def show(
    name: NameArgument,
    tid: Annotated[int, typer.Argument(help="Number of the trial.")],
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Show one trial: metaparameters, epochs, attempts, error."""
    with open_store(store) as opened:
        search = opened.get_search(name)
        trial = opened.get_trial(name, tid)
        epochs = opened.epochs(trial.id)
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
        facts.add_row(key, _cell(value))
    console.print(facts)
    column = Column(f"{name} {tid}", configuration(trial.config), get_space(search.space))
    print_text("\n" + render([column], "markdown"))
    fields = (
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
    table = Table(title="epochs", title_justify="left")
    for field in fields:
        table.add_column(field)
    table.add_column("mean angle")
    for epoch in epochs:
        angles = [layer.angle for layer in epoch.layers]
        angle = f"{sum(angles) / len(angles):.1f}" if angles else ""
        table.add_row(*(_cell(getattr(epoch, field)) for field in fields), angle)
    console.print(table)
    for attempt in trial.attempts.values():
        console.print(
            f"attempt {attempt.number} on {attempt.host} ({attempt.accelerator}): "
            f"{attempt.outcome or 'running'}",
            highlight=False,
        )
    if trial.error:
        print_text(trial.error)


def best(name: NameArgument, as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Print a search's best trial and its configuration."""
    with open_store(store) as opened:
        column = best_column(opened, name)
        summary = summary_of(opened, name)
    if as_json:
        trial = summary.best
        if trial is None:
            raise StateConflictError(f"search {name!r} has no finished trial yet")
        print_json(
            {
                "tid": trial.tid,
                "loss": summary.best_loss,
                "chance": summary.chance,
                "configuration": trial.config,
            }
        )
        return
    print_text(f"best {best_so_far(summary)}\n")
    print_text(render([column], "markdown"))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _first_line(text: str | None) -> str | None:
    lines = (text or "").strip().splitlines()
    return lines[-1] if lines else None
