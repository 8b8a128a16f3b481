"""Attempts at trials in the store: leases, and writes that only the lease's holder can make.

Every write is filtered by the attempt's token. A worker whose lease was taken over matches
nothing and gets StaleAttemptError; so a result is recorded once, whatever dies.

An attempt begins in one of two ways. A worker that is given a queued trial takes it with a
compare-and-set. Or the driver, which alone assigns trials, adds the trial with the attempt in it
(`attempts.begun`), for a worker that it knows to be idle: one write less on the way from one
trial to the next. The lease counts from there: a trial that never gets to its worker is tried
again, once that has passed or the worker is known to be gone.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from alignsearch.search.documents import Attempt, AttemptOutcome, Epoch, Result, Trial
from alignsearch.search.documents.errors import StaleAttemptError, StateConflictError
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TrialState
from alignsearch.search.documents.transitions import (
    completed,
    ended_so,
    ending,
    fence,
    holds,
    progress_of,
    running,
)
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.trial_records import TrialRecords
from alignsearch.search.store.trials import Trials


class Attempts:
    """Attempts at the store's trials: writes of workers, and a driver's about dead workers."""

    def __init__(self, connection: StoreConnection, records: TrialRecords, trials: Trials) -> None:
        self._db = connection
        self._records = records
        self._trials = trials

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

        A trial as it was read before, in place of its id, spares reading it again; if it has
        been begun meanwhile, it counts as not queued.

        Raises:
            UnknownNameError: there is no such trial.
        """
        queued = self._records.get(trial) if isinstance(trial, str) else trial
        if queued.state is not TrialState.QUEUED:
            return None
        token = secrets.token_hex(8)
        attempt = Attempt(
            number=queued.attempt + 1,
            owner=owner,
            token=token,
            host=host,
            accelerator=accelerator,
            versions=dict(versions),
            slot=slot,
            started_at=self._db.now(),
        )
        begun, lease = running(queued, attempt, ttl)
        done = self._records.mark(
            queued.id,
            {"state": TrialState.QUEUED.value, "attempt": queued.attempt},
            {
                "state": begun.state.value,
                "attempt": begun.attempt,
                "lease": lease.to_bson(),
                f"attempts.{begun.attempt}": attempt.to_bson(),
                "progress": None,
                "prune_reason": None,
                "timings.started": attempt.started_at,
            },
        )
        if done:
            return begun
        # Begun all the same, where the server's answer was lost.
        stored = self._records.get(queued.id)
        return stored if holds(stored, token) else None

    def renew(self, trial_id: str, attempt: int, token: str, ttl: float) -> None:
        """Let the attempt hold its trial for `ttl` seconds from now.

        Raises:
            StaleAttemptError: the lease was taken over, or the trial doesn't run any more.
        """
        expires_at = self._db.now() + timedelta(seconds=ttl)
        held = {"_id": trial_id, **fence(token)}
        if not self._db.update("trials", held, {"$set": {"lease.expires_at": expires_at}}):
            raise self._stale(trial_id, attempt)

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

        for_pruner: note its loss on the trial too, where a driver that prunes reads it.

        Raises:
            StaleAttemptError: as `renew`; then nothing is recorded.
        """
        changes: Record = {"progress": progress_of(epoch, metric).to_bson()}
        if for_pruner:
            changes[f"epoch_losses.{epoch.epoch}"] = metric.of_epoch(epoch)
        # Not waited for: what is journaled next takes with it all that came before.
        if not self._records.mark(trial_id, fence(token), changes, durable=False):
            raise self._stale(trial_id, attempt)
        self._db.insert("epochs", epoch.to_bson())
        # Unless the server died in between and came back without it.
        kept = self._told(trial_id, attempt) >= epoch.epoch
        if not kept and not self._records.mark(trial_id, fence(token), changes):
            raise self._stale(trial_id, attempt)

    def _told(self, trial_id: str, attempt: int) -> int:
        """Return the epoch that the attempt's trial has come to, as far as the trial tells."""
        found = self._db.find_one("trials", {"_id": trial_id}, fields=["attempt", "progress.epoch"])
        if found is None or found["attempt"] != attempt or found["progress"] is None:
            return 0
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
        progress = progress_of(epochs[-1], metric)
        changes = {"progress": progress.to_bson(), f"attempts.{attempt}.resumed": len(epochs)}
        if not self._records.mark(trial_id, fence(token), changes):
            raise self._stale(trial_id, attempt)
        self._db.insert_each("epochs", [epoch.to_bson() for epoch in epochs])
        return self._records.get(trial_id)

    def request_prune(self, trial_id: str, attempt: int, token: str, reason: str) -> bool:
        """Ask the attempt to end the trial as pruned; False if it doesn't hold the trial."""
        return self._records.mark(trial_id, fence(token), {"prune_reason": reason})

    def prune(self, trial_id: str, attempt: int, token: str, result: Result) -> Trial:
        """End the trial before its last epoch, with what it came to; twice is no error.

        Raises:
            StaleAttemptError: as `renew`; then the result isn't recorded.
        """
        ended = self._end(
            trial_id,
            attempt,
            token,
            TrialState.PRUNED,
            outcome="pruned",
            changes={"result": result.to_bson(), "error": None},
        )
        if ended is None:
            raise self._stale(trial_id, attempt)
        return ended

    def finish(
        self,
        trial: str | Trial,
        attempt: int,
        token: str,
        result: Result,
        best_epoch: int | None = None,
    ) -> Trial:
        """Complete the trial with its result; doing so again with the same token is no error.

        A trial as its holder knows it, in place of its id, spares reading it again.

        Raises:
            StaleAttemptError: as `renew`; then the result isn't recorded.
        """
        now = self._db.now()
        changes = {
            **ending(attempt, TrialState.COMPLETED, now, "completed"),
            **{"result": result.to_bson(), "best_epoch": best_epoch, "error": None},
        }
        trial_id = trial if isinstance(trial, str) else trial.id
        done = self._records.mark(trial_id, fence(token), changes)
        if done and isinstance(trial, Trial):
            return completed(trial, attempt, now, result, best_epoch)
        stored = self._records.get(trial_id)
        if not done and not ended_so(stored, attempt, token, "completed"):
            raise self._stale(trial_id, attempt)
        return stored

    def hand_back(self, trial_id: str, attempt: int, token: str, reason: str) -> Trial:
        """Queue the trial again, as a worker that must stop does; it costs no attempt.

        Raises:
            StaleAttemptError: as `renew`.
        """
        ended = self._end(
            trial_id, attempt, token, TrialState.QUEUED, outcome="handed_back", error=reason
        )
        if ended is None:
            raise self._stale(trial_id, attempt)
        return ended

    def release(self, trial_id: str, reason: str) -> Trial:
        """Take a running trial from whoever holds it, and queue it again; it costs no attempt.

        Raises:
            UnknownNameError: there is no such trial.
            StateConflictError: no attempt holds it.
        """
        trial = self._records.get(trial_id)
        ended = self._take_away(trial, TrialState.QUEUED, "released", reason)
        if ended is None:
            raise StateConflictError(
                f"trial {trial.tid} of search {trial.search!r} can't be released: no worker holds "
                f"it, for it is {self._records.get(trial_id).state}"
            )
        return ended

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
        ended = self._end_badly(
            self._records.get(trial_id),
            attempt,
            token,
            outcome="crashed",
            error=error,
            max_attempts=max_attempts if retry else 0,
        )
        if ended is None:
            raise self._stale(trial_id, attempt)
        return ended

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
        return self._end_badly(
            trial,
            attempt,
            trial.lease.token,
            outcome="expired",
            error=reason,
            max_attempts=max_attempts,
            condition={"lease.expires_at": {"$lt": self._db.now()}},
        )

    def cancel_all(self, search: str) -> int:
        """Cancel every trial of the search that hasn't ended; return how many."""
        cancelled = 0
        while live := self._trials.all(search, LIVE_TRIAL_STATES):
            cancelled += sum(self._cancel(trial) for trial in live)
        return cancelled

    def _cancel(self, trial: Trial) -> bool:
        if trial.lease is not None:
            ended = self._take_away(trial, TrialState.CANCELLED, "cancelled")
        else:
            ended = self._records.change(
                trial.id,
                {"state": TrialState.QUEUED.value, "attempt": trial.attempt},
                {"state": TrialState.CANCELLED.value, "timings.finished": self._db.now()},
                lambda stored: stored.state is TrialState.CANCELLED,
            )
        return ended is not None

    def _take_away(
        self, trial: Trial, state: TrialState, outcome: AttemptOutcome, error: str | None = None
    ) -> Trial | None:
        """End the attempt that held the trial when it was read; None if none did, or does."""
        if trial.lease is None:
            return None
        lease = trial.lease
        return self._end(trial.id, lease.attempt, lease.token, state, outcome=outcome, error=error)

    def _end_badly(
        self,
        trial: Trial,
        attempt: int,
        token: str,
        *,
        outcome: AttemptOutcome,
        error: str,
        max_attempts: int,
        condition: Record | None = None,
    ) -> Trial | None:
        # This attempt is counted by itself: a crash that is sent twice must decide the same.
        others = {number: a for number, a in trial.attempts.items() if number != str(attempt)}
        spent = trial.model_copy(update={"attempts": others}).attempts_spent + 1
        return self._end(
            trial.id,
            attempt,
            token,
            TrialState.FAILED if spent >= max_attempts else TrialState.QUEUED,
            outcome=outcome,
            error=error,
            changes={"error": error},
            condition=condition,
        )

    def _end(
        self,
        trial_id: str,
        attempt: int,
        token: str,
        state: TrialState,
        *,
        outcome: AttemptOutcome,
        error: str | None = None,
        changes: Record | None = None,
        condition: Record | None = None,
    ) -> Trial | None:
        """End the attempt that holds the trial; None if it doesn't, unless it ended just so."""
        return self._records.change(
            trial_id,
            {**fence(token), **(condition or {})},
            {**(changes or {}), **ending(attempt, state, self._db.now(), outcome, error)},
            lambda trial: ended_so(trial, attempt, token, outcome),
        )

    def _stale(self, trial_id: str, attempt: int) -> StaleAttemptError:
        trial = self._records.get(trial_id)
        ended = trial.attempts.get(str(attempt))
        how = f" ({ended.outcome.replace('_', ' ')})" if ended and ended.outcome else ""
        return StaleAttemptError(
            f"attempt {attempt} no longer holds trial {trial.tid} of search {trial.search!r}"
            f"{how}: the trial is {trial.state} at attempt {trial.attempt}; what this attempt "
            "still has is dropped"
        )
