"""The dispatcher whose workers are Ray actors, one warm actor a slot."""

import logging
import secrets
import threading

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError, RayTaskError

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import ClusterError, ForeignSearchError, SourceError
from alignsearch.workers import deaths
from alignsearch.workers.actor import TrialActor
from alignsearch.workers.attempt_runner import Ending
from alignsearch.workers.cluster import namespace_of, user_folders
from alignsearch.workers.source_shipping import source_options
from alignsearch.workers.versions import versions

logger = logging.getLogger(__name__)


class RayDispatcher:
    """The driver's `Dispatcher` over the Ray cluster that this process is connected to.

    Actors are named after the search's identity and the slot, in a namespace of their store, and
    outlive their driver. A running trial goes on when the driver dies, and the next driver finds
    the actor by its name and claims it. An idle actor that no driver of its search has claimed
    ends itself.
    """

    def __init__(self, search: Search, store_uri: str, objective: bytes | None = None) -> None:
        """Adopt the search's living actors; others are started when their slots are first used.

        Args:
            search: the search whose trials are placed, with the driver's lease.
            store_uri: MongoDB URI of the store; actors connect to it from their hosts.
            objective: the objective as `workers.shipping.pickled` returns it; by default actors
                import the one that the search names.

        Raises:
            StateConflictError: the search's store can't be told from another one.
        """
        self._search = search
        self._identity = search.identity
        self._namespace = namespace_of(self._identity)
        self._claim = self._identity, search.driver.token if search.driver else ""
        self._store_uri = store_uri
        self._workers: dict[int, ActorHandle] = {}
        self._running: dict[ray.ObjectRef, tuple[int, str]] = {}
        self._versions = versions()
        self._inherited: set[int] = set()
        # In a list, for Ray would replace a reference by its object in every call.
        self._shipped = [] if objective is None else [ray.put(objective)]
        self._source = source_options(search)
        # A program that has connected to Ray by itself is in a namespace of its own.
        for actor in ray.util.list_named_actors(all_namespaces=True):
            if actor["namespace"] == self._namespace:
                self._adopt(actor["name"])

    def place(self, slot: int, trial: Trial) -> None:
        """Start the trial on the slot's actor, and the actor first if the slot has none."""
        worker = self._workers.get(slot)
        if worker is None:
            worker = self._workers[slot] = self._start(slot)
        run = worker.run.remote(trial, self._claim, self._versions, self._shipped)
        self._running[run] = (slot, trial.id)

    def held(self) -> set[int]:
        """Return the slots that have an actor, also one that still waits for its resources."""
        return set(self._workers)

    def poll(self, timeout: float) -> list[FreedSlot]:
        """Wait up to `timeout` seconds for an attempt to end; return all slots that are free.

        Raises:
            ClusterError: a host has other versions of packages than this process.
        """
        if not self._running:
            threading.Event().wait(timeout)
            return []
        done, _ = ray.wait(list(self._running), num_returns=1, timeout=timeout)
        if done:
            done, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [self._freed(ref) for ref in done]

    def hand_back(self) -> None:
        """Ask every actor to hand its trial back, and each trial that it still gets."""
        for worker in self._workers.values():
            worker.hand_back.remote()

    def kill(self, slot: int) -> None:
        """End the slot's actor at once; `poll` returns nothing for its attempt."""
        self._running = {ref: at for ref, at in self._running.items() if at[0] != slot}
        worker = self._workers.pop(slot, None)
        if worker is not None:
            ray.kill(worker)

    def close(self) -> None:
        """End all actors of the search, an earlier driver's included."""
        for slot in self.held():
            self.kill(slot)

    def _adopt(self, name: str) -> None:
        """Adopt the actor of this name if it serves a slot of this search."""
        search, slot, _ = name.rsplit("/", 2)
        if search != str(self._identity):
            return
        try:
            worker = ray.get_actor(name, namespace=self._namespace)
        except ValueError:
            return
        # It compares the claim with its own store, now or when it has started.
        worker.claim.remote(self._claim)
        # A slot can have two actors after its driver was superseded; one is enough.
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
                # The random part keeps names distinct: a killed actor keeps its name for a moment.
                name=f"{self._identity}/{slot}/{secrets.token_hex(4)}",
                namespace=self._namespace,
                lifetime="detached",
                num_cpus=cpus,
                num_gpus=gpus,
                resources=resources,
                **self._source,
            ).remote(
                self._store_uri,
                self._search,
                slot,
                accelerator,
                threads=max(1, int(cpus)),
                folders=user_folders(),
            )
        except ValueError as error:
            raise ClusterError(
                f"Ray refuses to place a trial of search {self._search.name!r} ({accelerator}): "
                f"{error}"
            ) from error

    def _freed(self, ref: ray.ObjectRef) -> FreedSlot:
        slot, trial_id = self._running.pop(ref)
        try:
            ending: Ending = ray.get(ref)
        except RayError as error:
            worker = self._workers.pop(slot, None)
            if isinstance(error, RayTaskError) and isinstance(error.cause, ForeignSearchError):
                # It stays alive, for it is another driver's, and the trial is no worse for it.
                logger.warning("slot %d: trial %s was refused: %s", slot, trial_id, error.cause)
                return FreedSlot(slot, trial_id)
            if worker is not None:
                ray.kill(worker)
            if isinstance(error, RayTaskError) and isinstance(error.cause, SourceError):
                return FreedSlot(slot, trial_id, refusal=str(error.cause))
            # An earlier driver's actor may have been started before an update of packages. A new
            # actor takes its place, so only a new one's refusal ends the search.
            refused = isinstance(error, RayTaskError) and isinstance(error.cause, ClusterError)
            if refused and slot not in self._inherited:
                raise error.cause from None
            return FreedSlot(slot, trial_id, deaths.reason(error))
        logger.info("slot %d: trial %s: %s", slot, trial_id, ending.outcome)
        return FreedSlot(slot, trial_id, trial=ending.trial)
