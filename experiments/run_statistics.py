"""Statistics over seeds: mean accuracy, its standard error, diverged and missing runs."""

from collections.abc import Iterable
from dataclasses import dataclass

from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.means import Mean, mean_of
from alignsearch.spaces.runs import Run


def accuracy(error: float | None) -> float | None:
    """Top-1 validation accuracy, a share from 0 to 1, from the validation error of a result."""
    return None if error is None else DEFAULT_METRIC.score(error)


@dataclass(frozen=True)
class Outcome:
    """Result of one run.

    Attributes:
        run: the training that was asked for.
        trial: id of its trial in the store, which has its epochs.
        state: the trial's last state.
        accuracy: on all validation images after the last epoch; None without a result.
        chance: accuracy of guessing the largest class; None if no training has measured it.
        diverged: whether the loss became infinite or NaN.
        seconds: from the start of the last attempt to its end.
    """

    run: Run
    trial: str
    state: TrialState
    accuracy: float | None
    chance: float | None
    diverged: bool
    seconds: float

    @property
    def counted_accuracy(self) -> float | None:
        """The accuracy that means count: that of guessing if the run diverged."""
        return self.chance if self.diverged else self.accuracy


@dataclass(frozen=True)
class MeanAccuracy(Mean):
    """Mean validation accuracy over seeds.

    Attributes:
        diverged: number of runs whose loss became infinite or NaN. They count among the n with
            the accuracy of guessing: a mean over the others alone would praise a rule for the
            networks that it has lost.
        missing: number of runs without a result (failed or cancelled), which don't count.
        seeds: seeds of all runs, in ascending order.
    """

    diverged: int
    missing: int
    seeds: tuple[int, ...]


def mean_accuracy(outcomes: Iterable[Outcome]) -> MeanAccuracy:
    """Mean accuracy of runs that differ in their seeds alone."""
    found = list(outcomes)
    values = [value for each in found if (value := each.counted_accuracy) is not None]
    mean = mean_of(values)
    return MeanAccuracy(
        mean.mean,
        mean.sem,
        mean.n,
        diverged=sum(each.diverged for each in found),
        missing=len(found) - mean.n,
        seeds=tuple(sorted(each.run.seed for each in found)),
    )


def mean_difference(ours: Iterable[Outcome], theirs: Iterable[Outcome]) -> Mean:
    """Mean of our accuracy minus theirs, over the seeds that both have."""
    left = {each.run.seed: each.counted_accuracy for each in ours}
    right = {each.run.seed: each.counted_accuracy for each in theirs}
    pairs = [(left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())]
    return mean_of([a - b for a, b in pairs if a is not None and b is not None])


def losses_in_words(outcomes: Iterable[Outcome]) -> str:
    """A clause on diverged and missing runs, for captions and notes."""
    found = list(outcomes)
    diverged = [each for each in found if each.diverged]
    missing = [each for each in found if each.counted_accuracy is None]
    words = []
    if diverged:
        words.append(
            f"{len(diverged)} of {len(found)} runs diverged and count with the accuracy of guessing"
        )
    if missing:
        words.append(
            f"{len(missing)} of {len(found)} runs have no result ({missing[0].state}, …) "
            "and are left out"
        )
    return "; ".join(words) or f"none of the {len(found)} runs diverged or is missing"
