"""The interface between a driver and the workers that train its trials.

A driver knows slots and trials only. `alignsearch.workers.dispatchers` holds the implementations
and their table.
"""

from dataclasses import dataclass
from typing import Protocol

from alignsearch.search.documents import Trial


@dataclass(frozen=True)
class FreedSlot:
    """A slot whose worker has finished its attempt, or has died.

    Attributes:
        slot: number of the slot, from 0.
        trial_id: id of the trial that was placed on it.
        error: why the worker died; None if it finished its attempt, with whatever outcome.
        trial: the trial as the worker left it in the store; None if the worker doesn't know that
            from the store's responses.
        refusal: why the worker can't evaluate any trial of this search, as when the objective's
            source is missing on its host; None if it can.
    """

    slot: int
    trial_id: str
    error: str | None = None
    trial: Trial | None = None
    refusal: str | None = None


class Dispatcher(Protocol):
    """Places the trials of one search on its slots, one worker a slot.

    The store alone knows the outcome of a trial: a worker writes it there, and the dispatcher only
    tells that the slot is free again.
    """

    def place(self, slot: int, trial: Trial) -> None:
        """Start an attempt on the slot, with a new worker if the slot has none; return at once.

        The trial is queued, or running under a lease that was taken for the slot's worker.

        Raises:
            ClusterError: the cluster refuses the resources of a trial.
        """

    def poll(self, timeout: float) -> list[FreedSlot]:
        """Wait up to `timeout` seconds until a slot is free; return all slots that are.

        Each placed trial is returned once, also where its worker died. A trial whose worker was
        ended by `kill` is not returned.

        Raises:
            ClusterError: a worker refuses trials because its packages have other versions.
        """

    def held(self) -> set[int]:
        """Return the slots that have a worker, busy or idle, an earlier driver's included."""

    def hand_back(self) -> None:
        """Ask every worker to stop and to queue its trial again; return at once."""

    def kill(self, slot: int) -> None:
        """End the slot's worker now, if it has one; the next `place` starts another."""

    def close(self) -> None:
        """End all workers of the search, an earlier driver's included."""
