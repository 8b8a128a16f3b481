"""`alignsearch serve`, and driving one search from this process."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from alignment_core.errors import AlignSearchError
from search.cli.live import ProgressDisplay
from search.cli.options import (
    RayOption,
    StoreOption,
    console,
    driver_owner,
    print_text,
    store_uri,
)
from search.documents import Search
from search.states import SearchStatus
from search.store import Store
from search.summary import summarize

if TYPE_CHECKING:
    from search.driver import Outcome
    from workers.cluster import Node

IDLE_SECONDS = 0.5
RETRY_SECONDS = 30.0
"""How long `serve` leaves a search alone whose driving failed."""
EXIT_INTERRUPTED = 130

logger = logging.getLogger(__name__)


def serve(store: StoreOption = None, ray: RayOption = None) -> None:
    """Drive every queued search, by priority and age, until interrupted."""
    uri = store_uri(store)
    with Store.connect(uri) as opened, cluster(ray), interruptible() as interrupt:
        print_text(f"serving the searches of {opened.uri_for_people}")
        not_before: dict[str, float] = {}
        while not interrupt.is_set():
            search = _next(opened, not_before)
            if search is None:
                interrupt.wait(IDLE_SECONDS)
                continue
            try:
                outcome = drive(opened, uri, search.name, interrupt)
            except AlignSearchError as error:
                logger.warning(
                    "search %s: %s; trying again in %g s", search.name, error, RETRY_SECONDS
                )
                opened.add_event(search.name, driver_owner(), "driver failed", str(error))
                not_before[search.name] = time.monotonic() + RETRY_SECONDS
            else:
                print_text(f"{search.name}: {outcome}")


def _next(store: Store, not_before: dict[str, float]) -> Search | None:
    """The search to drive now: wants a driver, has none; the highest priority, then the oldest."""
    now = store.now()
    waiting = [
        search
        for search in store.list_searches()
        if search.status in (SearchStatus.QUEUED, SearchStatus.RUNNING)
        and (search.driver is None or search.driver.expires_at < now)
        and not_before.get(search.name, 0.0) <= time.monotonic()
    ]
    return min(waiting, key=lambda search: (-search.priority, search.created_at), default=None)


def drive(store: Store, uri: str, name: str, interrupt: threading.Event) -> "Outcome":
    """Drive the search over the connected cluster, showing its progress."""
    # HyperOpt and Ray take seconds to import; only verbs that drive pay for it.
    from search.driver import Driver
    from workers.dispatcher import RayDispatcher

    driver = Driver(store, name, lambda search: RayDispatcher(search, uri), owner=driver_owner())

    with ProgressDisplay(console) as display:

        def show(*, last: bool = False) -> None:
            trials = driver.history.trials.values()
            display.update(
                lambda: summarize(store.get_search(name), trials, store.now()),
                lambda: list(trials),
                last=last,
            )

        outcome = driver.run(interrupt, show)
        driver.history.sync()
        show(last=True)
    return outcome


def drive_to_end(store: Store, uri: str, name: str, interrupt: threading.Event) -> "Outcome":
    """Drive the search until it is over, through pauses; or until interrupted."""
    from search.driver import Outcome

    while (outcome := drive(store, uri, name, interrupt)) == Outcome.PAUSED:
        while store.get_search(name).status == SearchStatus.PAUSED:
            if interrupt.wait(IDLE_SECONDS):
                return Outcome.INTERRUPTED
    return outcome


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
        console.print("handing the running trials back; once more ends at once", highlight=False)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
