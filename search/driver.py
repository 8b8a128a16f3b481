"""The driver of one search: suggests, places, folds results in, until the budget is spent.

Everything it knows it can read again from the store, so it may die at any
instant and another driver goes on: trials whose leases live are adopted, those
whose leases expired are queued again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from search import checkpoint_folders
from search.dispatch import Dispatcher, SlotReport
from search.documents import Search, Trial
from search.errors import (
    AlreadyDrivenError,
    StaleAttemptError,
    StateConflictError,
    StoreCorruptedError,
    StoreUnavailableError,
)
from search.heartbeat import Heartbeat
from search.history import History, Pending
from search.metrics import LEASE_EXPIRIES
from search.pruning import Pruner
from search.stalled import StallWatch
from search.states import (
    TERMINAL_SEARCH_STATUSES,
    TERMINAL_TRIAL_STATES,
    SearchStatus,
    TrialState,
)
from search.store import Store
from search.suggest import Suggester, suggest
from search.warm_start import prior
from spaces.catalog import recorded_space
from spaces.configuration import derive
from spaces.hyperopt_space import to_point

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
LOOK_SECONDS = 0.5
"""Between two looks at what others did to the search; what workers report is seen at once."""
LOOK_SHARE = 10.0
"""Times as long as a look takes until the next one, where there are many trials to look at."""
NUMBERING_SECONDS = 5.0
EXPIRY_CHECK_SECONDS = 2.0
HAND_BACK_SECONDS = 20.0
"""How long running trials may take to be handed back when the driver is interrupted."""
NOT_BEGUN_SECONDS = 3.0
"""How long they may take to begin the trials that they were given just before."""
MAX_READY = 4
"""Suggestions kept ready at most; more would be stale before a slot takes them."""
MAX_START_FAILURES = 3
"""Workers a slot that die in a row before they begin their trial; then the search has failed. A
host that is lost takes many of them at once."""


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
        self._search: Search = store.get_search(name)
        self._lease_seconds = lease_seconds or self._search.lease_seconds
        self._space = recorded_space(self._search.space)
        if self._space.space_hash != self._search.space_hash:
            raise StateConflictError(
                f"search {name!r} was submitted over another version of space "
                f"{self._search.space!r}; drive it with the version that submitted it"
            )
        self._history = History(store, name)
        self._suggester = Suggester(
            self._space,
            seed=self._search.seed,
            algo=self._search.algo,
            startup=self._search.startup,
            pending=self._search.pending,
        )
        for each in prior(store, self._search):
            self._suggester.tell(each)
        self._ready: list[Trial] = []
        self._freed: deque[SlotReport] = deque()
        self._placed: dict[int, str] = {}
        self._freed_at: dict[int, float] = {}
        self._adopted: dict[int, str] = {}
        self._released: set[tuple[str, int]] = set()
        self._stalls = StallWatch(self._search.stall_seconds)
        pruning = self._search.pruning
        self._pruner = None if pruning is None else Pruner(pruning, self._search.recipe.epochs)
        self._start_failures = 0
        self._next_look = 0.0
        self._next_expiry_check = 0.0
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
        token = self._store.acquire_driver(name, self._owner, self._lease_seconds)
        if token is None:
            driver = self._store.get_search(name).driver
            raise AlreadyDrivenError(
                f"search {name!r} is driven already, by {driver.owner if driver else 'another'}; "
                "if that process is gone, its lease expires within "
                f"{self._lease_seconds:.0f} s"
            )
        try:
            with (
                Heartbeat(
                    lambda: self._store.renew_driver(name, token, self._lease_seconds),
                    self._lease_seconds / 3,
                    f"of the driver of {name}",
                ) as lease,
                Heartbeat(self._number, NUMBERING_SECONDS, f"of the changes of {name}"),
            ):
                dispatcher = self._make_dispatcher(self._search)
                outcome = self._drive(dispatcher, interrupt, lease.lost, on_progress)
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
            self._store.keep_tally(self._search.name)
        except StoreCorruptedError as error:
            # A trial changed by hand. What can be numbered is numbered first.
            logger.warning("no new tally: %s", error)
        return True

    def _release(self, token: str) -> None:
        try:
            self._number()
            self._store.release_driver(self._search.name, token)
        except StoreUnavailableError as error:
            logger.warning("the driver's lease is left to expire: %s", error)

    def _drive(
        self,
        dispatcher: Dispatcher,
        interrupt: threading.Event,
        superseded: threading.Event,
        on_progress: Callable[[], None],
    ) -> Outcome:
        self._begin()
        while not superseded.is_set():
            if interrupt.is_set():
                self._hand_back(dispatcher)
                return Outcome.INTERRUPTED
            try:
                outcome = self._round(dispatcher)
            except StoreUnavailableError as error:
                logger.warning("trying again: %s", error)
                self._revive_store()
                interrupt.wait(1.0)
                self._next_look = 0.0
                # No worker could renew its lease or tell of an epoch either.
                self._next_expiry_check = self._monotonic() + self._lease_seconds
                self._stalls.restart()
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
            self._store.change_search(self._search.name, SearchStatus.RUNNING, self._owner)
        for past in self._history.read():
            self._stalls.take(past)
            if self._pruner is not None:
                self._pruner.take(past, judge=False)
            # Whoever showed the search's progress before has told of these.
            self._history.take_ended()
        self._history.on_end = self._note_end
        for trial in self._history.in_state(TrialState.RUNNING):
            slot = trial.attempts[str(trial.attempt)].slot
            if slot is not None:
                self._adopted[slot] = trial.id

    def _round(self, dispatcher: Dispatcher) -> Outcome | None:
        """Do one round of everything; return why to end, or None to go on."""
        self._look(dispatcher)
        self._close_surplus(dispatcher)
        if self._search.status == SearchStatus.RUNNING and not self._search.stop_requested:
            self._fill_slots(dispatcher)
        if self._over():
            return Outcome.FINISHED
        if self._search.status == SearchStatus.PAUSED and not (self._placed or self._adopted):
            return Outcome.PAUSED
        more_to_prepare = self._make_ready()
        self._take_reports(dispatcher, 0.0 if more_to_prepare else POLL_SECONDS)
        return None

    def _look(self, dispatcher: Dispatcher) -> None:
        """See now and then what others have done to the search: people, and workers unasked."""
        now = self._monotonic()
        if now < self._next_look:
            return
        self._search = self._store.get_search(self._search.name)
        self._sync()
        self._end_released(dispatcher)
        if now >= self._next_expiry_check:
            self._next_expiry_check = now + EXPIRY_CHECK_SECONDS
            self._expire_leases(dispatcher)
            self._end_stalled(dispatcher, now)
        took = self._monotonic() - now
        self._next_look = now + max(LOOK_SECONDS, LOOK_SHARE * took)

    def _note_end(self, trial: Trial) -> None:
        _log(trial)
        self._stalls.take([trial])
        if self._pruner is not None:
            self._pruner.take([trial])

    def _sync(self) -> None:
        changed = self._history.refresh()
        if self._pruner is not None:
            self._prune(self._pruner.take(changed))
        running = {trial.id for trial in self._history.in_state(TrialState.RUNNING)}
        self._adopted = {s: trial for s, trial in self._adopted.items() if trial in running}

    def _expire_leases(self, dispatcher: Dispatcher) -> None:
        for trial in self._lapsed():
            expired = self._store.expire(
                trial.id,
                trial.attempt,
                max_attempts=self._search.max_attempts,
                reason="its lease expired: the worker or its host is gone, or hangs",
            )
            if expired is None:
                continue
            self._history.take(expired)
            LEASE_EXPIRIES.labels(trial.search).inc()
            logger.warning(
                "the lease of trial %s expired; it is %s", trial.id, expired.state, extra=_of(trial)
            )
            self._end_worker_of(dispatcher, trial.id)

    def _end_released(self, dispatcher: Dispatcher) -> None:
        """Free the slots of workers from which people took their trials."""
        for trial in self._history.in_state(TrialState.QUEUED):
            last = trial.attempts.get(str(trial.attempt))
            if last is None or last.outcome != "released":
                continue
            if (trial.id, trial.attempt) not in self._released:
                self._released.add((trial.id, trial.attempt))
                self._end_worker_of(dispatcher, trial.id)

    def _end_worker_of(self, dispatcher: Dispatcher, trial_id: str) -> None:
        for slot, held in [*self._placed.items(), *self._adopted.items()]:
            if held == trial_id:
                dispatcher.kill(slot)
                self._placed.pop(slot, None)
                self._adopted.pop(slot, None)

    def _end_stalled(self, dispatcher: Dispatcher, now: float) -> None:
        """Take trials from workers that hang while their heartbeats go on."""
        for trial, reason in self._stalls.look(self._history.in_state(TrialState.RUNNING), now):
            # First in the store: from then on the worker can write nothing more.
            self._crash(trial, reason)
            self._end_worker_of(dispatcher, trial.id)

    def _crash(self, trial: Trial, reason: str) -> None:
        """End a running trial's attempt, which costs one, unless it has ended by itself."""
        if trial.lease is None:
            return
        logger.warning("trial %s: %s", trial.id, reason, extra=_of(trial))
        try:
            crashed = self._store.crash(
                trial.id,
                trial.lease.attempt,
                trial.lease.token,
                reason,
                retry=True,
                max_attempts=self._search.max_attempts,
            )
            self._history.take(crashed)
        except StaleAttemptError as error:
            logger.info("%s", error)

    def _prune(self, ending: Mapping[int, str]) -> None:
        """Say on trials that their workers should end them."""
        for tid, reason in ending.items():
            trial = self._history.live.get(tid)
            if trial is not None and trial.lease is not None and trial.prune_reason is None:
                logger.info("trial %s is to end: %s", trial.id, reason, extra=_of(trial))
                lease = trial.lease
                self._store.request_prune(trial.id, lease.attempt, lease.token, reason)

    def _lapsed(self) -> list[Trial]:
        """The running trials whose leases have passed, by the store's clock."""
        now = self._store.now()

        def lapsed(trial: Trial) -> bool:
            return trial.lease is not None and trial.lease.expires_at < now

        # A renewal is no change that readers are told of: what is known here may be older.
        suspects = [t.id for t in self._history.in_state(TrialState.RUNNING) if lapsed(t)]
        found = self._store.trials_by_id(suspects) if suspects else []
        for trial in found:
            self._history.take(trial)
        return [trial for trial in found if trial.state == TrialState.RUNNING and lapsed(trial)]

    def _fill_slots(self, dispatcher: Dispatcher) -> None:
        taken = self._placed.keys() | self._adopted.keys()
        room = min(self._search.parallel, self._allotted()) - len(taken)
        if room <= 0:
            return
        held = dispatcher.held()
        idle = (slot for slot in range(self._search.parallel) if slot not in taken)
        # Those first whose workers are warm, the one that has waited longest before the others.
        order = sorted(idle, key=lambda slot: (slot not in held, self._freed_at.get(slot, 0.0)))
        free = deque(order[:room])
        placed = set(self._placed.values())
        again = [t for t in self._history.in_state(TrialState.QUEUED) if t.id not in placed]
        again = again[: len(free)]
        if again:
            self._store.place_trials([trial.id for trial in again])
            self._place(dispatcher, free, again)
        left = self._search.trials - self._history.next_tid
        if free and left > 0:
            self._tell()
            number = min(len(free), left, MAX_READY)
            while len(self._ready) < number:
                self._ready.append(self._suggest(self._ready))
            added = self._store.add_trials(self._ready[:number], placed=True)
            del self._ready[:number]
            for trial in added:
                self._history.take(trial)
            self._place(dispatcher, free, added)

    def _close_surplus(self, dispatcher: Dispatcher) -> None:
        """Say how many slots there is work for; end idle workers beyond the search's allotment."""
        taken = self._placed.keys() | self._adopted.keys()
        going_on = self._search.status == SearchStatus.RUNNING and not self._search.stop_requested
        left = len(self._history.live) + max(0, self._search.trials - self._history.next_tid)
        self.wanted = min(self._search.parallel, left) if going_on else len(taken)
        held = dispatcher.held()
        surplus = len(held | taken) - self._allotted()
        if surplus > 0:
            for slot in sorted(held - taken)[-surplus:]:
                dispatcher.kill(slot)
                held.discard(slot)
        self.held = len(held | taken)

    def _place(self, dispatcher: Dispatcher, free: deque[int], trials: Sequence[Trial]) -> None:
        for trial in trials:
            if trial.state == TrialState.QUEUED:
                slot = free.popleft()
                dispatcher.place(slot, trial)
                logger.info("trial %s goes to slot %d", trial.id, slot, extra=_of(trial))
                self._placed[slot] = trial.id

    def _make_ready(self) -> bool:
        """Prepare one suggestion for a slot that becomes free, or anew one that has seen less.

        Return whether there are more to prepare.
        """
        self._tell()
        current = [trial.seen == self._suggester.seen for trial in self._ready]
        place = current.index(False) if False in current else len(current)
        left = self._search.trials - self._history.next_tid
        wanted = min(MAX_READY, self._search.parallel, left)
        if place < wanted:
            self._ready[place:] = [self._suggest(self._ready[:place]), *self._ready[place + 1 :]]
        return place + 1 < wanted

    def _tell(self) -> None:
        for observation in self._history.fresh():
            try:
                self._suggester.tell(observation)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                self._note_failure(f"trial {observation.tid} can't be learned from", error)

    def _note_failure(self, what: str, error: Exception) -> None:
        """A search of weeks must outlive one failure of its sampler."""
        logger.error("TPE failed: %s", what, exc_info=error)
        detail = f"{what}: {type(error).__name__}: {error}"
        self._store.add_event(self._search.name, self._owner, "suggestion failed", detail)

    def _suggest(self, before: Sequence[Trial]) -> Trial:
        """The suggestion that comes after those that stand in line `before` it."""
        tid = self._history.next_tid + len(before)
        pending = self._history.pending()
        pending += [Pending(trial.tid, trial.point) for trial in before]
        search = self._search
        try:
            point = self._suggester.suggest(tid, pending)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            self._note_failure(f"trial {tid} is a random point instead", error)
            point = suggest(
                self._space, [], [], tid=tid, seed=search.seed, algo="random", startup=0
            )
        configuration = derive(self._space, to_point(self._space, point))
        return Trial(
            id=f"{search.name}/{tid}",
            search=search.name,
            tid=tid,
            config=configuration.model_dump(),
            point=point,
            seen=self._suggester.seen,
            resources=search.resources,
        )

    def _take_reports(self, dispatcher: Dispatcher, seconds: float) -> None:
        """Wait so long for slots to become free, and see to each report.

        One stays in line until the store has answered: the dispatcher tells it only once.
        """
        self._freed.extend(dispatcher.poll(seconds))
        if not self._freed:
            return
        found = self._store.trials_by_id([report.trial_id for report in self._freed])
        trials = {trial.id: trial for trial in found}
        while self._freed:
            report = self._freed[0]
            self._see_to(
                report, trials.get(report.trial_id) or self._store.get_trial(report.trial_id)
            )
            if self._placed.get(report.slot) == report.trial_id:
                del self._placed[report.slot]
                self._freed_at[report.slot] = self._monotonic()
            self._freed.popleft()

    def _see_to(self, report: SlotReport, trial: Trial) -> None:
        self._history.take(trial)
        if trial.state == TrialState.CANCELLED:
            # And with it the search, perhaps.
            self._next_look = 0.0
        if report.error is None or trial.attempt > 0:
            self._start_failures = 0
        if report.error is None:
            if trial.state not in TERMINAL_TRIAL_STATES:
                _log(trial)
            return
        if trial.state == TrialState.RUNNING:
            self._crash(trial, report.error)
        elif trial.attempt == 0:
            self._start_failures += 1
            if self._start_failures == MAX_START_FAILURES * self._search.parallel:
                self._fail(
                    f"{self._start_failures} workers in a row died before they began a trial; "
                    f"the last one said: {report.error}"
                )

    def _over(self) -> bool:
        """Whether the search is over; if its last trial has just ended, say so in the store."""
        search = self._search
        if search.status in TERMINAL_SEARCH_STATUSES:
            # What was begun before the end was heard of ends with it.
            self._store.cancel_trials(search.name)
            return True
        if search.stop_requested:
            if self._placed or self._history.count(TrialState.RUNNING):
                return False
            self._store.cancel_trials(search.name)
        elif self._history.live or self._history.next_tid < search.trials:
            return False
        self._sync()
        if self._store.get_search(search.name).status in TERMINAL_SEARCH_STATUSES:
            return True
        history = self._history
        if history.count(TrialState.FAILED) and not history.count(TrialState.COMPLETED):
            self._fail(f"no trial finished; the last one failed with: {history.last_error}")
        else:
            self._store.change_search(search.name, SearchStatus.COMPLETED, self._owner)
        return True

    def _fail(self, error: str) -> None:
        self._store.change_search(self._search.name, SearchStatus.FAILED, self._owner, detail=error)

    def _hand_back(self, dispatcher: Dispatcher) -> None:
        dispatcher.hand_back()
        began = self._monotonic()
        while self._placed or self._adopted:
            seconds = self._monotonic() - began
            try:
                self._take_reports(dispatcher, POLL_SECONDS)
                self._sync()
            except StoreUnavailableError as error:
                logger.warning("trying again: %s", error)
                self._revive_store()
            running = self._history.count(TrialState.RUNNING)
            # A worker that waits for its place in the cluster has nothing to hand back.
            if seconds > (HAND_BACK_SECONDS if running else NOT_BEGUN_SECONDS):
                return


def _log(trial: Trial) -> None:
    logger.info("trial %s is %s", trial.id, trial.state, extra=_of(trial))


def _of(trial: Trial) -> dict[str, object]:
    """What a structured log says of a trial."""
    return {
        "search": trial.search,
        "trial": trial.tid,
        "state": trial.state.value,
        "attempt": trial.attempt,
        "loss": trial.loss,
    }
