"""Median stopping (Golovin et al. 2017, "Google Vizier: A Service for Black-Box Optimization")."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate
from statistics import median

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.digits import told_apart

LEAST_COMPLETED = 5
"""Completed trials before the first trial may end: a median of fewer says little.

Optuna's MedianPruner has the same default (`n_startup_trials`).
"""


class MedianPruner:
    """Compares a trial's lowest loss with the median of the completed trials' running means."""

    def __init__(
        self, pruning: Pruning, epochs: int, value: Callable[[float], float] = float
    ) -> None:
        """Start without a loss; `epochs` makes no difference to this rule."""
        self._value = value
        self._grace = pruning.grace
        self._means: defaultdict[int, list[float]] = defaultdict(list)

    def complete(self, losses: Sequence[float]) -> None:
        """Record a completed trial's mean loss up to each epoch."""
        for epoch, mean in enumerate(running_means(losses), start=1):
            insort(self._means[epoch], mean)

    def judge(self, epoch: int, losses: Sequence[float]) -> str | None:
        """Return why the trial should end after this epoch, or None."""
        means = self._means[epoch]
        if epoch < self._grace or len(means) < LEAST_COMPLETED:
            return None
        best, middle = min(losses), median(means)
        if best <= middle:
            return None
        own, limit = told_apart([self._value(best), self._value(middle)])
        return (
            f"median: the best of {epoch} epochs, {own}, is worse than the "
            f"median mean of {len(means)} completed trials up to there, {limit}"
        )


def running_means(losses: Sequence[float]) -> list[float]:
    """The mean of the first n losses, for each n."""
    return [total / n for n, total in enumerate(accumulate(losses), start=1)]
