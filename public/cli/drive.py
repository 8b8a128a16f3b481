"""`alignsearch serve`, and driving one search in this process for `submit --wait`."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from alignsearch.cli.options import (
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
from alignsearch.cli.progress import ProgressDisplay
from alignsearch.cli.store_password import forget_store
from alignsearch.search.documents.errors import AlreadyDrivenError, StoreUnavailableError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import summarize

if TYPE_CHECKING:
    from alignsearch.search.driver.driver import Driver, Outcome
    from alignsearch.workers.cluster import Node

IDLE_SECONDS = 0.5
RAY_LOGS = {"RAY_ROTATION_MAX_BYTES": str(2**24), "RAY_ROTATION_BACKUP_COUNT": "1"}
"""Limits each log of a Ray that we start to 32 MiB; Ray's own limit is 3 GB."""
EXIT_INTERRUPTED = 130

logger = logging.getLogger(__name__)


def serve(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port for Prometheus metrics; 0 takes any free port. Default: no metrics.",
        ),
    ] = None,
    metrics_host: Annotated[
        str,
        typer.Option(
            help="Address for Prometheus metrics; 0.0.0.0 is every address of this machine."
        ),
    ] = "127.0.0.1",
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "warning",
    store: StoreOption = None,
    ray: RayOption = None,
) -> None:
    """Drive all queued searches at once until interrupted, sharing the cluster by priority."""
    start_logs(log_format, log_level)
    uri = store_uri(store)
    if metrics_port is not None:
        from alignsearch.search.driver.prometheus import serve_metrics

        port = serve_metrics(uri, metrics_host, metrics_port)
        print_text(f"metrics at http://{metrics_host}:{port}/metrics")
    with Store.connect(uri) as opened, cluster(ray), interruptible() as interrupt:
        from alignsearch.search.driver.service import Service
        from alignsearch.workers.cluster import ask_for, nodes

        revive = reviver(store)
        print_text(f"serving the searches of {opened.uri_for_people}")
        Service(
            opened,
            lambda name, allotted: make_driver(opened, uri, name, revive, allotted),
            lambda driver, stop: drive(opened, driver, stop, ProgressDisplay(console, driver.name)),
            lambda: [node.resources for node in nodes()],
            owner=driver_owner(),
            say=print_text,
            revive_store=revive,
            ask_for=ask_for,
        ).run(interrupt)


def reviver(store: str | None) -> Callable[[], None]:
    """Return a function that restarts the store if it is this folder's embedded one."""

    def revive() -> None:
        if store:
            return
        try:
            store_uri(None)
        except StoreUnavailableError as error:
            logger.warning("%s", error)

    return revive


def make_driver(
    store: Store,
    uri: str,
    name: str,
    revive_store: Callable[[], None],
    allotted: Callable[[], int] | None = None,
) -> "Driver":
    """Return a driver of the search over the connected cluster.

    allotted: returns the slots that it may use now; by default it may use all.
    """
    # Importing HyperOpt and Ray takes seconds, which other commands do without.
    from alignsearch.search.driver.driver import Driver
    from alignsearch.workers.dispatchers import DISPATCHERS

    make_dispatcher = DISPATCHERS["ray"].load()
    return Driver(
        store,
        name,
        lambda search: make_dispatcher(search, uri),
        owner=driver_owner(),
        revive_store=revive_store,
        allotted=allotted,
    )


def drive(
    store: Store, driver: "Driver", interrupt: threading.Event, shown: ProgressDisplay
) -> "Outcome":
    """Run the driver until its search ends or it is interrupted, and display the progress."""
    with shown as display:

        def show(*, last: bool = False) -> None:
            try:
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
    uri: str,
    name: str,
    interrupt: threading.Event,
    shown_on: Console,
    revive_store: Callable[[], None],
) -> "Outcome":
    """Drive the search until it is over or the process is interrupted; a pause is waited out.

    If another process drives the search, like a `serve`, wait for the end instead.
    """
    from alignsearch.search.driver.driver import Outcome
    from alignsearch.search.driver.service import wants_driver

    announced = False
    while not interrupt.is_set():
        search = store.searches.get(name)
        if search.status in TERMINAL_SEARCH_STATUSES:
            return Outcome.FINISHED
        if wants_driver(search, store.now()):
            driver = make_driver(store, uri, name, revive_store)
            try:
                outcome = drive(store, driver, interrupt, ProgressDisplay(shown_on))
            except AlreadyDrivenError:
                continue
            if outcome in (Outcome.FINISHED, Outcome.INTERRUPTED):
                return outcome
        elif search.driver is not None and not announced:
            announced = True
            shown_on.print(f"{search.driver.owner} drives {name}; waiting for its end")
        interrupt.wait(IDLE_SECONDS)
    return Outcome.INTERRUPTED


@contextmanager
def cluster(address: str | None) -> "Iterator[list[Node]]":
    """Connect to the Ray cluster at `address`, or start one here, and yield its hosts.

    Raises:
        ClusterError: nothing answers at `address`.
    """
    from alignsearch.workers.cluster import connect, disconnect

    # Ray's processes inherit the environment, which must not have the store's password. Workers
    # get the URI with their trials.
    forget_store()
    if address is None:
        for variable, value in RAY_LOGS.items():
            os.environ.setdefault(variable, value)
    hosts = connect(address)
    try:
        yield hosts
    finally:
        disconnect()


@contextmanager
def interruptible(
    then: str = "handing the running trials back",
) -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second signal ends the process at once.

    then: what the program does after the first signal, for its message.
    """
    interrupt = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.is_set():
            os._exit(EXIT_INTERRUPTED)
        interrupt.set()
        notices.print(f"{then}; once more ends at once", highlight=False)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
