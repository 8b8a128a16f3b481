"""`alignsearch serve`, and driving one search from this process."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from alignment_core.errors import AlignSearchError
from search.cli.live import ProgressDisplay
from search.cli.options import (
    LogFormatOption,
    LogLevelOption,
    RayOption,
    StoreOption,
    console,
    driver_owner,
    notices,
    print_text,
    start_logs,
    store_uri,
)
from search.documents import Search
from search.errors import StoreUnavailableError
from search.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from search.store import Store
from search.summary import is_driven, standing_of, summarize

if TYPE_CHECKING:
    from search.driver import Outcome
    from workers.cluster import Node

IDLE_SECONDS = 0.5
RETRY_SECONDS = 30.0
"""How long `serve` leaves a search alone whose driving failed."""
EXIT_INTERRUPTED = 130

logger = logging.getLogger(__name__)


def serve(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Answer Prometheus at this port; 0: at any free one."),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(help="Address at which it is answered; 0.0.0.0 is all of them.")
    ] = "127.0.0.1",
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Drive every queued search, by priority and age, until interrupted."""
    start_logs(log_format, log_level)
    uri = store_uri(store)
    if metrics_port is not None:
        from search.metrics import serve_metrics

        port = serve_metrics(uri, metrics_host, metrics_port)
        print_text(f"metrics at http://{metrics_host}:{port}/metrics")
    with Store.connect(uri) as opened, cluster(ray), interruptible() as interrupt:
        print_text(f"serving the searches of {opened.uri_for_people}")
        not_before: dict[str, float] = {}
        while not interrupt.is_set():
            try:
                search = _next(opened, not_before)
                if search is None:
                    interrupt.wait(IDLE_SECONDS)
                else:
                    _serve_one(opened, uri, search.name, interrupt, not_before)
            except StoreUnavailableError as error:
                # Searches of weeks outlive a store's restart.
                logger.warning("trying again: %s", error)
                interrupt.wait(IDLE_SECONDS)


def _serve_one(
    store: Store,
    uri: str,
    name: str,
    interrupt: threading.Event,
    not_before: dict[str, float],
) -> None:
    try:
        outcome = drive(store, uri, name, interrupt, console)
    except AlignSearchError as error:
        logger.warning("search %s: %s; trying again in %g s", name, error, RETRY_SECONDS)
        not_before[name] = time.monotonic() + RETRY_SECONDS
        store.add_event(name, driver_owner(), "driver failed", str(error))
    else:
        print_text(f"{name}: {outcome}")


def _next(store: Store, not_before: dict[str, float]) -> Search | None:
    """The search to drive now: wants a driver, has none; the highest priority, then the oldest."""
    now = store.now()
    waiting = [
        search
        for search in store.list_searches()
        if _wants_driver(search, now) and not_before.get(search.name, 0.0) <= time.monotonic()
    ]
    return min(waiting, key=lambda search: (-search.priority, search.created_at), default=None)


def _wants_driver(search: Search, now: datetime) -> bool:
    if search.status in TERMINAL_SEARCH_STATUSES or is_driven(search, now):
        return False
    # Whoever stops a paused search wants it completed.
    return search.status is not SearchStatus.PAUSED or search.stop_requested


def drive(
    store: Store, uri: str, name: str, interrupt: threading.Event, shown_on: Console
) -> "Outcome":
    """Drive the search over the connected cluster, showing its progress."""
    # HyperOpt and Ray take seconds to import; only verbs that drive pay for it.
    from search.driver import Driver
    from workers.dispatcher import RayDispatcher

    driver = Driver(store, name, lambda search: RayDispatcher(search, uri), owner=driver_owner())

    with ProgressDisplay(shown_on) as display:

        def show(*, last: bool = False) -> None:
            trials = driver.history.trials.values()
            try:
                display.update(
                    lambda: summarize(store.get_search(name), standing_of(trials), store.now()),
                    lambda: list(trials),
                    last=last,
                )
            except StoreUnavailableError as error:
                # The driver rides out an outage; showing it must not end it.
                logger.warning("no progress to show: %s", error)

        outcome = driver.run(interrupt, show)
        driver.history.sync()
        show(last=True)
    return outcome


def drive_to_end(
    store: Store, uri: str, name: str, interrupt: threading.Event, shown_on: Console
) -> "Outcome":
    """Drive the search until it is over, through pauses; or until interrupted.

    Where another driver has it, like a `serve` that was quicker, wait for that one.
    """
    from search.driver import Outcome

    told = False
    while not interrupt.is_set():
        search = store.get_search(name)
        if search.status in TERMINAL_SEARCH_STATUSES:
            return Outcome.FINISHED
        if _wants_driver(search, store.now()):
            outcome = drive(store, uri, name, interrupt, shown_on)
            if outcome in (Outcome.FINISHED, Outcome.INTERRUPTED):
                return outcome
        elif search.driver is not None and not told:
            told = True
            shown_on.print(f"{search.driver.owner} drives {name}; waiting for its end")
        interrupt.wait(IDLE_SECONDS)
    return Outcome.INTERRUPTED


@contextmanager
def cluster(address: str | None) -> "Iterator[list[Node]]":
    """Be connected to the Ray cluster at `address`, or to one started here; yields its hosts.

    Raises:
        ClusterError: nothing answers at `address`.
    """
    from workers.cluster import connect, disconnect

    hosts = connect(address)
    try:
        yield hosts
    finally:
        disconnect()


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Ctrl-C or SIGTERM once sets the event; twice ends the process at once."""
    interrupt = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.is_set():
            os._exit(EXIT_INTERRUPTED)
        interrupt.set()
        notices.print("handing the running trials back; once more ends at once", highlight=False)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
