"""The driver of one search: suggests, places, folds results in, until the budget is spent.

Everything it knows it can read again from the store, so it may die at any
instant and another driver goes on: trials whose leases live are adopted, those
whose leases expired are queued again.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from alignsearch.search.attempts.dispatcher import Dispatcher, SlotReport
from alignsearch.search.attempts.heartbeat import Heartbeat
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import (
    AlreadyDrivenError,
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
from alignsearch.search.documents.transitions import begun
from alignsearch.search.driver import checkpoint_folders
from alignsearch.search.driver.history import History
from alignsearch.search.driver.slots import Slots
from alignsearch.search.driver.start_failures import Starts
from alignsearch.search.driver.suggestion_queue import SuggestionQueue
from alignsearch.search.driver.supervisor import Watch
from alignsearch.search.driver.warm_start import prior
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import recorded_space

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
LOOK_SECONDS = 0.5
"""Between two looks at what others did to the search; what workers report is seen at once."""
LOOK_SHARE = 10.0
"""Times as long as a look takes until the next one, where there are many trials to look at."""
NUMBERING_SECONDS = 5.0
HAND_BACK_SECONDS = 20.0
"""How long running trials may take to be handed back when the driver is interrupted."""
NOT_BEGUN_SECONDS = 3.0
"""How long they may take to begin the trials that they were given just before."""


class Outcome(StrEnum):
    """Why a driver came back."""

    FINISHED = "finished"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"
    SUPERSEDED = "superseded"


class Driver:
    """Drives one search, holding the search's lease while it does."""

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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to drive search `name`; `make_dispatcher` opens the workers' side of it.

        lease_seconds: the search's own without it.
        allotted: says how many slots the search may use now, where it shares the cluster.
        revive_store: is called when the store doesn't answer.

        Raises:
            UnknownNameError: there is no such search, or its space is unknown here.
            StateConflictError: the space has changed since the search was submitted, or what it
                set out from is not there.
        """
        self._store = store
        self._make_dispatcher = make_dispatcher
        self._owner = owner
        self._allotted = allotted or (lambda: self._search.parallel)
        self._revive_store = revive_store
        self._monotonic = monotonic
        self._search: Search = store.searches.get(name)
        self._lease_seconds = lease_seconds or self._search.lease_seconds
        self._space = recorded_space(self._search.space)
        if self._space.space_hash != self._search.space_hash:
            raise StateConflictError(
                f"search {name!r} was submitted over another version of space "
                f"{self._search.space!r}; drive it with the version that submitted it"
            )
        self._history = History(store, name)
        self._ready = SuggestionQueue(self._search, self._space, self._history, self._note_failure)
        self._ready.learn(prior(store, self._search))
        self._freed: deque[SlotReport] = deque()
        self._slots: Slots
        self._watch: Watch
        self._tokens: dict[str, str] = {}
        self._starts = Starts(store, self._search, owner)
        self._next_look = 0.0
        self.wanted = min(self._search.parallel, self._search.trials)
        """Slots that the search has work for, as of the last round."""
        self.held = 0
        """Slots that have a worker, as of the last round."""

    def run(
        self,
        interrupt: threading.Event,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Drive until the search ends or rests, `interrupt` is set, or another driver takes over.

        A paused search rests once its running trials have finished.

        An interrupt hands the running trials back to the queue; the search
        stays as it is, for the next driver. `on_progress` is called after every
        round, some five times a second.

        Raises:
            StateConflictError: the search is over.
            AlreadyDrivenError: another driver holds its lease.
            ClusterError: the workers can't be placed, or die before they begin.
        """
        name = self._search.name
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
                    self._lease_seconds / 3,
                    f"of the driver of {name}",
                ) as lease,
                Heartbeat(self._number, NUMBERING_SECONDS, f"of the changes of {name}"),
            ):
                dispatcher = self._make_dispatcher(self._search)
                self._slots = Slots(dispatcher, self._search.parallel, self._monotonic)
                self._watch = Watch(
                    self._store, self._search, self._history, self._slots.end_worker_of
                )
                outcome = self._drive(interrupt, lease.lost, on_progress)
                if outcome != Outcome.SUPERSEDED:
                    # Otherwise the workers are already the next driver's.
                    dispatcher.close()
                if outcome == Outcome.FINISHED:
                    checkpoint_folders.sweep(self._store, self._search)
                return outcome
        finally:
            self._release(token)

    def _number(self) -> bool:
        """Number what has changed and tally what has ended, so that readers find little to read."""
        try:
            self._store.totals.update(self._search.name)
        except StoreCorruptedError as error:
            # A trial changed by hand. What can be numbered is numbered first.
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
                logger.warning("trying again: %s", error)
                self._revive_store()
                interrupt.wait(1.0)
                self._next_look = 0.0
                self._watch.note_outage(self._monotonic(), self._lease_seconds)
                outcome = None
            on_progress()
            if outcome is not None:
                return outcome
        return Outcome.SUPERSEDED

    @property
    def name(self) -> str:
        """The search's name."""
        return self._search.name

    @property
    def history(self) -> History:
        """The search's trials as of the last round."""
        return self._history

    def _begin(self) -> None:
        if self._search.status == SearchStatus.QUEUED:
            self._store.searches.change(self._search.name, SearchStatus.RUNNING, self._owner)
        for past in self._history.read():
            self._watch.learn(past)
            # Whoever showed the search's progress before has told of these.
            self._history.take_ended()
        self._history.on_end = self._note_end
        self._slots.adopt(self._history.in_state(TrialState.RUNNING))

    def _round(self) -> Outcome | None:
        """Do one round of everything; return why to end, or None to go on."""
        self._look()
        self._close_surplus()
        if self._search.status == SearchStatus.RUNNING and not self._search.stop_requested:
            self._fill_slots()
        if self._over():
            return Outcome.FINISHED
        if self._search.status == SearchStatus.PAUSED and not self._slots.taken:
            return Outcome.PAUSED
        more_to_prepare = self._ready.refill()
        self._take_reports(0.0 if more_to_prepare else POLL_SECONDS)
        return None

    def _look(self) -> None:
        """See now and then what others have done to the search: people, and workers unasked."""
        now = self._monotonic()
        if now < self._next_look:
            return
        self._search = self._store.searches.get(self._search.name)
        self._sync()
        self._watch.look(now)
        took = self._monotonic() - now
        self._next_look = now + max(LOOK_SECONDS, LOOK_SHARE * took)

    def _note_end(self, trial: Trial) -> None:
        _log(trial)
        self._watch.note_end(trial)

    def _sync(self) -> None:
        self._watch.note_changes(self._history.refresh())
        self._slots.let_go({t.id for t in self._history.in_state(TrialState.RUNNING)})

    def _fill_slots(self) -> None:
        room = min(self._search.parallel, self._allotted()) - len(self._slots.taken)
        if room <= 0:
            return
        free = self._slots.free(room)
        placed = self._slots.placed_trials
        again = [t for t in self._history.in_state(TrialState.QUEUED) if t.id not in placed]
        again = again[: len(free)]
        if again:
            self._store.trials.place([trial.id for trial in again])
            for trial in again:
                self._place(free.popleft(), trial)
        if free and self._ready.left > 0:
            suggested = self._ready.next_trials(len(free))
            slots = [free.popleft() for _ in suggested]
            added = self._store.trials.add_many(
                list(map(self._begun, slots, suggested)), placed=True
            )
            self._ready.remove(len(suggested))
            for slot, trial in zip(slots, added, strict=True):
                self._history.take(trial)
                self._place_new(slot, trial)
            self._tokens.clear()

    def _begun(self, slot: int, trial: Trial) -> Trial:
        """The trial begun for the slot's worker, if that is known and idle; it is told just after.

        Should the worker be gone, the attempt is spent: on a trial that has one only, none is.
        """
        worker = self._slots.worker_of(slot)
        if worker is None or self._search.max_attempts == 1:
            return trial
        # The same where the store's answer was lost and the trial is added again.
        token = self._tokens.setdefault(trial.id, secrets.token_hex(8))
        now = self._store.now()
        ttl = self._search.lease_seconds
        return begun(trial, worker, now=now, ttl=ttl, token=token, slot=slot)

    def _place_new(self, slot: int, trial: Trial) -> None:
        """Place a trial as the store has it since it was added."""
        lease = trial.lease
        if lease is None:
            if trial.state == TrialState.QUEUED:
                self._place(slot, trial)
        elif lease.token != self._tokens.get(trial.id):
            # Another driver added and placed it; this one will hear that it was superseded.
            self._slots.adopt([trial])
        elif trial.attempts[str(lease.attempt)].slot == slot:
            self._place(slot, trial)
        else:
            # Added before an outage, for a slot that has another trial by now.
            reason = "the store's answer to its driver was lost"
            back = self._store.attempts.hand_back(trial.id, lease.attempt, lease.token, reason)
            self._history.take(back)

    def _close_surplus(self) -> None:
        """Say how many slots there is work for; end idle workers beyond the search's allotment."""
        going_on = self._search.status == SearchStatus.RUNNING and not self._search.stop_requested
        left = len(self._history.live) + max(0, self._ready.left)
        self.wanted = min(self._search.parallel, left) if going_on else len(self._slots.taken)
        self.held = self._slots.close_surplus(self._allotted())

    def _place(self, slot: int, trial: Trial) -> None:
        self._slots.place(slot, trial)
        self._starts.note_placed(trial)
        logger.info("trial %s goes to slot %d", trial.id, slot, extra=trial.log_fields)

    def _note_failure(self, detail: str) -> None:
        self._store.logs.add_event(self._search.name, self._owner, "suggestion failed", detail)

    def _take_reports(self, seconds: float) -> None:
        """Wait so long for slots to become free, and see to each report.

        One stays in line until the store has answered: the dispatcher tells it only once.
        """
        self._freed.extend(self._slots.dispatcher.poll(seconds))
        if not self._freed:
            return
        trials = {report.trial_id: report.trial for report in self._freed if report.trial}
        untold = [each.trial_id for each in self._freed if each.trial_id not in trials]
        if untold:
            trials |= {trial.id: trial for trial in self._store.trials.by_id(untold)}
        while self._freed:
            report = self._freed[0]
            self._see_to(
                report, trials.get(report.trial_id) or self._store.trials.get(report.trial_id)
            )
            self._slots.note(report)
            self._freed.popleft()

    def _see_to(self, report: SlotReport, trial: Trial) -> None:
        self._history.take(trial)
        if trial.state == TrialState.CANCELLED:
            # And with it the search, perhaps.
            self._next_look = 0.0
        self._starts.note_report(report, trial)
        if report.error is None:
            if trial.state not in TERMINAL_TRIAL_STATES:
                _log(trial)
        elif trial.state == TrialState.RUNNING:
            self._watch.crash(trial, report.error)

    def _over(self) -> bool:
        """Whether the search is over; if its last trial has just ended, say so in the store."""
        search = self._search
        if search.status in TERMINAL_SEARCH_STATUSES:
            # What was begun before the end was heard of ends with it.
            self._store.attempts.cancel_all(search.name)
            return True
        if search.stop_requested:
            if self._slots.waits_for_reports or self._history.count(TrialState.RUNNING):
                return False
            self._store.attempts.cancel_all(search.name)
        elif self._history.live or self._history.next_tid < search.trials:
            return False
        self._sync()
        if self._store.searches.get(search.name).status in TERMINAL_SEARCH_STATUSES:
            return True
        history = self._history
        if history.count(TrialState.FAILED) and not history.count(TrialState.COMPLETED):
            self._fail(f"no trial finished; the last one failed with: {history.last_error}")
        else:
            self._store.searches.change(search.name, SearchStatus.COMPLETED, self._owner)
        return True

    def _fail(self, error: str) -> None:
        self._store.searches.change(
            self._search.name, SearchStatus.FAILED, self._owner, detail=error
        )

    def _hand_back(self) -> None:
        self._slots.dispatcher.hand_back()
        began = self._monotonic()
        while self._slots.taken:
            seconds = self._monotonic() - began
            try:
                self._take_reports(POLL_SECONDS)
                self._sync()
            except StoreUnavailableError as error:
                logger.warning("trying again: %s", error)
                self._revive_store()
            running = self._history.count(TrialState.RUNNING)
            # A worker that waits for its place in the cluster has nothing to hand back.
            if seconds > (HAND_BACK_SECONDS if running else NOT_BEGUN_SECONDS):
                return


def _log(trial: Trial) -> None:
    logger.info("trial %s is %s", trial.id, trial.state, extra=trial.log_fields)
