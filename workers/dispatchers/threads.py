"""The dispatcher whose workers are threads of the driver's own process."""

import logging
import os
import queue
import socket
import threading
import traceback
from dataclasses import dataclass, field

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import SourceError, StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.objectives import Objective, objective_of
from alignsearch.workers.versions import versions

logger = logging.getLogger(__name__)


@dataclass
class _ThreadWorker:
    """The worker of one slot: whom attempts name, and the event that stops them."""

    owner: str
    interrupt: threading.Event = field(default_factory=threading.Event)


class ThreadDispatcher:
    """The driver's `Dispatcher` over threads. It needs no cluster and ignores resources.

    A thread that raises `SystemExit` counts as a worker that died. A thread can't be ended from
    outside: `kill` asks its attempt to stop, and forgets it.
    """

    def __init__(
        self,
        search: Search,
        store_uri: str,
        objective: Objective | None = None,
        lease_seconds: float | None = None,
    ) -> None:
        """Serve `search` from the store at `store_uri`.

        Args:
            search: the search whose trials are placed.
            store_uri: MongoDB URI of the store; each attempt connects to it.
            objective: evaluated for each trial; by default the one that the search names.
            lease_seconds: duration of an attempt's lease; the search's own by default.
        """
        self._search = search
        self._store_uri = store_uri
        self._objective = objective or objective_of(search)
        self._lease_seconds = lease_seconds
        self._versions = versions()
        self._workers: dict[int, _ThreadWorker] = {}
        self._handing_back = False
        self._ended: queue.Queue[tuple[_ThreadWorker, FreedSlot]] = queue.Queue()

    def place(self, slot: int, trial: Trial) -> None:
        """Start a thread that makes an attempt at the trial."""
        worker = self._workers.get(slot)
        if worker is None:
            worker = _ThreadWorker(f"{socket.gethostname()}:{os.getpid()}:thread-{slot}")
            self._workers[slot] = worker
            if self._handing_back:
                worker.interrupt.set()
        threading.Thread(
            target=self._run, args=(worker, slot, trial), name=f"trial {trial.id}", daemon=True
        ).start()

    def poll(self, timeout: float) -> list[FreedSlot]:
        """Wait up to `timeout` seconds for an attempt to end; return all that have."""
        freed = []
        try:
            worker, ended = self._ended.get(timeout=timeout)
            while True:
                # A worker that was killed is not told of.
                if self._workers.get(ended.slot) is worker:
                    freed.append(ended)
                    if ended.error is not None:
                        del self._workers[ended.slot]
                worker, ended = self._ended.get_nowait()
        except queue.Empty:
            return freed

    def held(self) -> set[int]:
        """Return the slots that have had a trial since their worker was last ended."""
        return set(self._workers)

    def hand_back(self) -> None:
        """Ask every attempt, and those that are still placed, to hand its trial back."""
        self._handing_back = True
        for worker in self._workers.values():
            worker.interrupt.set()

    def kill(self, slot: int) -> None:
        """Ask the slot's attempt to stop and forget it; a new worker may have the slot at once."""
        worker = self._workers.pop(slot, None)
        if worker is not None:
            worker.interrupt.set()

    def close(self) -> None:
        """Ask all attempts to stop and forget them."""
        for slot in self.held():
            self.kill(slot)

    def _run(self, worker: _ThreadWorker, slot: int, trial: Trial) -> None:
        error = left = refusal = None
        made_by = Worker(
            owner=worker.owner,
            host=socket.gethostname(),
            accelerator="none",
            slot=slot,
            versions=self._versions,
        )
        try:
            with Store.connect(self._store_uri) as store:
                ending = run_attempt(
                    store,
                    self._search,
                    trial,
                    self._objective,
                    made_by,
                    worker.interrupt,
                    lease_seconds=self._lease_seconds,
                )
            logger.info("slot %d: trial %s: %s", slot, trial.id, ending.outcome)
            left = ending.trial
        except SourceError as refused:
            refusal = str(refused)
        except (SystemExit, StoreUnavailableError) as death:
            error = str(death) or "its worker has ended without a reason"
        except Exception as death:
            error = "".join(traceback.format_exception(death))
        self._ended.put((worker, FreedSlot(slot, trial.id, error, left, refusal)))
