"""Asynchronous successive halving (ASHA).

Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning".
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Sequence

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.digits import told_apart


class AshaPruner:
    """Compares each trial with the trials that reached the same rung before it.

    The best 1/reduction of them go on, the best one always. A trial is never paused: this is the
    rule of Li et al. 2020 as Optuna's SuccessiveHalvingPruner and Ray Tune's ASHA have it.
    """

    def __init__(
        self, pruning: Pruning, epochs: int, value: Callable[[float], float] = float
    ) -> None:
        """Start without a loss; for the arguments see `make_pruner`."""
        self._value = value
        self._reduction = pruning.reduction
        self._at_rung: defaultdict[int, list[float]] = defaultdict(list)
        self._rungs = frozenset(rungs(pruning.grace, pruning.reduction, epochs))

    def complete(self, losses: Sequence[float]) -> None:
        """Record nothing: a completed trial was compared at every rung."""

    def judge(self, epoch: int, losses: Sequence[float]) -> str | None:
        """Return why the trial should end after this epoch, or None."""
        if epoch not in self._rungs:
            return None
        loss, peers = losses[-1], self._at_rung[epoch]
        insort(peers, loss)
        cutoff = highest_to_go_on(peers, self._reduction)
        if loss <= cutoff:
            return None
        own, limit = told_apart([self._value(loss), self._value(cutoff)])
        return (
            f"asha: {own} after epoch {epoch} is not among the best 1 of "
            f"{self._reduction} of {len(peers)} trials there (up to {limit})"
        )


def rungs(grace: int, reduction: int, epochs: int) -> list[int]:
    """The epochs after which trials are compared: grace * reduction**k, below the last epoch.

    `grace` is r * eta**s of Li et al. 2020: the smallest resource, with the early-stopping rate s.
    """
    found = [grace]
    while found[-1] * reduction < epochs:
        found.append(found[-1] * reduction)
    return [rung for rung in found if rung < epochs]


def highest_to_go_on(losses: Sequence[float], reduction: int) -> float:
    """The highest loss that goes on among the ascending `losses` of one rung."""
    return losses[max(1, len(losses) // reduction) - 1]
