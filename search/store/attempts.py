"""Attempts at trials in the store: leases, and writes that only a lease's holder can make.

Every write is filtered by the attempt's token. The write of a worker whose lease was taken over
matches no trial and raises StaleAttemptError; so a result is recorded once, whatever dies.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Attempt, Epoch, Result, Trial, transitions
from alignsearch.search.documents.errors import StaleAttemptError, StateConflictError
from alignsearch.search.documents.lease import ATTEMPT_LEASE
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TrialState
from alignsearch.search.documents.transitions import Transition
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.leases import Leases
from alignsearch.search.store.trial_records import TrialRecords
from alignsearch.search.store.trials import Trials


class Attempts:
    """Attempts at the store's trials: writes of workers, and a driver's about dead workers."""

    def __init__(self, connection: StoreConnection, records: TrialRecords, trials: Trials) -> None:
        self._db = connection
        self._records = records
        self._trials = trials
        self._leases = Leases(connection, "trials", ATTEMPT_LEASE)

    def begin(
        self,
        trial: str | Trial,
        owner: str,
        *,
        ttl: float,
        host: str,
        accelerator: str,
        versions: Mapping[str, str],
        slot: int | None = None,
    ) -> Trial | None:
        """Take a queued trial for `ttl` seconds; return it running, or None if it isn't queued.

        trial: its id, or the trial as it was read before, which spares reading it again; a trial
            that was begun meanwhile counts as not queued.

        Raises:
            UnknownNameError: there is no such trial.
        """
        queued = self._records.get(trial) if isinstance(trial, str) else trial
        if queued.state is not TrialState.QUEUED:
            return None
        attempt = Attempt(
            number=queued.attempt + 1,
            owner=owner,
            token=secrets.token_hex(8),
            host=host,
            accelerator=accelerator,
            versions=dict(versions),
            slot=slot,
            started_at=self._db.now(),
        )
        begun = transitions.begin(queued, attempt, ttl)
        if self._records.mark(queued.id, begun):
            return begun.apply(queued)
        # Begun all the same, where the server's answer was lost.
        stored = self._records.get(queued.id)
        return stored if begun.applied(stored) else None

    def renew(self, trial_id: str, attempt: int, token: str, ttl: float) -> None:
        """Let the attempt hold its trial for `ttl` seconds from now.

        Raises:
            StaleAttemptError: the lease was taken over, or the trial doesn't run any more.
        """
        if not self._leases.renew(trial_id, token, ttl):
            raise self._stale(trial_id, attempt)

    def pull_back(self, trial: Trial) -> None:
        """Let the attempt's lease pass in time if it was renewed while the clock was ahead.

        A worker that lives renews it long before.
        """
        if trial.lease is not None:
            self._leases.pull_back(trial.id, trial.lease)

    def record_epoch(
        self,
        trial_id: str,
        attempt: int,
        token: str,
        epoch: Epoch,
        *,
        for_pruner: bool = False,
        metric: ObjectiveMetric = DEFAULT_METRIC,
    ) -> None:
        """Record an epoch once, however often it is sent, and the trial's progress.

        for_pruner: add the epoch's objective to the trial, where a driver that prunes reads it.

        Raises:
            StaleAttemptError: as `renew`; then nothing is recorded.
        """
        recorded = transitions.record_epoch(token, epoch, for_pruner=for_pruner, metric=metric)
        # Not journaled by itself: the epoch's journaled insert takes all earlier writes with it.
        if not self._records.mark(trial_id, recorded, durable=False):
            raise self._stale(trial_id, attempt)
        self._db.insert("epochs", epoch.to_bson())
        # A server that died between the two came back without the progress.
        kept = self._recorded(trial_id, attempt) >= epoch.epoch
        if not kept and not self._records.mark(trial_id, recorded):
            raise self._stale(trial_id, attempt)

    def _recorded(self, trial_id: str, attempt: int) -> int:
        """Return the last epoch in the attempt's stored progress; -1 if there is none."""
        found = self._db.find_one("trials", {"_id": trial_id}, fields=["attempt", "progress.epoch"])
        # MongoDB leaves a field that is null out of a projection of its parts.
        if found is None or found["attempt"] != attempt or not found.get("progress"):
            return -1
        epoch: int = found["progress"]["epoch"]
        return epoch

    def resume(
        self,
        trial_id: str,
        attempt: int,
        token: str,
        epochs: Sequence[Epoch],
        metric: ObjectiveMetric = DEFAULT_METRIC,
    ) -> Trial:
        """Record the epochs that the attempt took over from a checkpoint; return the trial then.

        Raises:
            StaleAttemptError: as `renew`; then nothing is recorded.
        """
        if not self._records.mark(trial_id, transitions.resume(attempt, token, epochs, metric)):
            raise self._stale(trial_id, attempt)
        self._db.insert_each("epochs", [epoch.to_bson() for epoch in epochs])
        return self._known(trial_id, attempt)

    def request_prune(self, trial_id: str, attempt: int, token: str, reason: str) -> bool:
        """Ask the attempt to end the trial as pruned; False if it doesn't hold the trial."""
        return self._records.mark(trial_id, transitions.request_prune(token, reason))

    def prune(self, trial_id: str, attempt: int, token: str, result: Result) -> Trial:
        """End the trial before its last epoch, with its result so far; twice is no error.

        Raises:
            StaleAttemptError: as `renew`; then the result isn't recorded.
        """
        now = self._after_start_of(self._known(trial_id, attempt))
        pruned = transitions.prune(attempt, token, now, result)
        return self._held(trial_id, attempt, pruned)

    def finish(
        self,
        trial: str | Trial,
        attempt: int,
        token: str,
        result: Result,
        best_epoch: int | None = None,
    ) -> Trial:
        """Complete the trial with its result; doing so again with the same token is no error.

        trial: its id, or the trial as its holder knows it, which spares reading it again.

        Raises:
            StaleAttemptError: as `renew`; then the result isn't recorded.
        """
        now = self._db.now() if isinstance(trial, str) else self._after_start_of(trial)
        completed = transitions.complete(attempt, token, now, result, best_epoch)
        if isinstance(trial, str):
            return self._held(trial, attempt, completed)
        if self._records.mark(trial.id, completed):
            return completed.apply(trial)
        stored = self._known(trial.id, attempt)
        if not completed.applied(stored):
            raise self._stale(trial.id, attempt)
        return stored

    def hand_back(self, trial_id: str, attempt: int, token: str, reason: str) -> Trial:
        """Queue the trial again, as a worker that must stop does; it costs no attempt.

        Raises:
            StaleAttemptError: as `renew`.
        """
        back = transitions.hand_back(attempt, token, self._db.now(), reason)
        return self._held(trial_id, attempt, back)

    def release(self, trial_id: str, reason: str) -> Trial:
        """Take a running trial from its worker, and queue it again; it costs no attempt.

        Raises:
            UnknownNameError: there is no such trial.
            StateConflictError: no attempt holds it.
        """
        trial = self._records.get(trial_id)
        released = None
        if trial.lease is not None:
            release = transitions.release(trial.lease, self._db.now(), reason)
            released = self._records.change(trial_id, release)
        if released is None:
            raise StateConflictError(
                f"trial {trial.tid} of search {trial.search!r} can't be released: no worker holds "
                f"it, for it is {self._records.get(trial_id).state}"
            )
        return released

    def crash(
        self,
        trial_id: str,
        attempt: int,
        token: str,
        error: str,
        *,
        retry: bool,
        max_attempts: int,
    ) -> Trial:
        """Queue the trial again after a crash, or fail it with `error`.

        It fails if `retry` is False (trying again would crash again) or `max_attempts`
        of its attempts have crashed or lost their lease.

        Raises:
            StaleAttemptError: as `renew`.
        """
        trial = self._known(trial_id, attempt)
        now = self._after_start_of(trial)
        crashed = transitions.crash(trial, attempt, token, now, error, max_attempts, retry=retry)
        return self._held(trial_id, attempt, crashed)

    def expire(
        self, trial_id: str, attempt: int, *, max_attempts: int, reason: str
    ) -> Trial | None:
        """End an attempt whose lease has passed: queue the trial again, or fail it as `crash`.

        Return None if the attempt doesn't hold the trial or its lease hasn't passed.

        Raises:
            UnknownNameError: there is no such trial.
        """
        trial = self._records.get(trial_id)
        if trial.lease is None or trial.lease.attempt != attempt:
            return None
        expired = transitions.expire(trial, trial.lease, self._db.now(), reason, max_attempts)
        return self._records.change(trial_id, expired)

    def withdraw(self, trial: Trial, reason: str) -> Trial | None:
        """Cancel a trial as it was read, and return it; None if it has changed since."""
        return self._records.change(
            trial.id, transitions.cancel(trial, self._after_start_of(trial), reason)
        )

    def cancel(self, trial_id: str, reason: str) -> Trial:
        """Cancel a trial that is queued or running, with the reason; return it.

        Cancelling again for the same reason is no error.

        Raises:
            UnknownNameError: there is no such trial.
            StateConflictError: it has ended.
        """
        while True:
            trial = self._records.get(trial_id)
            if trial.state is TrialState.CANCELLED and trial.error == reason:
                return trial
            if trial.state not in LIVE_TRIAL_STATES:
                raise StateConflictError(
                    f"trial {trial.tid} of search {trial.search!r} can't be cancelled: it is "
                    f"{trial.state} already"
                )
            cancelled = transitions.cancel(trial, self._after_start_of(trial), reason)
            # It may be queued again or begun at this moment: then it is read again.
            ended = self._records.change(trial_id, cancelled)
            if ended is not None:
                return ended

    def cancel_all(self, search: str) -> int:
        """Cancel every readable trial of the search that hasn't ended; return how many."""
        cancelled = 0
        while live := self._trials.all_readable(search, LIVE_TRIAL_STATES):
            for trial in live:
                now = self._after_start_of(trial)
                ended = self._records.change(trial.id, transitions.cancel(trial, now))
                cancelled += ended is not None
        return cancelled

    def _after_start_of(self, trial: Trial) -> datetime:
        """Return the server's clock, or the trial's start if that is later.

        Each process follows the server's clock by itself, late by as long as an answer took. So a
        worker's may be behind that of the driver that began a short trial.
        """
        now = self._db.now()
        return max(now, trial.timings.get("started", now))

    def _held(self, trial_id: str, attempt: int, transition: Transition) -> Trial:
        """Change the trial for the attempt that holds it; return it, also if it had this change.

        Raises:
            StaleAttemptError: the attempt doesn't hold the trial.
        """
        done = self._records.mark(trial_id, transition)
        stored = self._known(trial_id, attempt)
        if not (done or transition.applied(stored)):
            raise self._stale(trial_id, attempt)
        return stored

    def _known(self, trial_id: str, attempt: int) -> Trial:
        """Return the attempt's trial as it is stored.

        Raises:
            StaleAttemptError: there is none any more.
        """
        try:
            return self._records.get(trial_id)
        except UnknownNameError:
            raise self._stale(trial_id, attempt) from None

    def _stale(self, trial_id: str, attempt: int) -> StaleAttemptError:
        try:
            trial = self._records.get(trial_id)
        except UnknownNameError:
            return StaleAttemptError(
                f"attempt {attempt} no longer holds trial {trial_id}: its search was deleted or "
                "renamed; what this attempt still has is dropped"
            )
        ended = trial.attempts.get(str(attempt))
        how = f" ({ended.outcome.replace('_', ' ')})" if ended and ended.outcome else ""
        return StaleAttemptError(
            f"attempt {attempt} no longer holds trial {trial.tid} of search {trial.search!r}"
            f"{how}: the trial is {trial.state} at attempt {trial.attempt}; what this attempt "
            "still has is dropped"
        )
