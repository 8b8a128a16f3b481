"""The Ray actor that trains trials, one after the other, in one warm process."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

import ray

from alignsearch.search.documents import REHEARSAL, Search, Trial, is_driven
from alignsearch.search.documents.errors import ClusterError, StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.workers import tpu
from alignsearch.workers.attempt_runner import Ending, Objective, Worker, run_attempt
from alignsearch.workers.versions import differences, versions

logger = logging.getLogger(__name__)

IDLE_CHECK_SECONDS = 30.0
STORE_SECONDS = 20.0
"""How long the store is looked for: dozens of workers may start on one host at once."""


class TrialWorker:
    """Serves one slot of a search: TensorFlow is imported once, compiled steps are kept."""

    def __init__(
        self, store_uri: str, search: Search, slot: int, accelerator: str, threads: int
    ) -> None:
        """Connect to the store.

        Args:
            store_uri: where the search is.
            search: whose trials these are, for what never changes of it.
            slot: which of the search's slots this process serves.
            accelerator: what Ray assigned, for the record of attempts.
            threads: CPU threads for TensorFlow, which reads them when it is imported.

        Raises:
            ClusterError: another process keeps this host's TPU.
        """
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
        os.environ["TF_NUM_INTEROP_THREADS"] = "1"
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        if "TPU" in search.resources:
            os.environ.update(tpu.host_alone(os.environ, search.resources["TPU"]))
            tpu.wait_until_free(tpu.devices())
        self._store = Store.connect(store_uri, timeout=STORE_SECONDS)
        self._search = search
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
        # Ray makes its actors in the main thread, the only one that may do this.
        signal.signal(signal.SIGTERM, self._on_preemption)
        threading.Thread(target=self._leave_when_orphaned, daemon=True).start()

    def run(self, trial: Trial, wanted: Mapping[str, str]) -> Ending:
        """Make one attempt at the trial; return how it ended.

        Raises:
            ClusterError: the versions here aren't the `wanted` ones.
        """
        differing = differences(self._worker.host, self._worker.versions, wanted)
        if differing:
            raise ClusterError(
                f"versions differ: {'; '.join(differing)}. Install the same on both, or take "
                f"{self._worker.host} out of the cluster; `alignsearch doctor --cluster` looks at "
                "every host"
            )
        self._idle.clear()
        try:
            objective = _objective(self._search.recipe.dataset)
            return run_attempt(
                self._store, self._search, trial, objective, self._worker, self._interrupt
            )
        finally:
            self._idle.set()
            if self._preempted:
                # Without an answer: the driver shall place nothing here any more.
                os._exit(0)

    def hand_back(self) -> None:
        """Ask the running attempt, and any that still comes, to hand its trial back."""
        self._interrupt.set()

    def _on_preemption(self, number: int, frame: FrameType | None) -> None:
        """The host is to go: hand the trial back with a state left, and end."""
        self._preempted = True
        self._interrupt.set()
        if self._idle.is_set():
            os._exit(0)

    def _leave_when_orphaned(self) -> None:
        """End an idle process whose search nobody drives: its accelerator is for others."""
        pause = threading.Event()
        while True:
            pause.wait(IDLE_CHECK_SECONDS)
            try:
                search = self._store.searches.get(self._search.name)
                orphaned = not is_driven(search, self._store.now())
            except StoreUnavailableError as error:
                logger.warning("can't tell whether the search has a driver: %s", error)
                continue
            if orphaned and self._idle.is_set():
                os._exit(0)


TrialActor: Any = ray.remote(max_restarts=0, max_concurrency=2)(TrialWorker)
"""`TrialWorker` as Ray runs it: `hand_back` is heard while `run` trains."""


def _objective(dataset: str) -> Objective:
    # TensorFlow is imported by the processes that train, when they train.
    if dataset == REHEARSAL:
        from alignsearch.workers.objectives.rehearsal import rehearse

        return rehearse
    from alignsearch.workers.objectives.training import train

    return train
