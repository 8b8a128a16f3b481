"""The driver of one search: suggests trials, places them, and records results up to the budget.

The store holds all of a driver's state. A driver may die at any instant and another one
continues: it adopts trials with a live lease and queues trials with an expired one again.
"""

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from alignment_core.errors import UnknownNameError
from alignsearch.search.attempts.dispatcher import Dispatcher
from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents import Search, Trial, metrics_of, space_of
from alignsearch.search.documents.errors import (
    AlreadyDrivenError,
    ForeignSearchError,
    StateConflictError,
    StoreUnavailableError,
)
from alignsearch.search.documents.event import SUGGESTION_FAILED
from alignsearch.search.documents.identity import check_same
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus, TrialState
from alignsearch.search.driver.bookkeeping import BOOKKEEPING_SECONDS, Bookkeeping
from alignsearch.search.driver.closing import Closing
from alignsearch.search.driver.driven_time import DrivenTime
from alignsearch.search.driver.endings import Ended
from alignsearch.search.driver.freed_slots import FreedSlots, log_state
from alignsearch.search.driver.history import History
from alignsearch.search.driver.intake import Intake
from alignsearch.search.driver.look_times import LookTimes
from alignsearch.search.driver.placement import Placement
from alignsearch.search.driver.slots import Slots
from alignsearch.search.driver.start_failures import StartFailures
from alignsearch.search.driver.state_retention import remove_surplus_states
from alignsearch.search.driver.suggestion_queue import SuggestionQueue
from alignsearch.search.driver.supervisor import Supervisor
from alignsearch.search.driver.warm_start import earlier_results
from alignsearch.search.samplers.sampler import Sampler
from alignsearch.search.store import Store
from alignsearch.search.store.news import Waker

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""Longest wait for a slot to become free; an interrupt is noticed as late as that."""
HAND_BACK_SECONDS = 20.0
"""Longest wait for running trials to be handed back after an interrupt: a step of training and
a checkpoint of a large network fit into it."""
START_SECONDS = 3.0
"""Longest wait, after an interrupt, for workers to begin trials that were placed just before."""


class Outcome(StrEnum):
    """Why `Driver.run` has returned."""

    FINISHED = "finished"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    SUPERSEDED = "superseded"


class Driver:
    """Drives one search and holds the search's lease meanwhile."""

    def __init__(
        self,
        store: Store,
        name: str,
        make_dispatcher: Callable[[Search], Dispatcher],
        *,
        owner: str,
        lease_seconds: float | None = None,
        allotted: Callable[[], int] | None = None,
        revive_store: Callable[[], None] = lambda: None,
        sampler: Sampler | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the search and prepare its suggestions; no lease is taken yet.

        Args:
            store: holds the search.
            name: the search's name.
            make_dispatcher: makes the dispatcher that places the search's trials.
            owner: named in the lease and in events, as USER@HOST:PID.
            lease_seconds: duration of the driver's lease; the search's own by default.
            allotted: returns the number of slots that the search may use now; `parallel` of them
                by default.
            revive_store: called when the store doesn't answer.
            sampler: suggests the points, in place of the one that the search names.
            monotonic: clock in seconds that never goes back.

        Raises:
            UnknownNameError: there is no search `name`.
            StateConflictError: the search was submitted by an older version over a space that this
                program doesn't know, or the results that it starts from are missing in the store.
            StoreCorruptedError: the search's stored space can't be read.
        """
        self._store = store
        self._make_dispatcher = make_dispatcher
        self._owner = owner
        self._allotted = allotted or (lambda: self._search.parallel)
        self._revive_store = revive_store
        self._monotonic = monotonic
        self._search: Search = store.searches.get(name)
        self._lease_seconds = lease_seconds or self._search.lease_seconds
        self._history = History(store, name, metrics_of(self._search))
        space = space_of(self._search)
        self._suggestions = SuggestionQueue(
            self._search, space, self._history, self._note_failure, sampler
        )
        self._intake = Intake(store, self._search, space, self._history, self._note_failure)
        self._suggestions.learn(earlier_results(store, self._search))
        self._driven = DrivenTime(monotonic)
        self._bookkeeping = Bookkeeping(store, name, self._driven)
        self._freed: FreedSlots
        self._slots: Slots
        self._supervisor: Supervisor
        self._placement: Placement
        self._closing: Closing
        self._start_failures = StartFailures(store, self._search, owner)
        self._looks = LookTimes(monotonic)
        self._news: Waker
        self.wanted = min(self._search.parallel, self._search.trials)
        """Number of slots that the search has trials for, as of the last round."""
        self.held = 0
        """Number of slots that have a worker, as of the last round."""

    @property
    def name(self) -> str:
        """Name of the search."""
        return self._search.name

    @property
    def search(self) -> Search:
        """The search as of the last round."""
        return self._search

    @property
    def history(self) -> History:
        """Trials of the search as of the last round."""
        return self._history

    def run(
        self,
        interrupt: threading.Event,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Drive until the search ends or is paused, or until another driver takes over.

        A paused search waits for its running trials first.

        Args:
            interrupt: when set, the running trials are handed back to the queue and the search
                stays as it is, for the next driver.
            on_progress: called after every round, about five times a second.

        Raises:
            StateConflictError: the search is over, or its store is a copy that has no id yet.
            AlreadyDrivenError: another driver holds the search's lease.
            ClusterError: trials can't be placed, or a host has other versions of packages.
        """
        name = self._search.identity.search
        if self._search.status in TERMINAL_SEARCH_STATUSES:
            raise StateConflictError(
                f"search {name!r} is {self._search.status}: there is nothing left to drive"
            )
        token = self._store.searches.acquire_driver(name, self._owner, self._lease_seconds)
        if token is None:
            driver = self._store.searches.get(name).driver
            raise AlreadyDrivenError(
                f"search {name!r} is driven already, by {driver.owner if driver else 'another'}; "
                f"if that process is gone, its lease expires within {self._lease_seconds:.0f} s"
            )
        try:
            # Another driver may have driven it since. Workers look for the new lease in the store.
            self._search = self._store.searches.get(name)
            self._driven.begin(self._search.driven_seconds)
            with (
                Heartbeat(
                    lambda: self._store.searches.renew_driver(name, token, self._lease_seconds),
                    self._lease_seconds / RENEWALS,
                    f"of the driver of {name}",
                    lasts=self._lease_seconds,
                    clock=self._monotonic,
                ) as lease,
                Heartbeat(
                    lambda: self._bookkeeping.write(token),
                    BOOKKEEPING_SECONDS,
                    f"of the records of {name}",
                ),
                self._store.news.waker("searches", search=name) as self._news,
            ):
                dispatcher = self._make_dispatcher(self._search)
                self._connect(dispatcher)
                try:
                    outcome = self._drive(interrupt, lease, on_progress)
                except (ForeignSearchError, UnknownNameError) as error:
                    logger.warning("the search was deleted: %s", error)
                    dispatcher.close()
                    return Outcome.SUPERSEDED
                if outcome != Outcome.SUPERSEDED:
                    # The workers of a superseded driver belong to the next driver.
                    dispatcher.close()
                if outcome == Outcome.FINISHED:
                    remove_surplus_states(self._store, self._search)
                return outcome
        finally:
            self._release(token)

    def _connect(self, dispatcher: Dispatcher) -> None:
        self._slots = Slots(dispatcher, self._search.parallel, self._monotonic)
        self._supervisor = Supervisor(
            self._store, self._search, self._history, self._slots.end_worker_of
        )
        self._placement = Placement(
            self._store, self._history, self._suggestions, self._slots, self._start_failures
        )
        self._freed = FreedSlots(
            self._store,
            self._history,
            self._slots,
            self._supervisor,
            self._start_failures,
            self._pause,
            self._looks.read_soon,
        )
        self._closing = Closing(
            self._store, self._history, self._driven, self._owner, self._slots.end_worker_of
        )

    def _release(self, token: str) -> None:
        try:
            self._bookkeeping.write(token)
            self._store.searches.release_driver(self._search.name, token)
        except StoreUnavailableError as error:
            logger.warning("the driver's lease is left to expire: %s", error)

    def _drive(
        self,
        interrupt: threading.Event,
        lease: Heartbeat,
        on_progress: Callable[[], None],
    ) -> Outcome:
        self._begin()
        while not lease.lost.is_set():
            if interrupt.is_set():
                self._hand_back()
                return Outcome.INTERRUPTED
            try:
                outcome = self._round() if lease.is_held() else Outcome.SUPERSEDED
            except StoreUnavailableError as error:
                logger.warning("retrying: %s", error)
                self._revive_store()
                interrupt.wait(1.0)
                self._looks.read_soon()
                self._supervisor.note_outage(self._monotonic(), self._lease_seconds)
                outcome = None
            on_progress()
            if outcome is not None:
                return outcome
        return Outcome.SUPERSEDED

    def _begin(self) -> None:
        self._begin_search()
        for past in self._history.read():
            self._supervisor.learn(past)
            # An earlier process has shown the ends of these trials already.
            self._history.take_ended()
        self._supervisor.learn(self._history.read_missed())
        self._history.on_end = self._note_end
        self._slots.adopt(self._history.in_state(TrialState.RUNNING))

    def _begin_search(self) -> None:
        """Begin the search if it is queued: it is new, or was extended since it ended."""
        if self._search.status is SearchStatus.QUEUED:
            self._search = self._store.searches.change(
                self._search.name, SearchStatus.RUNNING, self._owner
            )

    def _round(self) -> Outcome | None:
        """Do one round of everything; return why the driver ends, or None to continue."""
        self._refresh()
        self._driven.note(running=self._search.status is SearchStatus.RUNNING)
        ended = self._closing.ended(self._search)
        repeats = self._closing.may_repeat(self._search)
        self._placement.allow(own=ended is None, repetitions=repeats)
        self._end_surplus_workers(ended)
        if ended is not None:
            self._closing.withdraw(ended, self._slots.placed_trials, repetitions=repeats)
        if self._search.status is SearchStatus.RUNNING and (ended is None or repeats):
            self._placement.fill(self._search, self._allotted())
        if self._over(ended):
            return Outcome.FINISHED
        if self._search.status == SearchStatus.PAUSED and not self._slots.taken:
            return Outcome.PAUSED
        more_to_suggest = ended is None and self._suggestions.refill()
        self._freed.handle(0.0 if more_to_suggest else POLL_SECONDS)
        return None

    def _refresh(self) -> None:
        """Read what people and workers have changed in the store, if it is time for that."""
        if not self._looks.due(self._news.heard):
            return
        now = self._monotonic()
        found = self._store.searches.get(self._search.name)
        check_same(found.identity, self._search.identity)
        self._follow(found)
        self._begin_search()
        self._refresh_trials()
        self._read_given()
        self._supervisor.check(now)
        self._looks.note(now)

    def _follow(self, search: Search) -> None:
        """Take over the search as people have changed it."""
        self._search = search
        self._suggestions.follow(search)
        self._start_failures.follow(search)
        self._slots.parallel = search.parallel

    def _read_given(self) -> None:
        """Read the points that people have given, and take in those with a result."""
        self._history.given.read(self._search.enqueued)
        if self._search.status not in TERMINAL_SEARCH_STATUSES:
            self._intake.run()

    def _refresh_trials(self) -> None:
        self._supervisor.note_changes(self._history.refresh())
        self._slots.release_adopted({t.id for t in self._history.in_state(TrialState.RUNNING)})

    def _note_end(self, trial: Trial) -> None:
        log_state(trial, self._supervisor.log_fields(trial))
        self._supervisor.note_end(trial)

    def _note_failure(self, detail: str) -> None:
        self._store.logs.add_event(self._search.name, self._owner, SUGGESTION_FAILED, detail)

    def _end_surplus_workers(self, ended: Ended | None) -> None:
        """Update `wanted` and `held`; end idle workers beyond the search's share of slots."""
        parallel = self._search.parallel
        new = self._placement.left(self._search)
        active = self._search.status is SearchStatus.RUNNING and (ended is None or new > 0)
        left = len(self._history.live) + new
        self.wanted = min(parallel, left) if active else len(self._slots.taken)
        lacking = self.wanted < parallel and self._placement.waits_for_worker
        needed = self.wanted if lacking else parallel
        self.held = self._slots.end_surplus_workers(min(needed, self._allotted()))

    def _pause(self, reason: str) -> None:
        """Pause the search: its workers can't evaluate it, and would spend all attempts."""
        logger.warning("search %s is paused: %s", self._search.name, reason)
        try:
            self._search = self._store.searches.change(
                self._search.name, SearchStatus.PAUSED, self._owner, detail=reason
            )
        except StateConflictError:
            # Another worker has refused before, or somebody has ended the search.
            self._looks.read_soon()

    def _over(self, ended: Ended | None) -> bool:
        """Return whether the search is over; end it if a rule says so and no trial is live."""
        name = self._search.name
        if self._search.status in TERMINAL_SEARCH_STATUSES:
            # Trials that began before this driver read the end are cancelled with the others.
            self._store.attempts.cancel_all(name)
            return True
        if ended is None or self._history.live or not self._placement.is_confirmed(self._search):
            return False
        self._refresh_trials()
        # Read again before the next round: somebody may have ended the search, or let it go on.
        self._looks.read_soon()
        return self._closing.close(name, self._placement.is_confirmed) is not None

    def _hand_back(self) -> None:
        """Have the workers hand their trials back, and wait for that."""
        self._slots.dispatcher.hand_back()
        began = self._monotonic()
        while self._slots.taken:
            seconds = self._monotonic() - began
            try:
                self._freed.handle(POLL_SECONDS)
                self._refresh_trials()
            except StoreUnavailableError as error:
                logger.warning("retrying: %s", error)
                self._revive_store()
            running = self._history.count(TrialState.RUNNING)
            # A worker that still waits for its place in the cluster has nothing to hand back.
            if seconds > (HAND_BACK_SECONDS if running else START_SECONDS):
                self._supervisor.take_back(f"its worker did not stop in {HAND_BACK_SECONDS:g} s")
                return
