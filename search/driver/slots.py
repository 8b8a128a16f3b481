"""Which of a search's slots have which trial, which slot is next, and who serves it."""

import time
from collections import deque
from collections.abc import Callable, Container, Iterable

from alignsearch.search.attempts.dispatcher import Dispatcher, SlotReport
from alignsearch.search.documents import Attempt, Trial


class Slots:
    """A search's slots over a dispatcher: a slot is taken by a trial placed or adopted."""

    def __init__(
        self, dispatcher: Dispatcher, parallel: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with all slots free."""
        self.dispatcher = dispatcher
        self._parallel = parallel
        self._monotonic = monotonic
        self._placed: dict[int, str] = {}
        self._adopted: dict[int, str] = {}
        self._freed_at: dict[int, float] = {}
        self._workers: dict[int, Attempt] = {}

    @property
    def taken(self) -> set[int]:
        """The slots that have a trial."""
        return self._placed.keys() | self._adopted.keys()

    @property
    def placed_trials(self) -> set[str]:
        """The ids of the trials that were placed here and not reported yet."""
        return set(self._placed.values())

    @property
    def waits_for_reports(self) -> bool:
        """Whether a trial that was placed here is still to be reported."""
        return bool(self._placed)

    def free(self, room: int) -> deque[int]:
        """Up to `room` free slots in the order in which they are to be used."""
        taken, held = self.taken, self.dispatcher.held()
        idle = (slot for slot in range(self._parallel) if slot not in taken)
        # Those first whose workers are warm, the one that has waited longest before the others.
        order = sorted(idle, key=lambda slot: (slot not in held, self._freed_at.get(slot, 0.0)))
        return deque(order[:room])

    def worker_of(self, slot: int) -> Attempt | None:
        """The last attempt of the worker that serves the slot, where that has told of its end."""
        return self._workers.get(slot) if slot in self.dispatcher.held() else None

    def adopt(self, running: Iterable[Trial]) -> None:
        """Take the slots on which an earlier driver's trials run."""
        for trial in running:
            slot = trial.attempts[str(trial.attempt)].slot
            if slot is not None:
                self._adopted[slot] = trial.id

    def let_go(self, running: Container[str]) -> None:
        """Free the slots of adopted trials that aren't among the `running` ones any more."""
        self._adopted = {s: trial for s, trial in self._adopted.items() if trial in running}

    def place(self, slot: int, trial: Trial) -> None:
        """Start the trial on the slot."""
        self.dispatcher.place(slot, trial)
        self._placed[slot] = trial.id
        self._workers.pop(slot, None)

    def note(self, report: SlotReport) -> None:
        """Free the slot that is reported, unless it has another trial by now."""
        if self._placed.get(report.slot) == report.trial_id:
            del self._placed[report.slot]
            self._freed_at[report.slot] = self._monotonic()
            if report.error is None and report.trial is not None and report.trial.attempt:
                self._workers[report.slot] = report.trial.attempts[str(report.trial.attempt)]

    def end_worker_of(self, trial_id: str) -> None:
        """End the worker that has the trial, and free its slot."""
        for slot, held in [*self._placed.items(), *self._adopted.items()]:
            if held == trial_id:
                self.dispatcher.kill(slot)
                self._placed.pop(slot, None)
                self._adopted.pop(slot, None)

    def close_surplus(self, allotted: int) -> int:
        """End idle workers beyond so many slots; return how many slots are still in use."""
        taken, held = self.taken, self.dispatcher.held()
        surplus = len(held | taken) - allotted
        if surplus > 0:
            for slot in sorted(held - taken)[-surplus:]:
                self.dispatcher.kill(slot)
                held.discard(slot)
        return len(held | taken)
