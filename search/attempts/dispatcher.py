"""What the driver asks of whatever places trials on machines.

The driver knows slots and trials; Ray lives behind this interface, in
`alignsearch.workers.dispatcher`.
"""

from dataclasses import dataclass
from typing import Protocol

from alignsearch.search.documents import Trial


@dataclass(frozen=True)
class SlotReport:
    """A slot that is free again.

    Attributes:
        error: None where the worker came to an end of its own, whatever it wrote to the store;
            else it says how the worker died.
        trial: as the worker left it in the store, where it knows that from the store's answers.
    """

    slot: int
    trial_id: str
    error: str | None = None
    trial: Trial | None = None


class Dispatcher(Protocol):
    """Places trials on slots; what the store has acknowledged is a trial's outcome, no more."""

    def place(self, slot: int, trial: Trial) -> None:
        """Start the trial, queued or begun for the slot's worker, there; return at once."""

    def poll(self, timeout: float) -> list[SlotReport]:
        """Wait up to `timeout` seconds for slots to become free and return those that did."""

    def held(self) -> set[int]:
        """The slots that have a worker, busy or not; those of an earlier driver too."""

    def hand_back(self) -> None:
        """Ask every busy worker to hand its trial back to the queue; return at once."""

    def kill(self, slot: int) -> None:
        """End the slot's worker now; the next `place` starts a new one."""

    def close(self) -> None:
        """End all workers."""
