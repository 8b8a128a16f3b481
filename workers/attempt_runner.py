"""One attempt at a trial: begin, evaluate the objective under a lease, record the outcome.

This module uses neither Ray nor TensorFlow. Every write to the store carries the attempt's
token, so nothing is accepted from a worker whose trial was taken over.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.search.attempts.checkpoint_folders import earlier_attempts
from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents import (
    Epoch,
    Result,
    Search,
    Trial,
    checkpoint_names,
    judged,
    metric_of,
    transitions,
)
from alignsearch.search.documents.errors import (
    ForeignSearchError,
    NoRoomError,
    SourceError,
    StaleAttemptError,
    StoreUnavailableError,
)
from alignsearch.search.driver.state_retention import remove_surplus_states
from alignsearch.search.store import Store
from alignsearch.workers.attempt_log import attempt_log
from alignsearch.workers.objectives import Finished, Link, Objective

logger = logging.getLogger(__name__)

STORE_RETRY_SECONDS = 1.0
"""Time between two retries of a write during an outage of the store."""
STORE_PATIENCE_SECONDS = 3600.0
"""Longest outage of the store that a write is retried through. After an hour the lease is long
lost, and the accelerator is better used for another attempt."""

T = TypeVar("T")


@dataclass(frozen=True)
class Worker:
    """The process that makes attempts, as it is recorded with each of them.

    Attributes:
        owner: HOST:PID, unique among living workers.
        host: name of the host.
        accelerator: resources that were assigned, such as "TPU: 8".
        slot: number of the search's slot that it serves; None outside of a search's driver.
        versions: versions of the packages that can change a result, by name.
    """

    owner: str
    host: str
    accelerator: str
    slot: int | None = None
    versions: dict[str, str] = field(default_factory=dict)


class Outcome(StrEnum):
    """The outcome of an attempt as its worker knows it."""

    NOT_BEGUN = "not begun"
    COMPLETED = "completed"
    PRUNED = "pruned"
    HANDED_BACK = "handed back"
    STALE = "stale"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Ending:
    """How an attempt ended.

    Attributes:
        outcome: the attempt's outcome.
        trial: the trial as the store has it since; None if that isn't known here.
    """

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
    """Make one attempt at a trial and record its outcome in the store.

    The attempt resumes from the latest readable checkpoint of an earlier attempt. An
    `AlignSearchError` of the objective (a bad configuration, missing data) would come again and
    fails the trial for good; any other exception costs an attempt.

    Args:
        store: holds the search.
        search: the search; only its fields that never change are used.
        placed: the trial. With a lease, its attempt was begun for this worker. Without one the
            attempt is begun here by a compare-and-set, or not at all if the trial isn't queued
            any more.
        objective: evaluates the trial.
        worker: recorded as the attempt's worker.
        interrupt: when set, the objective stops at its next step with a checkpoint, and the trial
            is queued again at no cost.
        lease_seconds: duration of the lease; the search's own by default.

    Raises:
        ForeignSearchError: the trial is of another search, or the store isn't the search's own.
        SourceError: the objective can't be imported here; the trial was handed back.
        NoRoomError: it can't be imported now, for lack of memory or disk; that is a crash.
        StoreUnavailableError: the store didn't answer for so long that the lease is lost.
    """
    if placed.search != search.name or store.place != search.place:
        raise ForeignSearchError(
            f"trial {placed.id} was sent to a worker of search {search.identity}, in the store "
            f"{store.uri_for_people}: nothing was done"
        )
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
    _check_own(store, search, placed, trial)
    try:
        with attempt_log(store, trial):
            return _Attempt(store, search, trial, worker, interrupt).make(objective, lease)
    finally:
        remove_surplus_states(store, search)


def _check_own(store: Store, search: Search, placed: Trial, begun: Trial) -> None:
    """Leave a trial that was begun if the name of this search is another one's by now.

    The driver that placed it may not have noticed yet. The trial is none of this search then,
    whose trials went before its name was free.

    Raises:
        ForeignSearchError: nothing was evaluated.
    """
    try:
        found = persist(lambda: store.searches.get(search.name))
    except UnknownNameError:
        # All that the attempt would write is refused.
        return
    if found.identity == search.identity:
        return
    why = f"the name {search.name!r} belongs to another search since: nothing was evaluated"
    if placed.lease is None:
        assert begun.lease is not None
        held = (begun.id, begun.lease.attempt, begun.lease.token)
        with suppress(StaleAttemptError):
            persist(lambda: store.attempts.hand_back(*held, why))
    else:
        # The old search's driver has added this trial to the new search. A trial's point may lie
        # outside the new search's space, so nobody is to evaluate it.
        persist(lambda: store.attempts.withdraw(begun, why))
    raise ForeignSearchError(why)


class _Attempt:
    """An attempt that holds its trial's lease."""

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
        self._metric = metric_of(search)
        self._trial = trial
        self._worker = worker
        self._interrupt = interrupt
        self._held = (trial.id, trial.lease.attempt, trial.lease.token)
        self._last: Epoch | None = None
        self._prune_reason: str | None = None

    def make(self, objective: Objective, lease_seconds: float) -> Ending:
        with Heartbeat(
            lambda: self._renew(lease_seconds), lease_seconds / RENEWALS, f"of {self._trial.id}"
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
            except SourceError as error:
                # No trial of this search can be evaluated here: this one is not at fault.
                with suppress(StaleAttemptError):
                    self._hand_back(str(error))
                raise
            except NoRoomError as error:
                # This process has a half of what it has imported: the next trial gets another one.
                _crash(self._store, self._trial, error, self._search.max_attempts)
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
            resume_from=earlier_attempts(self._search, self._trial, number),
        )

    def _end(self, finished: Finished) -> Ending:
        result = finished.result
        if result is not None:
            result = judged(self._search, result)
            _, attempt, token = self._held
            best = finished.best_epoch
            known = self._trial
            ended = persist(
                lambda: self._store.attempts.finish(known, attempt, token, result, best)
            )
            return Ending(Outcome.COMPLETED, ended)
        if self._prune_reason is not None and self._last is not None:
            pruned = self._pruned(self._last, self._prune_reason)
            ended = persist(lambda: self._store.attempts.prune(*self._held, pruned))
            return Ending(Outcome.PRUNED, ended)
        return Ending(Outcome.HANDED_BACK, self._hand_back("its worker was stopped"))

    def _hand_back(self, reason: str) -> Trial:
        return persist(lambda: self._store.attempts.hand_back(*self._held, reason))

    def _is_pruned(self) -> bool:
        # Prune only after this attempt has recorded an epoch; otherwise there is no loss to record.
        return self._prune_reason is not None and self._last is not None

    def _pruned(self, last: Epoch, reason: str) -> Result:
        pruning = self._search.pruning
        metrics = {"epochs": float(last.epoch)}
        if pruning is None or pruning.informs == "fail":
            return Result(status="fail", metrics=metrics, reason=reason)
        loss = self._metric.loss_of_epoch(last)
        return Result(status="ok", loss=loss, metrics=metrics, reason=reason)

    def _renew(self, lease_seconds: float) -> bool:
        try:
            self._store.attempts.renew(*self._held, lease_seconds)
        except StaleAttemptError:
            return False
        self._read_prune_request()
        return True

    def _record(self, epoch: Epoch) -> None:
        for_pruner = self._search.pruning is not None
        persist(
            lambda: self._store.attempts.record_epoch(
                *self._held, epoch, for_pruner=for_pruner, metric=self._metric
            )
        )
        recorded = transitions.record_epoch(
            self._held[2], epoch, for_pruner=for_pruner, metric=self._metric
        )
        self._trial = recorded.apply(self._trial)
        self._last = epoch
        persist(self._read_prune_request)

    def _resume(self, epochs: Sequence[Epoch]) -> None:
        self._trial = persist(
            lambda: self._store.attempts.resume(*self._held, epochs, self._metric)
        )
        self._last = epochs[-1]

    def _read_prune_request(self) -> None:
        """Read from the store whether the driver has requested that this trial is pruned."""
        if self._search.pruning is not None:
            self._prune_reason = self._store.trials.get(self._trial.id).prune_reason

    def _warn(self, what: str) -> None:
        logger.warning("trial %s: %s", self._trial.id, what)
        detail = f"trial {self._trial.tid}, attempt {self._held[1]}: {what}"
        persist(
            lambda: self._store.logs.add_event(
                self._search.name, self._worker.owner, "trial warned", detail
            )
        )


def _crash(store: Store, trial: Trial, error: Exception, max_attempts: int) -> Ending:
    written = isinstance(error, AlignSearchError)
    deterministic = written and not isinstance(error, NoRoomError)
    report = str(error) if written else "".join(traceback.format_exception(error))
    how = "failed" if deterministic else "crashed"
    logger.warning("trial %s %s: %s", trial.id, how, report)
    lease = trial.lease
    if lease is None:
        return Ending(Outcome.STALE)
    try:
        crashed = persist(
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


def persist(write: Callable[[], T]) -> T:
    """Retry a write through an outage of the store, so that no epoch or result is lost to it.

    Raises:
        StoreUnavailableError: the outage lasts longer than `STORE_PATIENCE_SECONDS`.
    """
    pause = threading.Event()
    until = time.monotonic() + STORE_PATIENCE_SECONDS
    while True:
        try:
            return write()
        except StoreUnavailableError as error:
            if time.monotonic() >= until:
                raise
            logger.warning("retrying the write in %g s: %s", STORE_RETRY_SECONDS, error)
            pause.wait(STORE_RETRY_SECONDS)
