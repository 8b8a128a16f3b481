"""The budget of a search: which of its trials count, how many are left, and how many have failed.

Only trials with a result count, a diverged one among them. A failed or a cancelled trial is
replaced by a new one, and a limit of its own keeps failures from going on for ever
(`Search.failures_allowed`). Two kinds of searches count every trial that was made: HyperOpt's
`fmin`, whose `max_evals` does, and an experiment's fixed list of runs.
"""

from array import array
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Mapping
from typing import Self

from alignsearch.search.documents.search import Search
from alignsearch.search.documents.searched import is_list_of_runs, is_of_fmin
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.trial import OUTSIDE, SPENDING, Trial


def counts_every_trial(search: Search) -> bool:
    """Return whether failed and cancelled trials count towards the search's budget, too."""
    return is_list_of_runs(search) or is_of_fmin(search)


class Spending:
    """Trials that are part of a search itself, counted by state; imports and confirmations aren't.

    Attributes:
        counts: number of trials in each state.
        retries: number of trials that repeat a failed one, in whatever state.
    """

    def __init__(self, counts: Mapping[TrialState, int] | None = None, retries: int = 0) -> None:
        self.counts: Counter[TrialState] = Counter(counts or {})
        self.retries = retries

    def note(self, trial: Trial, before: TrialState | None = None) -> Self:
        """Count a trial in its state; `before` is the state in which it was counted, if it was."""
        return self.note_kind(trial.origin.kind if trial.origin else None, trial.state, before)

    def note_kind(
        self, kind: str | None, state: TrialState, before: TrialState | None = None
    ) -> Self:
        """Count a trial by its kind of origin, None for a suggested one, as `note` does."""
        if kind in OUTSIDE:
            return self
        self.counts[state] += 1
        if before is not None:
            self.counts[before] -= 1
        elif kind == "retry":
            self.retries += 1
        return self

    def forget(self, trial: Trial) -> None:
        """Count a trial no more, which was counted in the state that it has."""
        kind = trial.origin.kind if trial.origin else None
        if kind not in OUTSIDE:
            self.counts[trial.state] -= 1
            self.retries -= kind == "retry"

    @property
    def results(self) -> int:
        """Number of trials with a result."""
        return sum(self.counts[state] for state in SPENDING)

    @property
    def live(self) -> int:
        """Number of trials that are queued or running."""
        return sum(self.counts[state] for state in LIVE_TRIAL_STATES)

    @property
    def failures(self) -> int:
        """Number of failed trials, without those that are tried again."""
        return max(0, self.counts[TrialState.FAILED] - self.retries)

    def counted(self, search: Search) -> int:
        """Return how many trials have ended and count towards the search's budget."""
        if counts_every_trial(search):
            return sum(self.counts[state] for state in TERMINAL_TRIAL_STATES)
        return self.results

    def left(self, search: Search) -> int:
        """Return how many trials may still be added; 0 or less if none may."""
        return search.trials - self.counted(search) - self.live


class SinceBest:
    """Counts the trials with a result that have ended since the best of them ended.

    The order of ends counts, not the order in which trials are noted. Among equal losses the one
    that was there first is the best: a later one is no better.
    """

    def __init__(self) -> None:
        self._ends = array("d")
        self._best: tuple[float, float, float] | None = None

    def note(self, loss: float | None, end: float, violation: float = 0.0) -> None:
        """Note a trial with a result.

        loss: its loss; None if it diverged or was pruned. end: when it ended, in seconds.
        violation: by how much it breaks the search's constraints.
        """
        insort(self._ends, end)
        if loss is not None and (self._best is None or (violation, loss, end) < self._best):
            self._best = (violation, loss, end)

    @property
    def trials(self) -> int:
        """Number of trials that ended after the best one; all of them if none has a loss."""
        if self._best is None:
            return len(self._ends)
        return len(self._ends) - bisect_right(self._ends, self._best[-1])
