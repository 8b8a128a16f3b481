"""Supervision of running trials: expired leases, hanging workers, released trials, pruning."""

import logging
from collections.abc import Callable, Mapping, Sequence

from alignsearch.search.documents import Search, Trial, metric_of
from alignsearch.search.documents.errors import StaleAttemptError, StoreUnavailableError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.driver.prometheus import LEASE_EXPIRIES
from alignsearch.search.driver.stalled import StallDetector
from alignsearch.search.pruners.epoch_judge import EpochJudge
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

EXPIRY_CHECK_SECONDS = 2.0
"""Time between two searches for expired leases and hanging workers. A lease lasts many times as
long, so that a lost trial waits little longer than for its lease."""


class Supervisor:
    """Watches the running trials of one search and takes trials from workers that are lost.

    A trial is taken from its worker in the store first, which fences off the worker: nothing that
    it writes afterwards is accepted. Then the worker's process is ended.
    """

    def __init__(
        self, store: Store, search: Search, history: History, end_worker: Callable[[str], None]
    ) -> None:
        """Start without knowledge of trials.

        Args:
            store: holds the search.
            search: the search, for its settings.
            history: the search's trials.
            end_worker: ends the worker that has the trial of this id, if one has it.
        """
        self._store = store
        self._search = search
        self._history = history
        self._end_worker = end_worker
        self._released: set[tuple[str, int]] = set()
        self._stalls = StallDetector(search.stall_seconds)
        pruning, metric = search.pruning, metric_of(search)
        self._pruner = None if pruning is None else EpochJudge(pruning, search.epochs, metric.value)
        self._next_check = 0.0

    def learn(self, past: Sequence[Trial]) -> None:
        """Learn durations and losses from trials of before the driver began; prune none of them."""
        self._stalls.learn(past)
        if self._pruner is not None:
            self._pruner.receive(_judged(past), judge=False)

    def note_end(self, trial: Trial) -> None:
        """Learn from a trial that has ended."""
        self._stalls.learn([trial])
        if self._pruner is not None:
            self._pruner.receive(_judged([trial]))

    def note_changes(self, changed: Sequence[Trial]) -> None:
        """Learn from trials that have changed, and prune those that the pruner ends.

        The worker of a trial that somebody has cancelled is ended.
        """
        for trial in changed:
            if trial.state is TrialState.CANCELLED:
                self._end_worker(trial.id)
        if self._pruner is not None:
            self._prune(self._pruner.receive(_judged(changed)))

    def note_outage(self, now: float, seconds: float) -> None:
        """Give every running trial its time again after an outage of the store.

        No worker could renew its lease or record an epoch during the outage.

        Args:
            now: time on the driver's monotonic clock, in seconds.
            seconds: time until leases are checked again.
        """
        self._next_check = now + seconds
        self._stalls.restart()

    def check(self, now: float) -> None:
        """End workers whose trials were released; from time to time find lost and hanging ones.

        Args:
            now: time on the driver's monotonic clock, in seconds.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        self._end_released()
        if now >= self._next_check:
            self._next_check = now + EXPIRY_CHECK_SECONDS
            self._expire_leases()
            self._end_stalled(now)

    def crash(self, trial: Trial, reason: str) -> None:
        """Record that a running trial's worker crashed, which costs the trial an attempt.

        Nothing is recorded if the attempt has ended by itself meanwhile.

        Args:
            trial: the trial with the lease of the crashed attempt.
            reason: stored as the attempt's error.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        if trial.lease is None:
            return
        logger.warning("trial %s: %s", trial.id, reason, extra=self.log_fields(trial))
        try:
            crashed = self._store.attempts.crash(
                trial.id,
                trial.lease.attempt,
                trial.lease.token,
                reason,
                retry=True,
                max_attempts=self._search.max_attempts,
            )
            self._history.update(crashed)
        except StaleAttemptError as error:
            logger.info("%s", error)

    def take_back(self, reason: str) -> None:
        """End the workers of all running trials and queue the trials again; it costs no attempt.

        An objective may compute for hours without asking whether it is to stop.
        """
        for trial in self._history.in_state(TrialState.RUNNING):
            self._end_worker(trial.id)
            if trial.lease is None:
                continue
            try:
                back = self._store.attempts.hand_back(
                    trial.id, trial.lease.attempt, trial.lease.token, reason
                )
                self._history.update(back)
            except (StaleAttemptError, StoreUnavailableError) as error:
                logger.info("%s", error)

    def log_fields(self, trial: Trial) -> dict[str, object]:
        """Return the fields of the trial and of its search in a structured log."""
        return trial.log_fields | self._search.labels

    def _end_released(self) -> None:
        """End the workers whose trials people have released, which frees their slots."""
        for trial in self._history.in_state(TrialState.QUEUED):
            last = trial.attempts.get(str(trial.attempt))
            if last is None or last.outcome != "released":
                continue
            if (trial.id, trial.attempt) not in self._released:
                self._released.add((trial.id, trial.attempt))
                self._end_worker(trial.id)

    def _expire_leases(self) -> None:
        for trial in self._expired():
            expired = self._store.attempts.expire(
                trial.id,
                trial.attempt,
                max_attempts=self._search.max_attempts,
                reason="its lease expired: the worker or its host is gone, or hangs",
            )
            if expired is None:
                continue
            self._history.update(expired)
            LEASE_EXPIRIES.labels(**self._search.labels).inc()
            logger.warning(
                "the lease of trial %s expired; it is %s",
                trial.id,
                expired.state,
                extra=self.log_fields(trial),
            )
            self._end_worker(trial.id)

    def _expired(self) -> list[Trial]:
        """Return the running trials whose leases have expired by the store's clock."""
        now = self._store.now()

        def expired(trial: Trial) -> bool:
            return trial.lease is not None and trial.lease.has_passed(now)

        def ahead(trial: Trial) -> bool:
            return trial.lease is not None and trial.lease.is_ahead(now)

        # A renewed lease doesn't change `seq`, so the leases known here may be outdated.
        running = self._history.in_state(TrialState.RUNNING)
        suspects = [trial.id for trial in running if expired(trial) or ahead(trial)]
        found = self._store.trials.by_id(suspects) if suspects else []
        for trial in found:
            if ahead(trial):
                self._store.attempts.pull_back(trial)
            self._history.update(trial)
        return [trial for trial in found if trial.state == TrialState.RUNNING and expired(trial)]

    def _end_stalled(self, now: float) -> None:
        """Take trials from workers that hang while their heartbeats go on renewing leases."""
        for trial, reason in self._stalls.stalled(self._history.in_state(TrialState.RUNNING), now):
            self.crash(trial, reason)
            self._end_worker(trial.id)

    def _prune(self, ending: Mapping[int, str]) -> None:
        """Request on each trial, by tid with a reason, that its worker ends it."""
        for tid, reason in ending.items():
            trial = self._history.live.get(tid)
            if trial is not None and trial.lease is not None and trial.prune_reason is None:
                logger.info(
                    "trial %s is to end: %s", trial.id, reason, extra=self.log_fields(trial)
                )
                lease = trial.lease
                self._store.attempts.request_prune(trial.id, lease.attempt, lease.token, reason)


def _judged(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that a pruner sees: a repetition is to give its loss, however bad."""
    return [trial for trial in trials if not trial.is_confirmation]
