"""Generations: trials that are suggested from the results of the generations before alone.

Trial n is of generation n // size. Its suggestion follows from the results of all earlier
generations and from the points of the trials before it in its own, in the order of their numbers.
So it doesn't depend on which trial ends first: the search repeats exactly by its seed, whatever its
number of slots, the speed of its hosts, and the deaths of its processes. A pruner goes by the
epochs that other trials have ended when it is asked, so a pruned search doesn't repeat exactly.
"""

from collections.abc import Sequence

from alignsearch.search.documents import Observation, Pending, Trial, pending_of
from alignsearch.search.driver.history import History


class Generations:
    """The results that the sampler of a search may know when it suggests a trial."""

    def __init__(self, size: int | None, history: History) -> None:
        """Start without a result.

        size: number of trials of a generation; None if each suggestion follows from all results
        that are known.
        """
        self._size = size
        self._history = history
        self._held: dict[int, Observation] = {}

    def due(self) -> list[Observation]:
        """Return the results that the sampler is to be told now, each once."""
        fresh = list(self._history.fresh())
        if self._size is None:
            return fresh
        self._held |= {each.tid: each for each in fresh}
        start = self._start(self._history.next_tid)
        if self._runs_before(start):
            return []
        return [self._held.pop(tid) for tid in sorted(self._held) if tid < start]

    def must_wait(self, tid: int, before: Sequence[Trial]) -> bool:
        """Return whether an earlier generation than this trial's hasn't ended.

        before: trials that are suggested already and not yet added.
        """
        if self._size is None:
            return False
        start = self._start(tid)
        return self._runs_before(start) or any(trial.tid < start for trial in before)

    def pending(self, before: Sequence[Trial]) -> list[Pending]:
        """Return the points whose results the sampler doesn't know, ordered by the trials' numbers.

        before: trials that are suggested already and not yet added.
        """
        if self._size is None:
            return [*self._history.pending(), *map(pending_of, before)]
        untold = {each.tid: each for each in self._history.pending()}
        untold |= {tid: Pending(tid, dict(each.point)) for tid, each in self._held.items()}
        untold |= {trial.tid: pending_of(trial) for trial in before}
        return [untold[tid] for tid in sorted(untold)]

    def _start(self, tid: int) -> int:
        """Return the number of the first trial of a trial's generation."""
        assert self._size is not None
        return tid - tid % self._size

    def _runs_before(self, start: int) -> bool:
        return any(
            tid < start and not trial.is_confirmation for tid, trial in self._history.live.items()
        )
