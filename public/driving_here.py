"""Driving a search in the process of a Python program: a script, or a notebook's kernel."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from alignsearch.driving import cluster, drive_to_end, interruptible, make_driver
from alignsearch.left_behind import LeftBehind
from alignsearch.names import driver_owner, whoami
from alignsearch.search.documents import Search, lives_in_session
from alignsearch.search.documents.definition import ASKED
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.beside_driving import beside_driving
from alignsearch.search.use_cases.unchanged import check_function
from alignsearch.store_variable import ray_of_environment
from alignsearch.terminal import VisibleConsole, write_error
from alignsearch.wiring import reviver, store_uri

ENDING_SECONDS = 10.0
"""Longest wait for workers to end with their cluster; then their leases have to expire."""


def drive_here(
    store: Store,
    name: str,
    *,
    named_store: str | None,
    ray: str | None,
    objective: Callable[..., Any] | None,
    replace_objective: bool = False,
    show: bool,
) -> None:
    """Drive a search until it is over.

    Args:
        store: a connection to the search's store.
        name: the search's name.
        named_store: URI of the store; None for this folder's embedded one.
        ray: address of a Ray cluster's head; None for the environment's, or this machine.
        objective: the function that evaluates the trials of a search whose objective no module has.
        replace_objective: go on with another function than the one before.
        show: whether to display the progress.

    Raises:
        StateConflictError: such a search needs its objective, or has another one.
        ConfigurationError: the objective can't be sent to workers.
        KeyboardInterrupt: the process was interrupted; the running trials are handed back.
    """
    search = store.searches.get(name)
    if search.status in TERMINAL_SEARCH_STATUSES:
        return
    payload = _payload(search, objective)
    check_function(store, search, objective, whoami(), replace=replace_objective)
    console = VisibleConsole(quiet=not show)
    with (
        driving_here(store, name, named_store, ray, console.print) as here,
        beside_driving(store, here.uri, driver_owner(), interrupt=here.interrupt, only=name),
    ):
        make = partial(make_driver, store, here.uri, name, reviver(named_store), objective=payload)
        outcome = drive_to_end(store, name, make, here.interrupt, console, here.look_after)
    if outcome == "interrupted":
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Here:
    """This process, prepared to drive a search.

    Attributes:
        uri: the store's URI, for workers.
        interrupt: an event that Ctrl-C and SIGTERM set.
        look_after: to be called several times a second; takes over from dead processes.
    """

    uri: str
    interrupt: threading.Event
    look_after: Callable[[], None]


@contextmanager
def driving_here(
    store: Store,
    name: str,
    named_store: str | None,
    ray: str | None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Here]:
    """Prepare this process to drive a search: its cluster, its signals, and what others left.

    Arguments as `drive_here`; `say` prints a line before what takes some seconds. At the end of
    the context, trials are queued again whose workers have ended with a cluster that was started
    here.

    Raises:
        ClusterError: the cluster can't be reached.
    """
    # Importing Ray takes a second.
    from alignsearch.workers.cluster import is_connected

    embedded = named_store is None
    address = ray or ray_of_environment()
    starts_ray = address is None and not is_connected()
    left = LeftBehind(store, name) if embedded else None
    if left is not None:
        left.free_driver()
    still_running: LeftBehind | None = None
    try:
        with (
            cluster(address, say),
            interruptible(_say, at_once=_raise_interrupt) as interrupt,
        ):
            try:
                look_after = left.crash_trials if left is not None else _nothing
                yield Here(store_uri(named_store), interrupt, look_after)
            finally:
                if embedded and starts_ray:
                    still_running = LeftBehind(store, name)
    finally:
        if still_running is not None:
            still_running.hand_back_trials(ENDING_SECONDS)


def check_objective(search: Search, objective: Callable[..., Any] | None) -> None:
    """Check that this process can drive the search with this objective.

    Raises:
        StateConflictError: the search needs an objective, or has none to run.
        ConfigurationError: the objective can't be sent to workers.
    """
    _payload(search, objective)


def _payload(search: Search, objective: Callable[..., Any] | None) -> bytes | None:
    """Return the objective for workers, where the search has one that no module has.

    Raises:
        StateConflictError: nobody can drive the search from here.
        ConfigurationError: the objective can't be sent to workers.
    """
    kind = None if search.definition is None else search.definition.objective.kind
    if kind == ASKED:
        raise StateConflictError(
            f"search {search.name!r} has no objective to run: its trials are asked for, by ask()"
        )
    if not lives_in_session(search):
        return None
    if objective is None:
        raise StateConflictError(
            f"search {search.name!r} needs its objective, which no module has: run its script "
            f"again, or alignsearch.resume({search.name!r}, objective)"
        )
    from alignsearch.workers.objectives.function import calling
    from alignsearch.workers.shipping import pickled

    return pickled(calling(objective))


def _say(text: str) -> None:
    write_error(text)


def _raise_interrupt() -> None:
    # Unlike a command, a notebook's kernel must survive it.
    raise KeyboardInterrupt


def _nothing() -> None: ...
