"""What several seeds of one training come to: mean and standard error, and who is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from alignsearch.experiments.runs import Outcome


@dataclass(frozen=True)
class Mean:
    """A mean over n values, and its standard error; None where there are too few for it."""

    mean: float | None
    sem: float | None
    n: int


def mean_of(values: Sequence[float]) -> Mean:
    """The mean, and the standard error s / sqrt(n) with s^2 = sum (x - mean)^2 / (n - 1)."""
    n = len(values)
    return Mean(
        mean=fmean(values) if n else None,
        sem=stdev(values) / n**0.5 if n > 1 else None,
        n=n,
    )


@dataclass(frozen=True)
class Accuracy(Mean):
    """Validation accuracy over seeds.

    Attributes:
        diverged: runs whose loss became infinite or no number. They are among the n, with the
            accuracy of guessing: what is left of such a network knows nothing, and a mean over
            the others would praise a rule for what it lost.
        missing: runs without a result (crashed for good, or cancelled); not among the n.
        seeds: of all of them.
    """

    diverged: int
    missing: int
    seeds: tuple[int, ...]


def accuracy(outcomes: Iterable[Outcome]) -> Accuracy:
    """The accuracy of runs that differ in their seeds alone."""
    found = list(outcomes)
    values = [value for each in found if (value := accuracy_of(each)) is not None]
    mean = mean_of(values)
    return Accuracy(
        mean.mean,
        mean.sem,
        mean.n,
        diverged=sum(each.diverged for each in found),
        missing=len(found) - mean.n,
        seeds=tuple(sorted(each.run.seed for each in found)),
    )


def difference(ours: Iterable[Outcome], theirs: Iterable[Outcome]) -> Mean:
    """Our accuracy less theirs: mean and standard error over seeds that both have."""
    left = {each.run.seed: accuracy_of(each) for each in ours}
    right = {each.run.seed: accuracy_of(each) for each in theirs}
    pairs = [(left[seed], right[seed]) for seed in sorted(left.keys() & right.keys())]
    return mean_of([a - b for a, b in pairs if a is not None and b is not None])


def accuracy_of(outcome: Outcome) -> float | None:
    """The run's accuracy; that of guessing where it diverged; None without a result."""
    return outcome.chance if outcome.diverged else outcome.accuracy


def losses_in_words(outcomes: Iterable[Outcome]) -> str:
    """Which runs diverged or are missing, for captions and notes."""
    found = list(outcomes)
    diverged = [each for each in found if each.diverged]
    missing = [each for each in found if accuracy_of(each) is None]
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
