"""The Ray actor that makes attempts at trials, one after the other, in one warm process.

An actor belongs to one search of one store. Before it makes an attempt for a driver, it looks into
its own store whether that driver drives its search. So a search of the same name, or a copy of the
whole store, never gets it.
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import ray

from alignment_core.errors import AlignSearchError, UnknownNameError
from alignsearch.search.documents import Search, Trial, is_driven
from alignsearch.search.documents.errors import (
    ClusterError,
    ForeignSearchError,
    StateConflictError,
    StoreCorruptedError,
    StoreUnavailableError,
)
from alignsearch.search.documents.identity import Identity
from alignsearch.search.store import Store
from alignsearch.workers import gpu_memory, tpu
from alignsearch.workers.attempt_runner import Ending, Worker, persist, run_attempt
from alignsearch.workers.objectives import objective_of
from alignsearch.workers.shipping import Shipped
from alignsearch.workers.versions import differences, versions

logger = logging.getLogger(__name__)

Claim = tuple[Identity, str]
"""A driver's claim on a worker: the search that it drives, and the token of its lease on it."""

IDLE_CHECK_SECONDS = 30.0
"""Time between two checks whether the search still has a driver. An idle actor without one keeps
its accelerator for about that long; dozens of actors must not load the store with checks."""
UNCLAIMED_CHECKS = 2
"""Checks after which an idle actor leaves a driver that doesn't claim it: such a driver has other
workers on its slots, and never learns of this one."""
STORE_SECONDS = 20.0
"""Longest wait for the store's first response. Dozens of actors may start on one host at once,
and each of them needs seconds of CPU time to start."""


class WorkerStartError(RuntimeError):
    """The worker lacks something that every trial needs: its store, or the host's TPU."""


class TrialWorker:
    """Serves one slot of a search; imported TensorFlow and compiled steps serve many trials."""

    def __init__(
        self,
        store_uri: str,
        search: Search,
        slot: int,
        accelerator: str,
        threads: int,
        folders: Sequence[str] = (),
    ) -> None:
        """Connect to the store and wait for the host's TPU, if trials use one.

        A worker that can't raises no error here, but in `run`: Ray may lose the error of an actor
        that it couldn't make, and report a killed process in its place.

        Args:
            store_uri: MongoDB URI of the store that holds the search.
            search: the search; only its fields that never change are used.
            slot: number of the search's slot that this process serves.
            accelerator: resources that Ray assigned, recorded with each attempt.
            threads: number of CPU threads for TensorFlow, which reads it when it is imported.
            folders: folders with modules of the user's own, searched after installed ones.
        """
        sys.path.extend(folder for folder in folders if folder not in sys.path)
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        os.environ.update(gpu_memory.environment(search.resources))
        self._search = search
        self._problem: str | None = None
        try:
            if "TPU" in search.resources:
                os.environ.update(tpu.host_alone(os.environ, search.resources["TPU"]))
                tpu.wait_until_free(tpu.devices())
            self._store = Store.connect(store_uri, timeout=STORE_SECONDS)
        except AlignSearchError as error:
            self._problem = f"{type(error).__name__}: {error}"
        self._claimed: str | None = None
        self._interrupt = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        host = socket.gethostname()
        self._worker = Worker(
            owner=f"{host}:{os.getpid()}",
            host=host,
            accelerator=accelerator,
            slot=slot,
            versions=versions(),
        )
        self._preempted = False
        self._shipped = Shipped()
        # Ray makes actors in the main thread, the only one that may set signal handlers.
        signal.signal(signal.SIGTERM, self._on_preemption)
        os.register_at_fork(after_in_child=_end_by_sigterm)
        threading.Thread(target=self._leave_when_orphaned, daemon=True).start()

    def claim(self, claim: Claim) -> bool:
        """Serve this driver from now on; return False if it isn't the driver of this search.

        It may drive another search, or one in another store, or not drive any more.

        Raises:
            WorkerStartError: nobody can be served here.
        """
        if self._problem is not None:
            raise WorkerStartError(self._problem)
        identity, token = claim
        if token == self._claimed and identity == self._search.identity:
            return True
        found = persist(lambda: self._store.searches.get(self._search.name))
        own = found.identity == self._search.identity == identity
        if not own or found.driver is None or found.driver.token != token:
            return False
        self._claimed = token
        return True

    def run(
        self,
        trial: Trial,
        claim: Claim,
        wanted: Mapping[str, str],
        shipped: Sequence[ray.ObjectRef] = (),
    ) -> Ending:
        """Make one attempt at the trial and return how it ended.

        Args:
            trial: queued, or running under a lease that was taken for this worker.
            claim: the claim of the driver that has placed it.
            wanted: versions of packages at the driver.
            shipped: a reference to the objective that the driver has shipped; empty where the
                search names an objective that is imported here.

        Raises:
            WorkerStartError: this worker can't make attempts.
            ForeignSearchError: this worker isn't that driver's.
            ClusterError: packages here have other versions.
        """
        if not self.claim(claim):
            identity = self._search.identity
            raise ForeignSearchError(
                f"the worker on {self._worker.host} serves search {identity} of the store "
                f"{self._store.uri_for_people}; "
                + (
                    "another driver drives it than the one that asks, which was taken over from"
                    if claim[0] == identity
                    else f"the driver that asks has the search {claim[0]}"
                )
            )
        differing = differences(self._worker.host, self._worker.versions, wanted)
        if differing:
            raise ClusterError(
                f"versions differ: {'; '.join(differing)}. Install the same on both, or take "
                f"{self._worker.host} out of the cluster; `alignsearch doctor --cluster` looks at "
                "every host"
            )
        self._idle.clear()
        try:
            objective = (
                self._shipped.objective(self._search, shipped[0])
                if shipped
                else objective_of(self._search)
            )
            return run_attempt(
                self._store, self._search, trial, objective, self._worker, self._interrupt
            )
        finally:
            self._idle.set()
            if self._preempted:
                # The process ends without a return value, so that the driver places nothing here.
                os._exit(0)

    def hand_back(self) -> None:
        """Ask the running attempt, and each that still begins, to hand its trial back."""
        self._interrupt.set()

    def _on_preemption(self, number: int, frame: FrameType | None) -> None:
        """Hand the trial back with a checkpoint and end, because the host is about to go."""
        self._preempted = True
        self._interrupt.set()
        if self._idle.is_set():
            os._exit(0)

    def _leave_when_orphaned(self) -> None:
        """End this process once it is idle and nobody has use for it: others need its place."""
        pause = threading.Event()
        unclaimed = 0
        while True:
            pause.wait(IDLE_CHECK_SECONDS)
            if self._problem is not None:
                os._exit(0)
            try:
                search = self._store.searches.get(self._search.name)
                is_own = search.identity == self._search.identity
                orphaned = not is_own or not is_driven(search, self._store.now())
                claims = search.driver is not None and search.driver.token == self._claimed
            except UnknownNameError:
                orphaned, claims = True, False
            except (StoreUnavailableError, StoreCorruptedError, StateConflictError) as error:
                logger.warning("can't tell whether the search has a driver: %s", error)
                continue
            # A driver claims the workers that it finds, but this one may have come up later.
            unclaimed = 0 if claims else unclaimed + 1
            if (orphaned or unclaimed >= UNCLAIMED_CHECKS) and self._idle.is_set():
                os._exit(0)


def _end_by_sigterm() -> None:
    """Let a process that an objective forks end by SIGTERM, as it does in a script of its own.

    Pools and data loaders end their processes so, and wait for them.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


TrialActor: Any = ray.remote(max_restarts=0, max_concurrency=2)(TrialWorker)
"""`TrialWorker` as a Ray actor; with two calls at once, `hand_back` is run while `run` is."""
