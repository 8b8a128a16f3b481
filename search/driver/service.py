"""The service that drives all active searches of a store side by side over one cluster."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.search.attempts.allotment import Resources
from alignsearch.search.documents import Search, is_asked, is_driven, lives_in_session
from alignsearch.search.documents.errors import (
    AlreadyDrivenError,
    StoreRefusedError,
    StoreUnavailableError,
)
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.driver.fair_share import running_demand, share
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

ROUND_SECONDS = 0.3
"""Pause between two rounds: a free slot waits about that long. So does a new search, unless the
store tells that there is one."""
MAX_NOTES = 20
"""Events in one round that say that no host can place a search. Each is a write, and a long queue
of such searches must not hold up the round."""
RETRY_SECONDS = 1.0
"""Time until a search whose driver failed is driven again; it doubles with each failure."""
LONGEST_RETRY_SECONDS = 3600.0
"""Upper limit of that time, so that a search recovers within an hour of what broke it."""


@dataclass
class _Run:
    """A search with its driver, the thread that runs the driver, and its share of slots."""

    search: Search
    driver: Driver
    thread: threading.Thread
    slots: int = 0


@dataclass
class _Retry:
    """The last failure to drive a search, and when the search is driven again."""

    noted: str = ""
    failures: int = 0
    not_before: float = 0.0


def wants_driver(search: Search, now: datetime) -> bool:
    """Return whether the search needs a driver and has none."""
    if search.status in TERMINAL_SEARCH_STATUSES or is_driven(search, now) or is_asked(search):
        return False
    # A driver completes a paused search that is stopped.
    return search.status is not SearchStatus.PAUSED or search.stop_requested


class Service:
    """Runs a driver for each search in a thread of its own, and shares the slots among them.

    If driving one search fails, for whatever reason, an event of that search says so and the
    search is driven again later; the other searches are not affected.
    """

    def __init__(
        self,
        store: Store,
        make_driver: Callable[[str, Callable[[], int]], Driver],
        drive: Callable[[Driver, threading.Event], Outcome],
        hosts: Callable[[], Sequence[Resources]],
        *,
        owner: str,
        say: Callable[[str], None],
        revive_store: Callable[[], None],
        ask_for: Callable[[Sequence[Resources]], None] = lambda _: None,
    ) -> None:
        """Prepare to serve the searches of `store`.

        Args:
            store: holds the searches.
            make_driver: makes the driver of the search of this name. Its second argument returns
                the number of slots that the search may use now.
            drive: runs a driver until it returns.
            hosts: returns the resources of each living host of the cluster, by Ray's names.
            owner: named in events.
            say: called with a line for people when a driver has returned.
            revive_store: called when the store doesn't answer.
            ask_for: called with the resources of each trial that could run now, whenever they
                change, so that an autoscaler can add or remove hosts.
        """
        self._store = store
        self._make_driver = make_driver
        self._drive = drive
        self._hosts = hosts
        self._owner = owner
        self._say = say
        self._revive_store = revive_store
        self._ask_for = ask_for
        self._requested: list[Resources] = []
        self._runs: dict[str, _Run] = {}
        self._retries: dict[str, _Retry] = {}

    def run(self, interrupt: threading.Event) -> None:
        """Start drivers for waiting searches and share the slots, until `interrupt` is set.

        Before it returns, every driver hands its running trials back to the queue.
        """
        with self._store.news.waker("searches") as news:
            while not interrupt.is_set():
                try:
                    self._round(interrupt)
                except StoreUnavailableError as error:
                    # A search may run for weeks and has to outlive restarts of its store.
                    logger.warning("retrying: %s", error)
                    self._revive_store()
                news.wait(ROUND_SECONDS)
        for run in self._runs.values():
            run.thread.join()
        self._ask([])

    def _round(self, interrupt: threading.Event) -> None:
        self._runs = {name: run for name, run in self._runs.items() if run.thread.is_alive()}
        hosts = self._hosts()
        now = self._store.now()
        active = self._store.searches.active()
        for search in active:
            if search.driver is not None and search.driver.is_ahead(now):
                self._store.searches.pull_back_driver(search)
        waiting = [
            search
            for search in active
            if search.name not in self._runs
            and wants_driver(search, now)
            and not lives_in_session(search)
            and self._may_try(search.name)
        ]
        running = [
            running_demand(run.driver.search, run.driver.wanted, run.driver.held)
            for run in sorted(self._runs.values(), key=lambda run: run.search.created_at)
        ]
        shares = share(hosts, running, waiting)
        for name, run in self._runs.items():
            run.slots = shares.slots.get(name, 0)
        for search in waiting:
            if shares.slots.get(search.name):
                self._start(search, shares.slots[search.name], interrupt)
        # Notes come last, because writing many of them takes seconds.
        self._ask(shares.requested)
        noted = 0
        for search in shares.unplaceable:
            noted += self._note(search.name, _unplaceable(search))
            if noted == MAX_NOTES:
                break

    def _start(self, search: Search, slots: int, interrupt: threading.Event) -> None:
        name = search.name
        try:
            driver = self._make_driver(name, lambda: run.slots)
        except Exception as error:
            self._fail(name, error)
            return
        thread = threading.Thread(
            target=self._run_one, args=(name, driver, interrupt), name=f"driver of {name}"
        )
        run = self._runs[name] = _Run(search, driver, thread, slots)
        thread.start()

    def _run_one(self, name: str, driver: Driver, interrupt: threading.Event) -> None:
        try:
            outcome = self._drive(driver, interrupt)
        except Exception as error:
            self._fail(name, error)
        else:
            self._retries.pop(name, None)
            self._say(f"{name}: {outcome}")

    def _fail(self, name: str, error: Exception) -> None:
        if isinstance(error, AlreadyDrivenError):
            # No retry is scheduled: if that driver dies, the search is driven here at once.
            logger.info("search %s: another driver was quicker: %s", name, error)
            return
        if isinstance(error, UnknownNameError) and not self._store.searches.named([name]):
            self._say(f"{name}: it was deleted or renamed")
            return
        if not isinstance(error, AlignSearchError):
            logger.error("driving search %s failed", name, exc_info=error)
        why = str(error) or type(error).__name__
        self._schedule_retry(name, why)
        if isinstance(error, StoreUnavailableError) and not isinstance(error, StoreRefusedError):
            # An outage of the store is no failure of this search.
            return
        try:
            self._note(name, why)
        except StoreUnavailableError as outage:
            logger.warning("search %s: %s; and then: %s", name, error, outage)

    def _schedule_retry(self, name: str, why: str) -> None:
        retry = self._retries.setdefault(name, _Retry())
        seconds = min(RETRY_SECONDS * 2**retry.failures, LONGEST_RETRY_SECONDS)
        retry.failures += 1
        retry.not_before = time.monotonic() + seconds
        logger.warning("search %s: %s; retrying in %g s", name, why, seconds)

    def _note(self, name: str, why: str) -> bool:
        """Add an event that says why the search isn't driven; return False if the last one did."""
        retry = self._retries.setdefault(name, _Retry())
        news = why != retry.noted
        if news:
            self._store.logs.add_event(name, self._owner, "driver failed", why)
            retry.noted = why
        return news

    def _ask(self, requested: list[Resources]) -> None:
        if requested != self._requested:
            self._ask_for(requested)
            self._requested = requested

    def _may_try(self, name: str) -> bool:
        retry = self._retries.get(name)
        return retry is None or retry.not_before <= time.monotonic()


def _unplaceable(search: Search) -> str:
    amounts = ", ".join(f"{name}={amount:g}" for name, amount in search.resources.items())
    return f"no host of the cluster offers {amounts}; it is placed when one joins that does"
