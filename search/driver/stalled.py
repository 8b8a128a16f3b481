"""The stall detector: finds trials whose workers hang.

A hanging worker's heartbeat thread goes on renewing the trial's lease, but no epoch ends any more.
"""

from collections import deque
from collections.abc import Iterable
from statistics import median

from alignsearch.search.documents import Trial
from alignsearch.search.documents.states import TrialState

FACTOR = 10.0
"""Longest time that an epoch may take, in median epochs of the search.

A trial's first epoch traces graphs and fills caches, and takes several times as long as the others.
"""
NO_EPOCH = -1
"""The last epoch of a trial that has none yet: an objective may report a step 0."""
RECENT = 1000
"""Number of latest epochs from which the median is taken.

It bounds the memory of a long search, and is enough for a median.
"""


class StallDetector:
    """Times the epochs of running trials by the caller's monotonic clock, in seconds.

    A trial hangs when it has had no new epoch for `FACTOR` times the median of the epochs so far,
    and for at least `floor` seconds. Before any trial's first epoch there is no median, so no
    trial hangs.
    """

    def __init__(self, floor: float) -> None:
        """Start without an epoch; `floor` is the search's `stall_seconds`."""
        self._floor = floor
        self._seconds: deque[float] = deque(maxlen=RECENT)
        # By trial id: the attempt, its last epoch, and when that epoch was first seen.
        self._since: dict[str, tuple[int, int, float]] = {}

    def learn(self, trials: Iterable[Trial]) -> None:
        """Record how long an epoch of each completed trial took; skip trials in other states.

        Trials that another driver ran count too. Trials whose number of epochs isn't known are
        skipped: an objective may report every hundredth step only, and nobody knows how often.
        """
        for trial in trials:
            progress = trial.progress
            if trial.state is TrialState.COMPLETED and progress and progress.epochs is not None:
                took = trial.timings["finished"] - trial.timings["started"]
                resumed = trial.attempts[str(trial.attempt)].resumed
                epochs = max(1, progress.epoch - resumed)
                self._seconds.append(took.total_seconds() / epochs)

    def stalled(self, running: Iterable[Trial], now: float) -> list[tuple[Trial, str]]:
        """Record the running trials' progress, and return those that hang.

        Args:
            running: all running trials; those that are missing are forgotten.
            now: the time, in seconds.

        Returns:
            Each hanging trial with a sentence for users about it.
        """
        seen: dict[str, tuple[int, int, float]] = {}
        stalled = []
        for trial in running:
            epoch = trial.progress.epoch if trial.progress else NO_EPOCH
            attempt, before, since = self._since.get(trial.id, (trial.attempt, epoch, now))
            if attempt != trial.attempt:
                before, since = epoch, now
            elif epoch > before:
                self._seconds.append((now - since) / self._epochs_since(before, trial))
                since = now
            seen[trial.id] = (trial.attempt, epoch, since)
            limit = self._limit()
            if limit is not None and now - since > limit:
                stalled.append((trial, self._describe(epoch, now - since)))
        self._since = seen
        return stalled

    def restart(self) -> None:
        """Time every trial anew, as after an outage of the store, when no progress was recorded."""
        self._since.clear()

    @staticmethod
    def _epochs_since(before: int, trial: Trial) -> int:
        """Return how many epochs the trial has finished since epoch `before`, at least one."""
        progress = trial.progress
        # Steps can have any distance, so what was seen between two looks counts as one.
        if progress is None or progress.epochs is None:
            return 1
        return progress.epoch - max(0, before)

    def _limit(self) -> float | None:
        """The seconds that an epoch may take; None while there is no median."""
        return max(self._floor, FACTOR * median(self._seconds)) if self._seconds else None

    def _describe(self, epoch: int, seconds: float) -> str:
        last = "" if epoch == NO_EPOCH else f" after epoch {epoch}"
        return (
            f"it hung: no epoch{last} for {seconds:.0f} s, where the search's median "
            f"epoch takes {median(self._seconds):.1f} s; its worker was killed"
        )
