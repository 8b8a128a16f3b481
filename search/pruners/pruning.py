"""Ending trials early by their epochs' errors: asynchronous successive halving and median stopping.

Pure: what goes on is decided from the losses reported so far. The driver asks, and the worker
ends its own trial.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from statistics import median

from alignsearch.search.documents import Pruning, Trial
from alignsearch.search.documents.states import TrialState

LEAST_COMPLETED = 5
"""Trials to have been completed before median stopping begins; Optuna's MedianPruner has the same
number (`n_startup_trials`)."""


def rungs(grace: int, reduction: int, epochs: int) -> list[int]:
    """The epochs after which asha compares: grace * reduction**k, below the last epoch.

    Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", with the
    early-stopping rate s in `grace`.
    """
    found = [grace]
    while found[-1] * reduction < epochs:
        found.append(found[-1] * reduction)
    return [rung for rung in found if rung < epochs]


def asha_cutoff(losses: Sequence[float], reduction: int) -> float:
    """The highest loss that goes on among the ascending `losses` of one rung so far.

    The best 1/reduction go on, the best one always: the rule of Li et al. 2020 in the form that
    never pauses a trial, as Optuna's SuccessiveHalvingPruner and Ray Tune's ASHA have it.
    """
    return losses[max(1, len(losses) // reduction) - 1]


def running_means(losses: Sequence[float]) -> list[float]:
    """The mean of the first n losses, for each n."""
    return [total / n for n, total in enumerate(accumulate(losses), start=1)]


class Pruner:
    """What a search's trials have reported, and which of them should end.

    Each epoch of a trial is judged once, when it is first taken in; a trial that was found
    wanting stays so, also on another worker.
    """

    def __init__(self, pruning: Pruning, epochs: int) -> None:
        """Start without a trial; `epochs` is how long each is to train."""
        self._pruning = pruning
        self._epochs = epochs
        self._rungs = frozenset(rungs(pruning.grace, pruning.reduction, epochs))
        self._at_rung: defaultdict[int, list[float]] = defaultdict(list)
        self._means: defaultdict[int, list[float]] = defaultdict(list)
        self._judged: defaultdict[int, int] = defaultdict(int)
        self._completed: set[int] = set()
        self._reasons: dict[int, str] = {}

    def take(self, trials: Iterable[Trial], *, judge: bool = True) -> dict[int, str]:
        """Take in trials that have changed; which of them should end now, by tid, and why.

        judge: False for what happened before this driver: those trials have gone on.
        """
        ending = {}
        for trial in trials:
            self._take_completed(trial)
            for epoch in range(self._judged[trial.tid] + 1, self._epochs):
                if str(epoch) not in trial.epoch_losses:
                    break
                self._judged[trial.tid] = epoch
                reason = self._judge(trial, epoch)
                if reason is not None and judge and trial.state is TrialState.RUNNING:
                    self._reasons.setdefault(trial.tid, reason)
            if trial.state is TrialState.RUNNING and trial.tid in self._reasons:
                ending[trial.tid] = self._reasons[trial.tid]
        return ending

    def _take_completed(self, trial: Trial) -> None:
        result = trial.result
        if trial.state is not TrialState.COMPLETED or result is None or result.status != "ok":
            return
        if trial.tid in self._completed:
            return
        self._completed.add(trial.tid)
        losses = _losses(trial, self._epochs)
        for epoch, mean in enumerate(running_means(losses), start=1):
            insort(self._means[epoch], mean)

    def _judge(self, trial: Trial, epoch: int) -> str | None:
        if self._pruning.pruner == "median":
            return self._below_median(trial, epoch)
        return self._below_rung(trial, epoch)

    def _below_rung(self, trial: Trial, epoch: int) -> str | None:
        if epoch not in self._rungs:
            return None
        loss, peers = trial.epoch_losses[str(epoch)], self._at_rung[epoch]
        insort(peers, loss)
        cutoff = asha_cutoff(peers, self._pruning.reduction)
        if loss <= cutoff:
            return None
        return (
            f"asha: {loss:.4f} after epoch {epoch} is not among the best 1 of "
            f"{self._pruning.reduction} of {len(peers)} trials there (up to {cutoff:.4f})"
        )

    def _below_median(self, trial: Trial, epoch: int) -> str | None:
        """The median stopping rule of Golovin et al. 2017, "Google Vizier"."""
        means = self._means[epoch]
        if epoch < self._pruning.grace or len(means) < LEAST_COMPLETED:
            return None
        best, middle = min(_losses(trial, epoch)), median(means)
        if best <= middle:
            return None
        return (
            f"median: the best of {epoch} epochs, {best:.4f}, is above the median mean of "
            f"{len(means)} completed trials up to there, {middle:.4f}"
        )


def _losses(trial: Trial, epochs: int) -> list[float]:
    known = trial.epoch_losses
    return [known[str(epoch)] for epoch in range(1, epochs + 1) if str(epoch) in known]
