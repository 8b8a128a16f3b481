"""Driving one search in this process: the cluster, the driver, its display and its interruption."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console

from alignsearch.names import driver_owner
from alignsearch.progress import ProgressDisplay
from alignsearch.search.documents.errors import AlreadyDrivenError, StoreUnavailableError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import summarize
from alignsearch.store_variable import forget_store
from alignsearch.terminal import write_error

if TYPE_CHECKING:
    from alignsearch.search.driver.driver import Driver, Outcome
    from alignsearch.search.samplers.sampler import Sampler
    from alignsearch.workers.hosts import Node

IDLE_SECONDS = 0.5
RAY_LOGS = {"RAY_ROTATION_MAX_BYTES": str(2**24), "RAY_ROTATION_BACKUP_COUNT": "1"}
"""Limits each log of a Ray that we start to 32 MiB; Ray's own limit is 3 GB."""
EXIT_INTERRUPTED = 130
EXIT_HEAD_GONE = 3
"""Exit code of a process that drove searches on a cluster whose head is gone."""

logger = logging.getLogger(__name__)


def make_driver(
    store: Store,
    uri: str,
    name: str,
    revive_store: Callable[[], None],
    allotted: Callable[[], int] | None = None,
    *,
    objective: bytes | None = None,
    sampler: "Sampler | None" = None,
) -> "Driver":
    """Return a driver of the search over the connected cluster.

    allotted: returns the slots that it may use now; by default it may use all. objective: pickled,
    for searches whose objective no module has. sampler: in place of the one that the search names.
    """
    # Importing HyperOpt and Ray takes seconds, which other commands do without.
    from alignsearch.search.driver.driver import Driver
    from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

    return Driver(
        store,
        name,
        lambda search: RayDispatcher(search, uri, objective),
        owner=driver_owner(),
        revive_store=revive_store,
        allotted=allotted,
        sampler=sampler,
    )


def drive(
    store: Store,
    driver: "Driver",
    interrupt: threading.Event,
    shown: ProgressDisplay,
    on_round: Callable[[], None] = lambda: None,
) -> "Outcome":
    """Run the driver until its search ends or it is interrupted, and display the progress.

    on_round: called after each of the driver's rounds, several times a second.
    """
    with shown as display:

        def show(*, last: bool = False) -> None:
            try:
                on_round()
                display.update(
                    lambda: summarize(
                        store.searches.get(driver.name), driver.history.standing(), store.now()
                    ),
                    driver.history.take_ended,
                    last=last,
                )
            except StoreUnavailableError as error:
                # The driver survives an outage of the store, so its display must, too.
                logger.warning("no progress to show: %s", error)

        outcome = driver.run(interrupt, show)
        driver.history.refresh()
        show(last=True)
    return outcome


def drive_to_end(
    store: Store,
    name: str,
    make: "Callable[[], Driver]",
    interrupt: threading.Event,
    shown_on: Console,
    on_round: Callable[[], None] = lambda: None,
) -> "Outcome":
    """Drive the search until it is over or the process is interrupted; a pause is waited out.

    If another process drives the search, like a `serve`, wait for the end instead.

    make: returns a driver of the search. on_round: called several times a second.
    """
    from alignsearch.search.driver.driver import Outcome
    from alignsearch.search.driver.service import wants_driver

    announced = False
    paused_for = None
    with store.news.waker("searches", search=name) as news:
        while not interrupt.is_set():
            search = store.searches.get(name)
            if search.status in TERMINAL_SEARCH_STATUSES:
                return Outcome.FINISHED
            if wants_driver(search, store.now()):
                driver = make()
                try:
                    outcome = drive(store, driver, interrupt, ProgressDisplay(shown_on), on_round)
                except AlreadyDrivenError:
                    continue
                if outcome is Outcome.INTERRUPTED:
                    return outcome
                # A search that has ended may have been extended at once, and goes on.
                if outcome is Outcome.FINISHED and _is_over(store, name):
                    return outcome
            elif search.status is SearchStatus.PAUSED and search.error != paused_for:
                paused_for = search.error
                if paused_for is not None:
                    shown_on.print(f"{name} is paused: {paused_for}", markup=False)
            elif search.driver is not None and search.driver.is_ahead(store.now()):
                store.searches.pull_back_driver(search)
            elif search.driver is not None and not announced:
                announced = True
                shown_on.print(f"{search.driver.owner} drives {name}; waiting for its end")
            on_round()
            news.wait(IDLE_SECONDS)
    return Outcome.INTERRUPTED


def _is_over(store: Store, name: str) -> bool:
    return store.searches.get(name).status in TERMINAL_SEARCH_STATUSES


@contextmanager
def cluster(
    address: str | None, say: Callable[[str], None] = lambda text: None
) -> "Iterator[list[Node]]":
    """Connect to the Ray cluster at `address`, or start one here, and yield its hosts.

    A connection that the program has made by itself is used, and left as it is.

    say: prints a line for people before what takes some seconds.

    Raises:
        ClusterError: nothing answers at `address`.
    """
    from alignsearch.workers.cluster import address as head
    from alignsearch.workers.cluster import connect, disconnect, is_connected, nodes
    from alignsearch.workers.head_watch import HeadWatch

    # Ray's processes inherit the environment, which must not have the store's password. Workers
    # get the URI with their trials.
    forget_store()
    if is_connected():
        yield nodes()
        return
    say("starting Ray on this machine" if address is None else f"connecting to Ray at {address}")
    if address is None:
        for variable, value in RAY_LOGS.items():
            os.environ.setdefault(variable, value)
    hosts = connect(address)
    try:
        with HeadWatch(head(), _end_without_head):
            yield hosts
    finally:
        disconnect()


def _end_without_head(message: str) -> None:
    """End this process with a line. Its threads wait for the head, and nothing wakes them."""
    write_error(f"alignsearch: {message}")
    os._exit(EXIT_HEAD_GONE)


@contextmanager
def interruptible(
    say: Callable[[str], None],
    then: str = "handing the running trials back",
    at_once: Callable[[], None] = lambda: os._exit(EXIT_INTERRUPTED),
) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second signal calls `at_once`.

    say: prints a line for people. then: what the program does after the first signal, for that
    line. at_once: ends the program, or what it does.
    """
    interrupt = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        # Python lets its main thread alone handle signals.
        yield interrupt
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.is_set():
            at_once()
        interrupt.set()
        say(f"{then}; once more ends at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
