"""Freed slots of a search: what became of their trials is recorded before they are used again."""

import logging
from collections import deque
from collections.abc import Callable, Mapping

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Trial
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.driver.slots import Slots
from alignsearch.search.driver.start_failures import StartFailures
from alignsearch.search.driver.supervisor import Supervisor
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


class FreedSlots:
    """Waits for freed slots and handles each once, if an outage of the store delays that, later."""

    def __init__(
        self,
        store: Store,
        history: History,
        slots: Slots,
        supervisor: Supervisor,
        start_failures: StartFailures,
        pause: Callable[[str], None],
        read_search: Callable[[], None],
    ) -> None:
        """Wait for nothing yet.

        Args:
            store: holds the trials.
            history: the search's trials.
            slots: the search's slots.
            supervisor: records crashes of workers.
            start_failures: counts workers that die before they begin.
            pause: pauses the search for a reason: its workers can't evaluate any trial.
            read_search: has the search read soon, because it may have been cancelled.
        """
        self._store = store
        self._history = history
        self._slots = slots
        self._supervisor = supervisor
        self._start_failures = start_failures
        self._pause = pause
        self._read_search = read_search
        self._freed: deque[FreedSlot] = deque()

    def handle(self, seconds: float) -> None:
        """Wait up to so many seconds for freed slots, and record what became of their trials.

        Raises:
            StoreUnavailableError: the store doesn't answer; the next call goes on.
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
            trial = trials.get(freed.trial_id) or self._read(freed.trial_id)
            if trial is not None:
                self._handle_one(freed, trial)
            self._slots.release(freed)
            self._freed.popleft()

    def _read(self, trial_id: str) -> Trial | None:
        """Return a trial; None if its document can't be read, which `History` has forgotten."""
        try:
            return self._store.trials.get(trial_id)
        except StoreCorruptedError as error:
            self._store.trials.readable.leave_out(trial_id, error)
            return None

    def _handle_one(self, freed: FreedSlot, trial: Trial) -> None:
        self._history.update(trial)
        if freed.refusal is not None:
            self._pause(freed.refusal)
            return
        if trial.state is TrialState.CANCELLED:
            # The whole search may have been cancelled.
            self._read_search()
        self._start_failures.note_freed(freed, trial)
        if freed.error is None:
            if trial.state not in TERMINAL_TRIAL_STATES:
                log_state(trial, self._supervisor.log_fields(trial))
        elif trial.state is TrialState.RUNNING:
            self._supervisor.crash(trial, freed.error)


def log_state(trial: Trial, fields: Mapping[str, object]) -> None:
    """Log the state that a trial has now; `fields` are those of a structured log."""
    logger.info("trial %s is %s", trial.id, trial.state, extra=fields)
