"""What a driver does about running trials besides waiting: leases, hangs, releases, pruning."""

import logging
from collections.abc import Callable, Mapping, Sequence

from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import StaleAttemptError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.driver.prometheus import LEASE_EXPIRIES
from alignsearch.search.driver.stalled import StallDetector
from alignsearch.search.pruners.epoch_judge import EpochJudge
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

EXPIRY_CHECK_SECONDS = 2.0


class Watch:
    """Watches a search's running trials.

    Trials are taken in the store first: from then on their workers can write nothing more.
    """

    def __init__(
        self, store: Store, search: Search, history: History, end_worker: Callable[[str], None]
    ) -> None:
        """Start to watch; `end_worker` ends the worker that has the trial of this id, if any."""
        self._store = store
        self._search = search
        self._history = history
        self._end_worker = end_worker
        self._released: set[tuple[str, int]] = set()
        self._stalls = StallDetector(search.stall_seconds)
        pruning = search.pruning
        self._pruner = None if pruning is None else EpochJudge(pruning, search.recipe.epochs)
        self._next_check = 0.0

    def learn(self, past: Sequence[Trial]) -> None:
        """Take in what happened before the driver began, and judge nothing."""
        self._stalls.learn(past)
        if self._pruner is not None:
            self._pruner.receive(past, judge=False)

    def note_end(self, trial: Trial) -> None:
        """Learn from a trial that has ended."""
        self._stalls.learn([trial])
        if self._pruner is not None:
            self._pruner.receive([trial])

    def note_changes(self, changed: Sequence[Trial]) -> None:
        """Learn from trials that have changed, and prune those that deserve it."""
        if self._pruner is not None:
            self._prune(self._pruner.receive(changed))

    def note_outage(self, now: float, seconds: float) -> None:
        """After an outage of the store give every trial its time anew.

        No worker could renew its lease or tell of an epoch either.
        """
        self._next_check = now + seconds
        self._stalls.restart()

    def look(self, now: float) -> None:
        """Free the slots of trials that were taken away; now and then look for lost and hung ones.

        now: by the driver's monotonic clock.
        """
        self._end_released()
        if now >= self._next_check:
            self._next_check = now + EXPIRY_CHECK_SECONDS
            self._expire_leases()
            self._end_stalled(now)

    def crash(self, trial: Trial, reason: str) -> None:
        """End a running trial's attempt, which costs one, unless it has ended by itself."""
        if trial.lease is None:
            return
        logger.warning("trial %s: %s", trial.id, reason, extra=trial.log_fields)
        try:
            crashed = self._store.attempts.crash(
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

    def _end_released(self) -> None:
        """Free the slots of workers from which people took their trials."""
        for trial in self._history.in_state(TrialState.QUEUED):
            last = trial.attempts.get(str(trial.attempt))
            if last is None or last.outcome != "released":
                continue
            if (trial.id, trial.attempt) not in self._released:
                self._released.add((trial.id, trial.attempt))
                self._end_worker(trial.id)

    def _expire_leases(self) -> None:
        for trial in self._lapsed():
            expired = self._store.attempts.expire(
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
                "the lease of trial %s expired; it is %s",
                trial.id,
                expired.state,
                extra=trial.log_fields,
            )
            self._end_worker(trial.id)

    def _lapsed(self) -> list[Trial]:
        """The running trials whose leases have passed, by the store's clock."""
        now = self._store.now()

        def lapsed(trial: Trial) -> bool:
            return trial.lease is not None and trial.lease.expires_at < now

        # A renewal is no change that readers are told of: what is known here may be older.
        suspects = [t.id for t in self._history.in_state(TrialState.RUNNING) if lapsed(t)]
        found = self._store.trials.by_id(suspects) if suspects else []
        for trial in found:
            self._history.take(trial)
        return [trial for trial in found if trial.state == TrialState.RUNNING and lapsed(trial)]

    def _end_stalled(self, now: float) -> None:
        """Take trials from workers that hang while their heartbeats go on."""
        for trial, reason in self._stalls.stalled(self._history.in_state(TrialState.RUNNING), now):
            self.crash(trial, reason)
            self._end_worker(trial.id)

    def _prune(self, ending: Mapping[int, str]) -> None:
        """Say on trials that their workers should end them."""
        for tid, reason in ending.items():
            trial = self._history.live.get(tid)
            if trial is not None and trial.lease is not None and trial.prune_reason is None:
                logger.info("trial %s is to end: %s", trial.id, reason, extra=trial.log_fields)
                lease = trial.lease
                self._store.attempts.request_prune(trial.id, lease.attempt, lease.token, reason)
