"""Which running trials hang: their leases are renewed, but no epoch ends any more."""

from collections import deque
from collections.abc import Iterable
from statistics import median

from alignsearch.search.documents import Trial
from alignsearch.search.documents.states import TrialState

FACTOR = 10.0
"""Times the median epoch of the search that an epoch may take. The first one traces graphs and
fills caches, so that it takes several of the others."""
RECENT = 1000
"""Epochs from which the median is taken."""


class StallWatch:
    """Times the epochs of running trials by the caller's monotonic clock.

    A trial hangs once it had no new epoch for `FACTOR` times the median of the epochs seen so
    far, and for `floor` seconds at least. Before the first epoch of all nothing is known, so
    none hangs.
    """

    def __init__(self, floor: float) -> None:
        """Start without an epoch."""
        self._floor = floor
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._since: dict[str, tuple[int, int, float]] = {}

    def take(self, trials: Iterable[Trial]) -> None:
        """Learn from completed trials, an earlier driver's among them, what an epoch takes."""
        for trial in trials:
            if trial.state is TrialState.COMPLETED and trial.progress is not None:
                took = trial.timings["finished"] - trial.timings["started"]
                resumed = trial.attempts[str(trial.attempt)].resumed
                epochs = max(1, trial.progress.epoch - resumed)
                self._seconds.append(took.total_seconds() / epochs)

    def look(self, running: Iterable[Trial], now: float) -> list[tuple[Trial, str]]:
        """Take in how far the trials are `now`; those that hang, each with what to say of it."""
        seen: dict[str, tuple[int, int, float]] = {}
        stalled = []
        for trial in running:
            epoch = trial.progress.epoch if trial.progress else 0
            attempt, before, since = self._since.get(trial.id, (trial.attempt, epoch, now))
            if attempt != trial.attempt:
                before, since = epoch, now
            elif epoch > before:
                self._seconds.append((now - since) / (epoch - before))
                since = now
            seen[trial.id] = (trial.attempt, epoch, since)
            limit = self._limit()
            if limit is not None and now - since > limit:
                stalled.append((trial, self._words(epoch, now - since)))
        self._since = seen
        return stalled

    def restart(self) -> None:
        """Time every trial anew, as after an outage of the store, when none could tell."""
        self._since.clear()

    def _limit(self) -> float | None:
        return max(self._floor, FACTOR * median(self._seconds)) if self._seconds else None

    def _words(self, epoch: int, seconds: float) -> str:
        return (
            f"it hung: no epoch after epoch {epoch} for {seconds:.0f} s, where the search's median "
            f"epoch takes {median(self._seconds):.1f} s; its worker was killed"
        )
