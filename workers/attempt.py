"""One attempt at a trial: begin, train under a lease, report, finish; all through the store.

Knows neither Ray nor TensorFlow. Every write carries the attempt's token, so a
worker whose trial was taken over writes nothing more.
"""

import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from alignment_core.errors import AlignSearchError
from search.documents import Epoch, Result, Search, Trial
from search.errors import StaleAttemptError, StoreUnavailableError
from search.heartbeat import Heartbeat
from search.store import Store

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
STORE_RETRY_SECONDS = 1.0
STORE_PATIENCE_SECONDS = 600.0
"""How long an outcome is offered to a store that does not answer, before it is given up."""

T = TypeVar("T")


@dataclass(frozen=True)
class Worker:
    """Who makes an attempt, and on what."""

    owner: str
    host: str
    accelerator: str
    slot: int | None = None
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """What an objective came to: a result to record, or None where it was interrupted."""

    result: Result | None
    best_epoch: int | None = None


Objective = Callable[
    [Search, Trial, Callable[[Epoch], None], Callable[[], bool]],
    Finished,
]
"""`objective(search, trial, on_epoch, should_stop)`: train, report each epoch, stop when asked."""


class Outcome(StrEnum):
    """How an attempt ended."""

    NOT_BEGUN = "not begun"
    COMPLETED = "completed"
    HANDED_BACK = "handed back"
    STALE = "stale"
    CRASHED = "crashed"


def run_attempt(
    store: Store,
    search: Search,
    queued: Trial,
    objective: Objective,
    worker: Worker,
    interrupt: threading.Event,
    *,
    lease_seconds: float = LEASE_SECONDS,
) -> Outcome:
    """Make one attempt at a trial of the search and leave its outcome in the store.

    A trial that isn't `queued` any more is left alone. An `interrupt` ends the
    training at its next step and queues the trial again at no cost. An error
    that is ours (a bad configuration, missing data) would come again and fails
    the trial for good; any other costs an attempt.

    Raises:
        StoreUnavailableError: the store did not answer for so long that the
            lease is lost anyway.
    """
    trial = store.begin_attempt(
        queued,
        worker.owner,
        ttl=lease_seconds,
        host=worker.host,
        accelerator=worker.accelerator,
        versions=worker.versions,
        slot=worker.slot,
    )
    if trial is None or trial.lease is None:
        return Outcome.NOT_BEGUN
    trial_id, number, token = trial.id, trial.lease.attempt, trial.lease.token

    def renew() -> bool:
        try:
            store.renew(trial_id, number, token, lease_seconds)
        except StaleAttemptError:
            return False
        return True

    def record(epoch: Epoch) -> None:
        _persist(lambda: store.record_epoch(trial_id, number, token, epoch))

    with Heartbeat(renew, lease_seconds / 3, f"of {trial_id}") as lease:

        def should_stop() -> bool:
            return interrupt.is_set() or lease.lost.is_set()

        try:
            finished = objective(search, trial, record, should_stop)
            if lease.lost.is_set():
                return Outcome.STALE
            if finished.result is None:
                _persist(lambda: store.hand_back(trial_id, number, token, "its worker was stopped"))
                return Outcome.HANDED_BACK
            result, best_epoch = finished.result, finished.best_epoch
            _persist(lambda: store.finish(trial_id, number, token, result, best_epoch))
        except StaleAttemptError as error:
            logger.info("%s", error)
            return Outcome.STALE
        except StoreUnavailableError:
            raise
        except Exception as error:
            return _crash(store, trial, error, search.max_attempts)
    return Outcome.COMPLETED


def _crash(store: Store, trial: Trial, error: Exception, max_attempts: int) -> Outcome:
    deterministic = isinstance(error, AlignSearchError)
    report = str(error) if deterministic else "".join(traceback.format_exception(error))
    logger.warning("trial %s crashed: %s", trial.id, report)
    lease = trial.lease
    if lease is None:
        return Outcome.STALE
    try:
        _persist(
            lambda: store.crash(
                trial.id,
                lease.attempt,
                lease.token,
                report,
                retry=not deterministic,
                max_attempts=max_attempts,
            )
        )
    except StaleAttemptError as stale:
        logger.info("%s", stale)
        return Outcome.STALE
    return Outcome.CRASHED


def _persist(write: Callable[[], T]) -> T:
    """Write through an outage of the store: an epoch or a result must not be lost to a restart."""
    pause = threading.Event()
    tries = int(STORE_PATIENCE_SECONDS / STORE_RETRY_SECONDS)
    for remaining in range(tries, -1, -1):
        try:
            return write()
        except StoreUnavailableError as error:
            if not remaining:
                raise
            logger.warning("writing again in %g s: %s", STORE_RETRY_SECONDS, error)
            pause.wait(STORE_RETRY_SECONDS)
    raise AssertionError("unreachable: the last try returns or raises")
