"""One attempt at a trial: begin, train under a lease, report, finish; all through the store.

Knows neither Ray nor TensorFlow. Every write carries the attempt's token, so a
worker whose trial was taken over writes nothing more.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from alignment_core.errors import AlignSearchError
from alignsearch.search.attempts.heartbeat import Heartbeat
from alignsearch.search.documents import Epoch, Result, Search, Trial, checkpoint_names, transitions
from alignsearch.search.documents.errors import StaleAttemptError, StoreUnavailableError
from alignsearch.search.documents.objective_metric import get_metric
from alignsearch.search.driver import checkpoint_folders
from alignsearch.search.store import Store
from alignsearch.workers.kept_log import kept_log

logger = logging.getLogger(__name__)

STORE_RETRY_SECONDS = 1.0
STORE_PATIENCE_SECONDS = 3600.0
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


@dataclass(frozen=True)
class Link:
    """What ties an objective to the attempt that it is made under.

    Attributes:
        on_epoch: to be told of each epoch as it ends.
        on_resume: to be told of the epochs that a checkpoint has behind it.
        on_warning: to be told what goes wrong without ending the training.
        should_stop: to be asked before each step; True: come back as soon as a state is left.
        checkpoints: the folder for the attempt's states; None if none are kept.
        resume_from: folders with states of earlier attempts.
    """

    on_epoch: Callable[[Epoch], None]
    on_resume: Callable[[Sequence[Epoch]], None]
    on_warning: Callable[[str], None]
    should_stop: Callable[[], bool]
    checkpoints: str | None = None
    resume_from: Sequence[str] = ()


Objective = Callable[[Search, Trial, Link], Finished]
"""`objective(search, trial, link)`: train, report each epoch, stop when asked."""


class Outcome(StrEnum):
    """How an attempt ended."""

    NOT_BEGUN = "not begun"
    COMPLETED = "completed"
    PRUNED = "pruned"
    HANDED_BACK = "handed back"
    STALE = "stale"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, and the trial as the store has it since, where that is known."""

    outcome: Outcome
    trial: Trial | None = None


def run_attempt(
    store: Store,
    search: Search,
    placed: Trial,
    objective: Objective,
    worker: Worker,
    interrupt: threading.Event,
    *,
    lease_seconds: float | None = None,
) -> Ending:
    """Make one attempt at a trial of the search and leave its outcome in the store.

    A trial that is `placed` with a lease was begun for this worker; one that waits is begun here,
    and left alone if it isn't queued any more. It goes on from the last state that an
    earlier attempt has left. An `interrupt` ends the training at its next step, with a
    state left for the next attempt, and queues the trial again at no cost. An error
    that is ours (a bad configuration, missing data) would come again and fails
    the trial for good; any other costs an attempt.

    lease_seconds: the search's own without it.

    Raises:
        StoreUnavailableError: the store did not answer for so long that the
            lease is lost anyway.
    """
    lease = lease_seconds or search.lease_seconds
    trial: Trial | None = placed
    if placed.lease is None:
        trial = store.attempts.begin(
            placed,
            worker.owner,
            ttl=lease,
            host=worker.host,
            accelerator=worker.accelerator,
            versions=worker.versions,
            slot=worker.slot,
        )
    if trial is None or trial.lease is None:
        return Ending(Outcome.NOT_BEGUN)
    try:
        with kept_log(store, trial):
            return _Attempt(store, search, trial, worker, interrupt).make(objective, lease)
    finally:
        checkpoint_folders.sweep(store, search)


class _Attempt:
    """An attempt that holds its trial."""

    def __init__(
        self,
        store: Store,
        search: Search,
        trial: Trial,
        worker: Worker,
        interrupt: threading.Event,
    ) -> None:
        assert trial.lease is not None
        self._store = store
        self._search = search
        self._trial = trial
        self._worker = worker
        self._interrupt = interrupt
        self._held = (trial.id, trial.lease.attempt, trial.lease.token)
        self._last: Epoch | None = None
        self._prune_reason: str | None = None
        self._metric = get_metric(search.recipe.metric)

    def make(self, objective: Objective, lease_seconds: float) -> Ending:
        with Heartbeat(
            lambda: self._renew(lease_seconds), lease_seconds / 3, f"of {self._trial.id}"
        ) as lease:
            try:
                finished = objective(self._search, self._trial, self._link(lease.lost))
                if lease.lost.is_set():
                    return Ending(Outcome.STALE)
                return self._end(finished)
            except StaleAttemptError as error:
                logger.info("%s", error)
                return Ending(Outcome.STALE)
            except StoreUnavailableError:
                raise
            except Exception as error:
                return _crash(self._store, self._trial, error, self._search.max_attempts)

    def _link(self, lost: threading.Event) -> Link:
        number = self._held[1]
        return Link(
            on_epoch=self._record,
            on_resume=self._resume,
            on_warning=self._warn,
            should_stop=lambda: self._interrupt.is_set() or lost.is_set() or self._is_pruned(),
            checkpoints=checkpoint_names.of_attempt(self._search, self._trial, number),
            resume_from=checkpoint_folders.of_earlier_attempts(self._search, self._trial, number),
        )

    def _end(self, finished: Finished) -> Ending:
        result = finished.result
        if result is not None:
            _, attempt, token = self._held
            best = finished.best_epoch
            known = self._trial
            ended = _persist(
                lambda: self._store.attempts.finish(known, attempt, token, result, best)
            )
            return Ending(Outcome.COMPLETED, ended)
        if self._prune_reason is not None and self._last is not None:
            pruned = self._pruned(self._last, self._prune_reason)
            ended = _persist(lambda: self._store.attempts.prune(*self._held, pruned))
            return Ending(Outcome.PRUNED, ended)
        ended = _persist(
            lambda: self._store.attempts.hand_back(*self._held, "its worker was stopped")
        )
        return Ending(Outcome.HANDED_BACK, ended)

    def _is_pruned(self) -> bool:
        # Not before it has an epoch to show for it, on another worker too.
        return self._prune_reason is not None and self._last is not None

    def _pruned(self, last: Epoch, reason: str) -> Result:
        pruning = self._search.pruning
        metrics = {"epochs": float(last.epoch)}
        if pruning is None or pruning.informs == "fail":
            return Result(status="fail", metrics=metrics, reason=reason)
        loss = self._metric.of_epoch(last)
        return Result(status="ok", loss=loss, metrics=metrics, reason=reason)

    def _renew(self, lease_seconds: float) -> bool:
        try:
            self._store.attempts.renew(*self._held, lease_seconds)
        except StaleAttemptError:
            return False
        self._ask_pruner()
        return True

    def _record(self, epoch: Epoch) -> None:
        for_pruner = self._search.pruning is not None
        _persist(
            lambda: self._store.attempts.record_epoch(
                *self._held, epoch, for_pruner=for_pruner, metric=self._metric
            )
        )
        recorded = transitions.record_epoch(
            self._held[2], epoch, for_pruner=for_pruner, metric=self._metric
        )
        self._trial = recorded.apply(self._trial)
        self._last = epoch
        _persist(self._ask_pruner)

    def _resume(self, epochs: Sequence[Epoch]) -> None:
        self._trial = _persist(
            lambda: self._store.attempts.resume(*self._held, epochs, self._metric)
        )
        self._last = epochs[-1]

    def _ask_pruner(self) -> None:
        """The driver decides which trials are pruned, and says so on the trial."""
        if self._search.pruning is not None:
            self._prune_reason = self._store.trials.get(self._trial.id).prune_reason

    def _warn(self, what: str) -> None:
        logger.warning("trial %s: %s", self._trial.id, what)
        detail = f"trial {self._trial.tid}, attempt {self._held[1]}: {what}"
        _persist(
            lambda: self._store.logs.add_event(
                self._search.name, self._worker.owner, "trial warned", detail
            )
        )


def _crash(store: Store, trial: Trial, error: Exception, max_attempts: int) -> Ending:
    deterministic = isinstance(error, AlignSearchError)
    report = str(error) if deterministic else "".join(traceback.format_exception(error))
    logger.warning("trial %s crashed: %s", trial.id, report)
    lease = trial.lease
    if lease is None:
        return Ending(Outcome.STALE)
    try:
        crashed = _persist(
            lambda: store.attempts.crash(
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
        return Ending(Outcome.STALE)
    return Ending(Outcome.CRASHED, crashed)


def _persist(write: Callable[[], T]) -> T:
    """Write through an outage of the store: an epoch or a result must not be lost to a restart."""
    pause = threading.Event()
    until = time.monotonic() + STORE_PATIENCE_SECONDS
    while True:
        try:
            return write()
        except StoreUnavailableError as error:
            if time.monotonic() >= until:
                raise
            logger.warning("writing again in %g s: %s", STORE_RETRY_SECONDS, error)
            pause.wait(STORE_RETRY_SECONDS)
