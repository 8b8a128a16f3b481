"""Drives all searches of a store that want it, side by side, over one cluster."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from alignment_core.errors import AlignSearchError
from alignsearch.search.attempts.allotment import Demand, Resources, allot, room
from alignsearch.search.documents import Search, is_driven
from alignsearch.search.documents.errors import (
    AlreadyDrivenError,
    StoreRefusedError,
    StoreUnavailableError,
)
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

ROUND_SECONDS = 0.3
TOLD_A_ROUND = 20
"""Searches of which it is noted in one round that no host can place them."""
RETRY_SECONDS = 1.0
"""How long a search is left alone whose driving failed; twice as long each time it fails again."""
LONGEST_RETRY_SECONDS = 3600.0


@dataclass
class _Run:
    """One search in the hands of a thread."""

    search: Search
    driver: Driver
    thread: threading.Thread
    slots: int = 0


@dataclass
class _Trouble:
    """What kept a search from being driven, and when it is tried again."""

    told: str = ""
    times: int = 0
    not_before: float = 0.0


def wants_driver(search: Search, now: datetime) -> bool:
    """Whether the search has something to be driven for and nobody drives it."""
    if search.status in TERMINAL_SEARCH_STATUSES or is_driven(search, now):
        return False
    # Whoever stops a paused search wants it completed.
    return search.status is not SearchStatus.PAUSED or search.stop_requested


class Service:
    """Runs a driver for each search in a thread of its own, and shares the slots among them.

    One search's failure, of whatever kind, is noted on that search, which is tried again later;
    the others go on.
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
        """Serve the searches of `store`.

        Args:
            store: where the searches are.
            make_driver: makes the driver of a search by name, which asks the function that is
                given with it how many slots it may use.
            drive: runs a driver to its end.
            hosts: what each host of the cluster offers now.
            owner: whom events name.
            say: is told of what comes to its end, and of what can't begin.
            revive_store: is called when the store doesn't answer.
            ask_for: is told what a cluster that grows and shrinks should have room for, whenever
                that changes: the resources of each trial that could run now.
        """
        self._store = store
        self._make_driver = make_driver
        self._drive = drive
        self._hosts = hosts
        self._owner = owner
        self._say = say
        self._revive_store = revive_store
        self._ask_for = ask_for
        self._asked: list[Resources] = []
        self._runs: dict[str, _Run] = {}
        self._troubles: dict[str, _Trouble] = {}

    def run(self, interrupt: threading.Event) -> None:
        """Take up what waits and share out the slots, until `interrupt` is set.

        Then every driver hands back its running trials first.
        """
        while not interrupt.is_set():
            try:
                self._round(interrupt)
            except StoreUnavailableError as error:
                # Searches of weeks outlive a store's restart.
                logger.warning("trying again: %s", error)
                self._revive_store()
            interrupt.wait(ROUND_SECONDS)
        for run in self._runs.values():
            run.thread.join()
        self._ask([])

    def _round(self, interrupt: threading.Event) -> None:
        self._runs = {name: run for name, run in self._runs.items() if run.thread.is_alive()}
        hosts = self._hosts()
        now = self._store.now()
        waiting = [
            search
            for search in self._store.searches.active()
            if search.name not in self._runs
            and wants_driver(search, now)
            and self._may_try(search.name)
        ]
        demands = [
            Demand(
                run.search.name,
                run.search.resources,
                run.driver.wanted,
                run.driver.held,
                run.search.priority,
            )
            for run in sorted(self._runs.values(), key=lambda run: run.search.created_at)
        ]
        for search in waiting:
            wanted = min(search.parallel, search.trials)
            demands.append(Demand(search.name, search.resources, wanted, 0, search.priority))
        allotted = allot(hosts, demands)
        for name, run in self._runs.items():
            run.slots = allotted.get(name, 0)
        for search in waiting:
            if allotted.get(search.name):
                self._start(search, allotted[search.name], interrupt)
        # Last: of a long queue it takes seconds to say all this.
        self._ask([each.resources for each in demands for _ in range(each.wanted)])
        told = 0
        for search in waiting:
            if room(hosts, search.resources) == 0:
                told += self._tell(search.name, _nowhere(search))
            if told == TOLD_A_ROUND:
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
            self._troubles.pop(name, None)
            self._say(f"{name}: {outcome}")

    def _fail(self, name: str, error: Exception) -> None:
        if isinstance(error, AlreadyDrivenError):
            # It may die before we look again: then the search is ours at once.
            logger.info("search %s: another driver was quicker: %s", name, error)
            return
        if not isinstance(error, AlignSearchError):
            logger.error("driving search %s failed", name, exc_info=error)
        why = str(error) or type(error).__name__
        self._leave_alone(name, why)
        if isinstance(error, StoreUnavailableError) and not isinstance(error, StoreRefusedError):
            # An outage is no failure of this search.
            return
        try:
            self._tell(name, why)
        except StoreUnavailableError as outage:
            logger.warning("search %s: %s; and then: %s", name, error, outage)

    def _leave_alone(self, name: str, why: str) -> None:
        trouble = self._troubles.setdefault(name, _Trouble())
        seconds = min(RETRY_SECONDS * 2**trouble.times, LONGEST_RETRY_SECONDS)
        trouble.times += 1
        trouble.not_before = time.monotonic() + seconds
        logger.warning("search %s: %s; trying again in %g s", name, why, seconds)

    def _tell(self, name: str, why: str) -> bool:
        """Note on the search why nobody drives it, once; return whether it is news."""
        trouble = self._troubles.setdefault(name, _Trouble())
        news = why != trouble.told
        if news:
            self._store.logs.add_event(name, self._owner, "driver failed", why)
            trouble.told = why
        return news

    def _ask(self, wanted: list[Resources]) -> None:
        if wanted != self._asked:
            self._ask_for(wanted)
            self._asked = wanted

    def _may_try(self, name: str) -> bool:
        trouble = self._troubles.get(name)
        return trouble is None or trouble.not_before <= time.monotonic()


def _nowhere(search: Search) -> str:
    amounts = ", ".join(f"{name}={amount:g}" for name, amount in search.resources.items())
    return f"no host of the cluster offers {amounts}; it is placed when one joins that does"
