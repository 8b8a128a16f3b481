"""What an attempt makes of its trial, without a store: data in, data out.

An attempt holds its trial by a token in the trial's lease; every write of its worker is fenced
by it (`alignsearch.search.store.attempts`).
"""

from datetime import datetime, timedelta
from typing import Any

from alignsearch.search.documents import (
    Attempt,
    AttemptOutcome,
    Epoch,
    Lease,
    Progress,
    Result,
    Trial,
)
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState

Record = dict[str, Any]


def running(trial: Trial, attempt: Attempt, ttl: float) -> tuple[Trial, Lease]:
    """The trial as the attempt holds it for `ttl` seconds from its start, and by what lease."""
    now = attempt.started_at
    lease = Lease(
        owner=attempt.owner,
        attempt=attempt.number,
        token=attempt.token,
        expires_at=now + timedelta(seconds=ttl),
    )
    begun = trial.model_copy(
        update={
            "state": TrialState.RUNNING,
            "attempt": attempt.number,
            "lease": lease,
            "attempts": {**trial.attempts, str(attempt.number): attempt},
            "progress": None,
            "prune_reason": None,
            "timings": {**trial.timings, "started": now},
            "seq": 0,
        }
    )
    return begun, lease


def completed(
    trial: Trial, attempt: int, now: datetime, result: Result, best_epoch: int | None
) -> Trial:
    """The trial that the attempt holds as `Attempts.finish` leaves it in the store."""
    last = trial.attempts[str(attempt)].model_copy(
        update={"outcome": "completed", "ended_at": now, "error": None}
    )
    return trial.model_copy(
        update={
            "state": TrialState.COMPLETED,
            "lease": None,
            "attempts": {**trial.attempts, str(attempt): last},
            "timings": {**trial.timings, "finished": now},
            "result": result,
            "best_epoch": best_epoch,
            "error": None,
            "seq": 0,
        }
    )


def ending(
    attempt: int,
    state: TrialState,
    now: datetime,
    outcome: AttemptOutcome,
    error: str | None = None,
) -> Record:
    """What changes on a trial when its attempt ends so."""
    finished = {"timings.finished": now} if state in TERMINAL_TRIAL_STATES else {}
    return {
        **finished,
        "state": state.value,
        "lease": None,
        f"attempts.{attempt}.outcome": outcome,
        f"attempts.{attempt}.ended_at": now,
        f"attempts.{attempt}.error": error,
    }


def fence(token: str) -> Record:
    """Holds for a running trial alone, and for one attempt: with its lease a trial loses this.

    No more conditions than it takes, and this one as it is: for each that is a plain equality the
    embedded server looks for an index first, and takes its time over that.
    """
    return {"lease.token": {"$all": [token]}}


def begun(
    new: Trial, worker: Attempt, *, now: datetime, ttl: float, token: str, slot: int
) -> Trial:
    """The new trial as the first attempt of an idle worker, for `trials.add_many`.

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
    return running(placed, attempt, ttl)[0]


def with_epoch(
    trial: Trial, epoch: Epoch, *, for_pruner: bool, metric: ObjectiveMetric = DEFAULT_METRIC
) -> Trial:
    """The trial as `record_epoch` leaves it in the store."""
    losses = trial.epoch_losses
    if for_pruner:
        losses = {**losses, str(epoch.epoch): metric.of_epoch(epoch)}
    return trial.model_copy(update={"progress": progress_of(epoch, metric), "epoch_losses": losses})


def progress_of(epoch: Epoch, metric: ObjectiveMetric = DEFAULT_METRIC) -> Progress:
    """How far the trial is after the epoch."""
    return Progress(
        epoch=epoch.epoch,
        epochs=epoch.epochs,
        loss=epoch.loss,
        validation_error=metric.of_epoch(epoch),
    )


def holds(trial: Trial, token: str) -> bool:
    """Whether the token's attempt holds the trial."""
    return trial.lease is not None and trial.lease.token == token


def ended_so(trial: Trial, attempt: int, token: str, outcome: AttemptOutcome) -> bool:
    """Whether the token's attempt has ended with this outcome."""
    ended = trial.attempts.get(str(attempt))
    return ended is not None and (ended.token, ended.outcome) == (token, outcome)
