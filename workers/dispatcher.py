"""Placing trials on a Ray cluster: one warm worker actor a slot."""

import logging
import secrets
import threading

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError, RayTaskError

from alignsearch.search.attempts.dispatcher import SlotReport
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import ClusterError
from alignsearch.workers import deaths
from alignsearch.workers.actor import TrialActor
from alignsearch.workers.attempt_runner import Ending
from alignsearch.workers.cluster import NAMESPACE
from alignsearch.workers.versions import versions

logger = logging.getLogger(__name__)


class RayDispatcher:
    """The driver's `Dispatcher` over Ray. The process must be connected to a cluster.

    Workers are named after search and slot and outlive their driver, so that a
    trial in flight goes on and the next driver finds the worker again. An idle
    worker whose search nobody drives ends itself.
    """

    def __init__(self, search: Search, store_uri: str) -> None:
        """Serve `search`; workers are started as its slots are first used."""
        self._search = search
        self._store_uri = store_uri
        self._workers: dict[int, ActorHandle] = {}
        self._running: dict[ray.ObjectRef, tuple[int, str]] = {}
        self._versions = versions()
        self._inherited: set[int] = set()
        for name in ray.util.list_named_actors():
            self._take_over(name)

    def place(self, slot: int, trial: Trial) -> None:
        """Start the trial on the slot's worker, and the worker if there is none."""
        worker = self._workers.get(slot)
        if worker is None:
            worker = self._workers[slot] = self._start(slot)
        self._running[worker.run.remote(trial, self._versions)] = (slot, trial.id)

    def held(self) -> set[int]:
        """The slots that have a worker, or one on its way."""
        return set(self._workers)

    def poll(self, timeout: float) -> list[SlotReport]:
        """Wait up to `timeout` seconds for an attempt to end; return all that have.

        Raises:
            ClusterError: a host has other versions than this process.
        """
        if not self._running:
            threading.Event().wait(timeout)
            return []
        done, _ = ray.wait(list(self._running), num_returns=1, timeout=timeout)
        if done:
            done, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [self._report(ref) for ref in done]

    def hand_back(self) -> None:
        """Ask every worker to hand its trial back, and what it is still given."""
        for worker in self._workers.values():
            worker.hand_back.remote()

    def kill(self, slot: int) -> None:
        """End the slot's worker at once; its attempt is reported no more."""
        self._running = {ref: at for ref, at in self._running.items() if at[0] != slot}
        worker = self._workers.pop(slot, None)
        if worker is not None:
            ray.kill(worker)

    def close(self) -> None:
        """End all workers of the search, an earlier driver's among them."""
        for slot in self.held():
            self.kill(slot)

    def _take_over(self, name: str) -> None:
        """Take the worker of that name for this search's slot, if it is one."""
        search, _, rest = name.partition("/")
        slot = rest.partition("/")[0]
        if search != self._search.name:
            return
        try:
            worker = ray.get_actor(name, namespace=NAMESPACE)
        except ValueError:
            return
        # Of two, which there can be after a driver was superseded, one is enough.
        if int(slot) in self._workers:
            ray.kill(worker)
        else:
            self._workers[int(slot)] = worker
            self._inherited.add(int(slot))

    def _start(self, slot: int) -> ActorHandle:
        self._inherited.discard(slot)
        resources = dict(self._search.resources)
        cpus = resources.pop("CPU", 0.0)
        gpus = resources.pop("GPU", 0.0)
        accelerator = ", ".join(
            f"{name}: {amount:g}" for name, amount in self._search.resources.items()
        )
        try:
            return TrialActor.options(
                # No name twice: a worker that was ended keeps its own for a moment.
                name=f"{self._search.name}/{slot}/{secrets.token_hex(4)}",
                namespace=NAMESPACE,
                lifetime="detached",
                num_cpus=cpus,
                num_gpus=gpus,
                resources=resources,
            ).remote(self._store_uri, self._search, slot, accelerator, max(1, int(cpus)))
        except ValueError as error:
            raise ClusterError(
                f"Ray refuses to place a trial of search {self._search.name!r} ({accelerator}): "
                f"{error}"
            ) from error

    def _report(self, ref: ray.ObjectRef) -> SlotReport:
        slot, trial_id = self._running.pop(ref)
        try:
            ending: Ending = ray.get(ref)
        except RayError as error:
            worker = self._workers.pop(slot, None)
            if worker is not None:
                ray.kill(worker)
            # One of an earlier driver may well be older than this one: a new one takes its place.
            refused = isinstance(error, RayTaskError) and isinstance(error.cause, ClusterError)
            if refused and slot not in self._inherited:
                raise error.cause from None
            return SlotReport(slot, trial_id, deaths.reason(error))
        logger.info("slot %d: trial %s: %s", slot, trial_id, ending.outcome)
        return SlotReport(slot, trial_id, trial=ending.trial)
