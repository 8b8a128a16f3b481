"""The driver of one search: suggests trials, places them, and records results up to the budget.

The store holds all of a driver's state. A driver may die at any instant and another one
continues: it adopts trials with a live lease and queues trials with an expired one again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from alignment_core.errors import UnknownNameError
from alignsearch.search.attempts.dispatcher import Dispatcher, FreedSlot
from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents import Search, Trial, space_of
from alignsearch.search.documents.errors import (
    AlreadyDrivenError,
    ForeignSearchError,
    StateConflictError,
    StoreCorruptedError,
    StoreUnavailableError,
)
from alignsearch.search.documents.states import (
    TERMINAL_SEARCH_STATUSES,
    TERMINAL_TRIAL_STATES,
    SearchStatus,
    TrialState,
)
from alignsearch.search.driver.history import History
from alignsearch.search.driver.placement import Placement
from alignsearch.search.driver.slots import Slots
from alignsearch.search.driver.start_failures import StartFailures
from alignsearch.search.driver.state_retention import remove_surplus_states
from alignsearch.search.driver.suggestion_queue import SuggestionQueue
from alignsearch.search.driver.supervisor import Supervisor
from alignsearch.search.driver.warm_start import prior
from alignsearch.search.samplers.sampler import Sampler
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""Longest wait for a slot to become free; an interrupt is noticed as late as that."""
REFRESH_SECONDS = 0.5
"""Shortest time between two reads of what others wrote; freed slots are noticed at once."""
REFRESH_SHARE = 10.0
"""Shortest time between two reads as a multiple of the last read's duration. With many trials a
read takes long, and the driver shall spend at most a tenth of its time on reading."""
NUMBERING_SECONDS = 5.0
"""Time between two numberings of changed trials; readers read what is not numbered in full."""
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
        self._history = History(store, name)
        self._suggestions = SuggestionQueue(
            self._search, space_of(self._search), self._history, self._note_failure, sampler
        )
        self._suggestions.learn(prior(store, self._search))
        self._freed: deque[FreedSlot] = deque()
        self._slots: Slots
        self._supervisor: Supervisor
        self._placement: Placement
        self._start_failures = StartFailures(store, self._search, owner)
        self._next_refresh = 0.0
        self.wanted = min(self._search.parallel, self._search.trials)
        """Number of slots that the search has trials for, as of the last round."""
        self.held = 0
        """Number of slots that have a worker, as of the last round."""

    @property
    def name(self) -> str:
        """Name of the search."""
        return self._search.name

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
                "if that process is gone, its lease expires within "
                f"{self._lease_seconds:.0f} s"
            )
        try:
            with (
                Heartbeat(
                    lambda: self._store.searches.renew_driver(name, token, self._lease_seconds),
                    self._lease_seconds / RENEWALS,
                    f"of the driver of {name}",
                ) as lease,
                Heartbeat(self._number, NUMBERING_SECONDS, f"of the changes of {name}"),
            ):
                # With the new lease, which workers compare with what their store says.
                self._search = self._store.searches.get(name)
                dispatcher = self._make_dispatcher(self._search)
                self._connect(dispatcher)
                try:
                    outcome = self._drive(interrupt, lease.lost, on_progress)
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

    def _number(self) -> bool:
        """Number changed trials and tally ended ones, so that readers read only what is new."""
        try:
            self._store.totals.update(self._search.name)
        except StoreCorruptedError as error:
            # Somebody has changed a trial by hand. What can be numbered is numbered all the same.
            logger.warning("no new tally: %s", error)
        return True

    def _release(self, token: str) -> None:
        try:
            self._number()
            self._store.searches.release_driver(self._search.name, token)
        except StoreUnavailableError as error:
            logger.warning("the driver's lease is left to expire: %s", error)

    def _drive(
        self,
        interrupt: threading.Event,
        superseded: threading.Event,
        on_progress: Callable[[], None],
    ) -> Outcome:
        self._begin()
        while not superseded.is_set():
            if interrupt.is_set():
                self._hand_back()
                return Outcome.INTERRUPTED
            try:
                outcome = self._round()
            except StoreUnavailableError as error:
                logger.warning("retrying: %s", error)
                self._revive_store()
                interrupt.wait(1.0)
                self._next_refresh = 0.0
                self._supervisor.note_outage(self._monotonic(), self._lease_seconds)
                outcome = None
            on_progress()
            if outcome is not None:
                return outcome
        return Outcome.SUPERSEDED

    def _begin(self) -> None:
        if self._search.status == SearchStatus.QUEUED:
            self._store.searches.change(self._search.name, SearchStatus.RUNNING, self._owner)
        for past in self._history.read():
            self._supervisor.learn(past)
            # An earlier process has shown the ends of these trials already.
            self._history.take_ended()
        self._history.on_end = self._note_end
        self._slots.adopt(self._history.in_state(TrialState.RUNNING))

    def _round(self) -> Outcome | None:
        """Do one round of everything; return why the driver ends, or None to continue."""
        self._refresh()
        self._end_surplus_workers()
        if self._search.status == SearchStatus.RUNNING and not self._search.stop_requested:
            self._placement.fill(self._search, self._allotted())
        if self._over():
            return Outcome.FINISHED
        if self._search.status == SearchStatus.PAUSED and not self._slots.taken:
            return Outcome.PAUSED
        more_to_suggest = self._suggestions.refill()
        self._handle_freed_slots(0.0 if more_to_suggest else POLL_SECONDS)
        return None

    def _refresh(self) -> None:
        """Read what people and workers have changed in the store, if it is time for that."""
        now = self._monotonic()
        if now < self._next_refresh:
            return
        found = self._store.searches.get(self._search.name)
        if found.identity != self._search.identity:
            raise ForeignSearchError(f"its name is {found.identity}'s now")
        self._search = found
        self._refresh_trials()
        self._supervisor.check(now)
        took = self._monotonic() - now
        self._next_refresh = now + max(REFRESH_SECONDS, REFRESH_SHARE * took)

    def _refresh_trials(self) -> None:
        self._supervisor.note_changes(self._history.refresh())
        self._slots.release_adopted({t.id for t in self._history.in_state(TrialState.RUNNING)})

    def _note_end(self, trial: Trial) -> None:
        _log(self._search, trial)
        self._supervisor.note_end(trial)

    def _note_failure(self, detail: str) -> None:
        self._store.logs.add_event(self._search.name, self._owner, "suggestion failed", detail)

    def _end_surplus_workers(self) -> None:
        """Update `wanted` and `held`; end idle workers beyond the search's share of slots."""
        active = self._search.status == SearchStatus.RUNNING and not self._search.stop_requested
        left = len(self._history.live) + max(0, self._suggestions.left)
        self.wanted = min(self._search.parallel, left) if active else len(self._slots.taken)
        self.held = self._slots.end_surplus_workers(self._allotted())

    def _handle_freed_slots(self, seconds: float) -> None:
        """Wait up to so many seconds for freed slots, and record what became of their trials.

        A freed slot that an outage of the store keeps from being handled is handled later.
        """
        self._freed.extend(self._slots.dispatcher.poll(seconds))
        if not self._freed:
            return
        trials = {freed.trial_id: freed.trial for freed in self._freed if freed.trial}
        unknown = [each.trial_id for each in self._freed if each.trial_id not in trials]
        if unknown:
            trials |= {trial.id: trial for trial in self._store.trials.by_id(unknown)}
        while self._freed:
            freed = self._freed[0]
            trial = trials.get(freed.trial_id) or self._store.trials.get(freed.trial_id)
            self._handle_freed_slot(freed, trial)
            self._slots.release(freed)
            self._freed.popleft()

    def _handle_freed_slot(self, freed: FreedSlot, trial: Trial) -> None:
        self._history.update(trial)
        if freed.refusal is not None:
            self._pause(freed.refusal)
            return
        if trial.state == TrialState.CANCELLED:
            # The whole search may have been cancelled.
            self._next_refresh = 0.0
        self._start_failures.note_freed(freed, trial)
        if freed.error is None:
            if trial.state not in TERMINAL_TRIAL_STATES:
                _log(self._search, trial)
        elif trial.state == TrialState.RUNNING:
            self._supervisor.crash(trial, freed.error)

    def _pause(self, reason: str) -> None:
        """Pause the search, whose objective its workers can't evaluate as they are.

        Going on would spend all attempts at its trials; a person removes the reason and resumes it.
        """
        logger.warning("search %s is paused: %s", self._search.name, reason)
        try:
            self._search = self._store.searches.change(
                self._search.name, SearchStatus.PAUSED, self._owner, detail=reason
            )
        except StateConflictError:
            # Another worker has refused before, or somebody has ended the search.
            self._next_refresh = 0.0

    def _over(self) -> bool:
        """Return whether the search is over; if its last trial has just ended, end the search."""
        search = self._search
        if search.status in TERMINAL_SEARCH_STATUSES:
            # Trials that began before this driver read the end are cancelled with the others.
            self._store.attempts.cancel_all(search.name)
            return True
        if search.stop_requested:
            if self._slots.has_placed or self._history.count(TrialState.RUNNING):
                return False
            self._store.attempts.cancel_all(search.name)
        elif self._history.live or self._history.next_tid < search.trials:
            return False
        self._refresh_trials()
        if self._store.searches.get(search.name).status in TERMINAL_SEARCH_STATUSES:
            return True
        history = self._history
        if history.count(TrialState.FAILED) and not history.count(TrialState.COMPLETED):
            detail = f"no trial finished; the last one failed with: {history.last_error}"
            self._store.searches.change(
                search.name, SearchStatus.FAILED, self._owner, detail=detail
            )
        else:
            self._store.searches.change(search.name, SearchStatus.COMPLETED, self._owner)
        return True

    def _hand_back(self) -> None:
        """Have the workers hand their trials back, and wait for that."""
        self._slots.dispatcher.hand_back()
        began = self._monotonic()
        while self._slots.taken:
            seconds = self._monotonic() - began
            try:
                self._handle_freed_slots(POLL_SECONDS)
                self._refresh_trials()
            except StoreUnavailableError as error:
                logger.warning("retrying: %s", error)
                self._revive_store()
            running = self._history.count(TrialState.RUNNING)
            # A worker that still waits for its place in the cluster has nothing to hand back.
            if seconds > (HAND_BACK_SECONDS if running else START_SECONDS):
                self._supervisor.take_back(f"its worker did not stop in {HAND_BACK_SECONDS:g} s")
                return


def _log(search: Search, trial: Trial) -> None:
    logger.info("trial %s is %s", trial.id, trial.state, extra=trial.log_fields | search.labels)
