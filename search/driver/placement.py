"""Placement of a search's trials on its free slots: queued trials first, then new ones."""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.transitions import begun
from alignsearch.search.driver.confirmation_queue import ConfirmationQueue
from alignsearch.search.driver.history import History
from alignsearch.search.driver.slots import Slots
from alignsearch.search.driver.start_failures import StartFailures
from alignsearch.search.driver.suggestion_queue import SuggestionQueue
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


class Placement:
    """Fills free slots; new trials are written to the store before a worker gets them."""

    def __init__(
        self,
        store: Store,
        history: History,
        suggestions: SuggestionQueue,
        slots: Slots,
        start_failures: StartFailures,
    ) -> None:
        """Prepare to place new trials on `slots`: suggestions, and then confirmations."""
        self._store = store
        self._history = history
        self._suggestions = suggestions
        self._confirmations = ConfirmationQueue(store, history)
        self._own = True
        self._slots = slots
        self._start_failures = start_failures
        self._tokens: dict[str, str] = {}
        self._labels: dict[str, str] = {}

    def left(self, search: Search) -> int:
        """Return how many trials may be added now, repetitions of the best ones among them."""
        own = self._own_left()
        return own + len(self._confirmations.plan(search, own).begin)

    @property
    def waits_for_worker(self) -> bool:
        """True while a trial that was placed has not begun, as where its worker finds no room.

        With fewer hosts than before, idle workers of the search itself can take up that room.
        """
        placed = self._slots.placed_trials
        return any(each.id in placed for each in self._history.in_state(TrialState.QUEUED))

    def allow(self, *, own: bool, repetitions: bool) -> None:
        """Say which trials may begin: the search's own ones, and repetitions of the best."""
        self._own = own
        self._confirmations.allowed = repetitions

    def is_confirmed(self, search: Search) -> bool:
        """Return whether no repetition is to begin, now or later, if no other trial may."""
        return self._confirmations.plan(search, 0).settled

    def _own_left(self) -> int:
        return max(0, self._suggestions.left) if self._own else 0

    def fill(self, search: Search, allotted: int) -> None:
        """Place trials until `allotted` slots are busy or the budget of trials is spent.

        Raises:
            StoreUnavailableError: new trials may have been stored or not. The next call adds the
                same trials again, which the store then has once.
        """
        self._labels = search.labels
        room = min(search.parallel, allotted) - len(self._slots.taken)
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
        if free and self._confirmations.unsent:
            self._confirm(search, free)
        if free and self._own_left() > 0:
            suggested = self._suggestions.next_trials(len(free))
            # There is none if a given point turned out to be none of the space.
            if suggested:
                self._add(search, free, suggested, self._suggestions.remove)
        elif free:
            self._confirm(search, free)

    def _confirm(self, search: Search, free: deque[int]) -> None:
        left = self._own_left()
        again = self._confirmations.next_trials(search, len(free), left)
        if again:
            self._add(search, free, again, self._confirmations.remove)

    def _add(
        self,
        search: Search,
        free: deque[int],
        trials: Sequence[Trial],
        remove: Callable[[int], None],
    ) -> None:
        """Add new trials to the store and place them on the first free slots.

        remove: called with their number once the store has them.
        """
        slots = [free.popleft() for _ in trials]
        new = [self._begun(search, slot, trial) for slot, trial in zip(slots, trials, strict=True)]
        added = self._store.trials.add_many(new, placed=True)
        remove(len(trials))
        for slot, trial in zip(slots, added, strict=True):
            self._history.update(trial)
            self._place_new(slot, trial)
        self._tokens.clear()

    def _begun(self, search: Search, slot: int, trial: Trial) -> Trial:
        """Return the trial with an attempt begun for the slot's worker, if that is known and idle.

        This saves the worker a write. If the worker turns out to be dead the attempt is lost, so
        it is skipped where a trial has one attempt only.
        """
        worker = self._slots.worker_of(slot)
        if worker is None or search.max_attempts == 1:
            return trial
        # The token stays the same if the store's response was lost and the trial is added again.
        token = self._tokens.setdefault(trial.id, secrets.token_hex(8))
        now = self._store.now()
        return begun(trial, worker, now=now, ttl=search.lease_seconds, token=token, slot=slot)

    def _place_new(self, slot: int, trial: Trial) -> None:
        """Place a trial as the store has it since it was added."""
        lease = trial.lease
        if lease is None:
            if trial.state == TrialState.QUEUED:
                self._place(slot, trial)
        elif lease.token != self._tokens.get(trial.id):
            # Another driver added and placed it; this driver will lose its own lease soon.
            self._slots.adopt([trial])
        elif trial.attempts[str(lease.attempt)].slot == slot:
            self._place(slot, trial)
        else:
            # It was added before an outage, for a slot that has another trial by now.
            reason = "the store's answer to its driver was lost"
            back = self._store.attempts.hand_back(trial.id, lease.attempt, lease.token, reason)
            self._history.update(back)

    def _place(self, slot: int, trial: Trial) -> None:
        self._slots.place(slot, trial)
        self._start_failures.note_placed(trial)
        fields = trial.log_fields | self._labels
        logger.info("trial %s goes to slot %d", trial.id, slot, extra=fields)
