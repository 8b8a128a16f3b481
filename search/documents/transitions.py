"""Changes of a trial, each written once: what the store sets, and what the trial becomes by it.

A running trial is held by an attempt through the token in the trial's lease. Every write of the
attempt's worker asks for this token, so that a worker whose lease was taken over changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignsearch.search.documents.attempt import Attempt, AttemptOutcome
from alignsearch.search.documents.changes import Changes, apply
from alignsearch.search.documents.epoch import Epoch
from alignsearch.search.documents.lease import ATTEMPT_LEASE, AttemptLease, expiry
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.stored_text import stored_text
from alignsearch.search.documents.trial import Progress, Result, Trial

Record = dict[str, Any]


def _unknown(_: Trial) -> bool:
    return False


@dataclass(frozen=True)
class Transition:
    """One change of a trial, done by compare-and-set.

    Attributes:
        condition: the query that the stored trial must fulfil.
        changes: new values by dotted path.
        applied: whether a stored trial shows that this very change is in it already, as after a
            write that was sent twice; False where that can't be told.
    """

    condition: Record
    changes: Changes
    applied: Callable[[Trial], bool] = _unknown

    def apply(self, trial: Trial) -> Trial:
        """Return the trial as the store has it after the change."""
        return apply(trial, {**self.changes, "seq": 0})


def place(now: datetime) -> Transition:
    """Note that a queued trial was given to the cluster."""
    return Transition({"state": TrialState.QUEUED.value}, {"timings.placed": now})


def note_start_failure(attempt: int, why: str) -> Transition:
    """Note why no worker could begin a trial that is queued after so many attempts."""
    return Transition(_queued_after(attempt), {"error": stored_text(why)})


def begin(trial: Trial, attempt: Attempt, ttl: float) -> Transition:
    """Begin an attempt at a queued trial, and hold the trial for `ttl` seconds from its start."""
    lease = AttemptLease(
        owner=attempt.owner,
        attempt=attempt.number,
        token=attempt.token,
        expires_at=expiry(attempt.started_at, ttl),
        seconds=ttl,
    )
    return Transition(
        _queued_after(trial.attempt),
        {
            **ATTEMPT_LEASE.taken(lease),
            "state": TrialState.RUNNING,
            "attempt": attempt.number,
            f"attempts.{attempt.number}": attempt,
            "progress": None,
            "prune_reason": None,
            "timings.started": attempt.started_at,
        },
        applied=lambda stored: stored.lease is not None and stored.lease.token == attempt.token,
    )


def resume(
    attempt: int, token: str, epochs: Sequence[Epoch], metric: ObjectiveMetric = DEFAULT_METRIC
) -> Transition:
    """Take over the epochs that an earlier attempt left in a checkpoint."""
    return Transition(
        ATTEMPT_LEASE.held_by(token),
        {"progress": progress_of(epochs[-1], metric), f"attempts.{attempt}.resumed": len(epochs)},
    )


def record_epoch(
    token: str, epoch: Epoch, *, for_pruner: bool, metric: ObjectiveMetric = DEFAULT_METRIC
) -> Transition:
    """Record the trial's progress after an epoch.

    for_pruner: add the epoch's objective to the trial, where a driver that prunes reads it.
    """
    loss = metric.loss_of_epoch(epoch) if for_pruner else None
    losses = {} if loss is None else {f"epoch_losses.{epoch.epoch}": loss}
    return Transition(
        ATTEMPT_LEASE.held_by(token), {"progress": progress_of(epoch, metric), **losses}
    )


def request_prune(token: str, reason: str) -> Transition:
    """Ask the attempt to end the trial before its last epoch."""
    return Transition(ATTEMPT_LEASE.held_by(token), {"prune_reason": reason})


def complete(
    attempt: int, token: str, now: datetime, result: Result, best_epoch: int | None
) -> Transition:
    """Complete the trial with its result."""
    return _end(
        (attempt, token),
        now,
        TrialState.COMPLETED,
        "completed",
        changes={"result": result, "best_epoch": best_epoch, "error": None},
    )


def prune(attempt: int, token: str, now: datetime, result: Result) -> Transition:
    """End the trial before its last epoch, with its result so far."""
    return _end(
        (attempt, token),
        now,
        TrialState.PRUNED,
        "pruned",
        changes={"result": result, "error": None},
    )


def hand_back(attempt: int, token: str, now: datetime, reason: str) -> Transition:
    """Queue the trial again for a worker that must stop; it costs no attempt."""
    return _end((attempt, token), now, TrialState.QUEUED, "handed_back", error=reason)


def release(lease: AttemptLease, now: datetime, reason: str) -> Transition:
    """Take the trial from the lease's holder and queue it again; it costs no attempt."""
    return _end((lease.attempt, lease.token), now, TrialState.QUEUED, "released", error=reason)


def cancel(trial: Trial, now: datetime, reason: str | None = None) -> Transition:
    """Cancel a trial that is queued or running, as it was read.

    reason: why this trial alone is cancelled; None where its whole search is.
    """
    why: Changes = {} if reason is None else {"error": stored_text(reason)}
    if trial.lease is not None:
        held = (trial.lease.attempt, trial.lease.token)
        return _end(held, now, TrialState.CANCELLED, "cancelled", changes=why)
    return Transition(
        _queued_after(trial.attempt),
        {**why, "state": TrialState.CANCELLED, "timings.finished": now},
        applied=lambda stored: stored.state is TrialState.CANCELLED,
    )


def crash(
    trial: Trial,
    attempt: int,
    token: str,
    now: datetime,
    error: str,
    max_attempts: int,
    *,
    retry: bool = True,
) -> Transition:
    """Queue the trial again after a crash, or fail it if that was the last of its attempts.

    retry: whether another attempt might succeed; otherwise the trial fails at once.
    """
    return _end(
        (attempt, token),
        now,
        _state_after_loss(trial, attempt, max_attempts if retry else 0),
        "crashed" if retry else "failed",
        error=error,
        changes={"error": stored_text(error)},
    )


def expire(
    trial: Trial, lease: AttemptLease, now: datetime, reason: str, max_attempts: int
) -> Transition:
    """End the attempt whose lease has passed: queue the trial again, or fail it, as `crash`."""
    ended = _end(
        (lease.attempt, lease.token),
        now,
        _state_after_loss(trial, lease.attempt, max_attempts),
        "expired",
        error=reason,
        changes={"error": stored_text(reason)},
    )
    return Transition(
        {**ended.condition, **ATTEMPT_LEASE.passed(now)}, ended.changes, ended.applied
    )


def _queued_after(attempt: int) -> Record:
    return {"state": TrialState.QUEUED.value, "attempt": attempt}


def _state_after_loss(trial: Trial, attempt: int, max_attempts: int) -> TrialState:
    # This attempt is counted by itself: a crash that is sent twice must decide the same.
    others = {number: a for number, a in trial.attempts.items() if number != str(attempt)}
    spent = trial.model_copy(update={"attempts": others}).attempts_spent + 1
    return TrialState.FAILED if spent >= max_attempts else TrialState.QUEUED


def _end(
    held: tuple[int, str],
    now: datetime,
    state: TrialState,
    outcome: AttemptOutcome,
    *,
    error: str | None = None,
    changes: Changes | None = None,
) -> Transition:
    """End the attempt that holds the trial by its number and token."""
    attempt, token = held
    finished = {"timings.finished": now} if state in TERMINAL_TRIAL_STATES else {}

    def applied(stored: Trial) -> bool:
        ended = stored.attempts.get(str(attempt))
        return ended is not None and (ended.token, ended.outcome) == (token, outcome)

    return Transition(
        ATTEMPT_LEASE.held_by(token),
        {
            **(changes or {}),
            **finished,
            **ATTEMPT_LEASE.released(),
            "state": state,
            f"attempts.{attempt}.outcome": outcome,
            f"attempts.{attempt}.ended_at": now,
            f"attempts.{attempt}.error": None if error is None else stored_text(error),
        },
        applied,
    )


def begun(
    new: Trial, worker: Attempt, *, now: datetime, ttl: float, token: str, slot: int | None
) -> Trial:
    """Return a new trial with its first attempt begun for an idle worker, for `trials.add_many`.

    worker: an earlier attempt of that worker's. now: by the store's clock. token: the attempt's;
    where the trial is added again because no answer came, the same, by which the attempt is known.
    """
    attempt = Attempt(
        number=1,
        owner=worker.owner,
        token=token,
        host=worker.host,
        accelerator=worker.accelerator,
        versions=worker.versions,
        slot=slot,
        started_at=now,
    )
    placed = new.model_copy(update={"timings": {"queued": now, "placed": now}})
    return begin(placed, attempt, ttl).apply(placed)


def progress_of(epoch: Epoch, metric: ObjectiveMetric = DEFAULT_METRIC) -> Progress:
    """Return the trial's progress after the epoch."""
    return Progress(
        epoch=epoch.epoch,
        epochs=epoch.epochs,
        loss=epoch.loss,
        value=metric.of_epoch(epoch),
    )
