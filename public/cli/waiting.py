"""`--wait`: a search is driven by the command that submitted, extended or confirmed it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from alignsearch.cli.options import console, hint, notice, notices, print_json, print_text
from alignsearch.driving import (
    EXIT_INTERRUPTED,
    cluster,
    drive_to_end,
    interruptible,
    make_driver,
)
from alignsearch.names import driver_owner
from alignsearch.progress import against_chance, best_of_summary
from alignsearch.search.documents import metrics_of
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.reports.best import best_column
from alignsearch.search.reports.confirmation import in_words
from alignsearch.search.reports.export import export as render
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import read_summary

if TYPE_CHECKING:
    from alignsearch.search.driver.driver import Outcome


def wait_for(
    store: Store,
    uri: str,
    name: str,
    ray: str | None,
    revive_store: Callable[[], None],
    *,
    as_json: bool,
) -> None:
    """Drive a search to its end in this process, and print its best trial.

    The process exits with 130 if it is interrupted, and with 1 if the search doesn't complete.

    Args:
        store: holds the search.
        uri: the store's address, for workers.
        name: the search's name.
        ray: HOST:PORT of a Ray cluster's head; None for a Ray on this machine.
        revive_store: called when the store doesn't answer.
        as_json: whether to print one JSON document, and all else to standard error.
    """
    from alignsearch.search.driver.driver import Outcome

    if not as_json:
        print_text(f"search {name}")
    # On a pipe, the one document that was asked for is all there is.
    outcome = drive(store, uri, name, ray, revive_store, notices if as_json else console)
    summary = read_summary(store, name)
    if as_json:
        print_json({**summary.to_json(), "outcome": outcome.value})
    elif outcome == Outcome.INTERRUPTED:
        print_text(f"interrupted; `alignsearch serve` continues {name}")
    elif summary.best is not None:
        print_text(f"{name} is {summary.search.status}: best {best_of_summary(summary)}")
        print_text(f"{against_chance(summary)}\n")
        if summary.confirmed is not None:
            print_text("\n".join(in_words(summary.confirmed, summary.metric)) + "\n")
        print_text(render([best_column(store, name)], "text"))
        if len(metrics_of(summary.search)) > 1:
            print_text(f"\nnext: `alignsearch best {name}` prints the front of all metrics")
    elif summary.nearest is not None:
        print_text(f"{name} is {summary.search.status}: best {best_of_summary(summary)}")
    else:
        print_text(f"{name} is {summary.search.status}: {summary.search.error or 'no result'}")
    if outcome == Outcome.INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)
    if summary.search.status != SearchStatus.COMPLETED:
        raise typer.Exit(1)


def drive(
    store: Store,
    uri: str,
    name: str,
    ray: str | None,
    revive_store: Callable[[], None],
    shown_on: Console,
) -> "Outcome":
    """Drive a search to its end, or to an interrupt, and return which; arguments as `wait_for`.

    shown_on: displays the progress.
    """
    with cluster(ray, hint), interruptible(notice) as interrupt:
        from alignsearch.search.use_cases.beside_driving import beside_driving

        make = partial(make_driver, store, uri, name, revive_store)
        with beside_driving(store, uri, driver_owner(), interrupt=interrupt, only=name, say=hint):
            return drive_to_end(store, name, make, interrupt, shown_on)
