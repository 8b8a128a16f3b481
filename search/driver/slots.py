"""The slots of one search: which are free, in which order they are used, and by which worker."""

import time
from collections import deque
from collections.abc import Callable, Container, Iterable

from alignsearch.search.attempts.dispatcher import Dispatcher, FreedSlot
from alignsearch.search.documents import Attempt, Trial


class Slots:
    """A search's slots over a dispatcher; a slot is taken by a placed or an adopted trial."""

    def __init__(
        self, dispatcher: Dispatcher, parallel: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with `parallel` free slots; `monotonic` is a clock that never goes back."""
        self.dispatcher = dispatcher
        self.parallel = parallel
        """Number of slots; where it gets less, trials beyond it end, and none is placed there."""
        self._monotonic = monotonic
        self._placed: dict[int, str] = {}
        self._adopted: dict[int, str] = {}
        self._freed_at: dict[int, float] = {}
        self._workers: dict[int, Attempt] = {}

    @property
    def taken(self) -> set[int]:
        """Slots that have a trial."""
        return self._placed.keys() | self._adopted.keys()

    @property
    def placed_trials(self) -> set[str]:
        """Ids of the trials that were placed here and whose slots are not freed yet."""
        return set(self._placed.values())

    @property
    def has_placed(self) -> bool:
        """True while a trial that was placed here has its slot."""
        return bool(self._placed)

    def free(self, room: int) -> deque[int]:
        """Return up to `room` free slots in the order in which they are to be used.

        Slots with a warm worker come first, and of those the one that has waited longest. A warm
        worker of a slot beyond `parallel`, which was more before, is as good as any.
        """
        taken, held = self.taken, self.dispatcher.held()
        idle = (held | set(range(self.parallel))) - taken
        order = sorted(
            idle, key=lambda slot: (slot not in held, self._freed_at.get(slot, 0.0), slot)
        )
        return deque(order[:room])

    def worker_of(self, slot: int) -> Attempt | None:
        """Return the last attempt of the slot's idle worker; None if the worker isn't known."""
        return self._workers.get(slot) if slot in self.dispatcher.held() else None

    def adopt(self, running: Iterable[Trial]) -> None:
        """Take the slots on which another driver has placed these running trials."""
        for trial in running:
            slot = trial.attempts[str(trial.attempt)].slot
            if slot is not None:
                self._adopted[slot] = trial.id

    def release_adopted(self, running: Container[str]) -> None:
        """Free the slots of adopted trials whose ids aren't among the `running` ones."""
        self._adopted = {s: trial for s, trial in self._adopted.items() if trial in running}

    def place(self, slot: int, trial: Trial) -> None:
        """Start the trial on the slot."""
        self.dispatcher.place(slot, trial)
        self._placed[slot] = trial.id
        self._workers.pop(slot, None)

    def release(self, freed: FreedSlot) -> None:
        """Free the slot, unless another trial was placed on it since."""
        if self._placed.get(freed.slot) == freed.trial_id:
            del self._placed[freed.slot]
            self._freed_at[freed.slot] = self._monotonic()
            if freed.error is None and freed.trial is not None and freed.trial.attempt:
                self._workers[freed.slot] = freed.trial.attempts[str(freed.trial.attempt)]

    def end_worker_of(self, trial_id: str) -> None:
        """End the worker that has the trial, if one has it, and free its slot."""
        for slot, held in [*self._placed.items(), *self._adopted.items()]:
            if held == trial_id:
                self.dispatcher.kill(slot)
                self._placed.pop(slot, None)
                self._adopted.pop(slot, None)

    def end_surplus_workers(self, allotted: int) -> int:
        """End idle workers beyond `allotted` slots; return how many slots are still in use."""
        taken, held = self.taken, self.dispatcher.held()
        surplus = len(held | taken) - allotted
        if surplus > 0:
            for slot in sorted(held - taken)[-surplus:]:
                self.dispatcher.kill(slot)
                held.discard(slot)
        return len(held | taken)
