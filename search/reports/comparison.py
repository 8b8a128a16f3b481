"""Statistics that compare rules by their results on several random seeds each.

Seeds of different rules are taken as independent samples. Rules train on the same seeds, and so
from the same initial forward weights, but with configurations of their own. If that made their
results rise and fall together, Welch's test would find fewer differences than there are, not more.
Each rule has its own noise, because rules differ in how much their results vary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np

from alignsearch.search.reports.means import mean_of

INTERVAL = 0.95
"""The chance that an interval covers the true mean."""
LEVEL = 0.05
"""Two rules are told apart if their corrected p-value is below this."""
DRAWS = 200_000
"""Random draws from which chances of being best are counted: two digits are right."""

Samples = Mapping[str, Sequence[float]]
"""Values of each rule, one a seed."""


@dataclass(frozen=True)
class Pair:
    """Two rules beside each other.

    Attributes:
        one, other: the rules.
        difference: mean of `one` minus that of `other`.
        p: p-value of Welch's test after Holm's correction over all pairs; None if a rule has
            fewer than two seeds.
    """

    one: str
    other: str
    difference: float
    p: float | None

    @property
    def told_apart(self) -> bool:
        """True if the two rules' means differ by more than their seeds explain."""
        return self.p is not None and self.p < LEVEL


@dataclass(frozen=True)
class Compared:
    """Rules beside each other, and the one with the lowest mean.

    Attributes:
        best: the rule with the lowest mean; of two with the same mean, the first one.
        pairs: all pairs of rules.
        chances: the chance of each rule that it is the best.
    """

    best: str
    pairs: tuple[Pair, ...]
    chances: Mapping[str, float]

    @property
    def close(self) -> tuple[str, ...]:
        """The rules that their seeds don't tell apart from the best one."""
        return tuple(
            pair.other if pair.one == self.best else pair.one
            for pair in self.pairs
            if self.best in (pair.one, pair.other) and not pair.told_apart
        )


def compare(samples: Samples) -> Compared:
    """Compare rules by their errors.

    samples: at least one rule, and at least one value of each.
    """
    return Compared(
        best=min(samples, key=lambda rule: mean_of(samples[rule]).mean or 0.0),
        pairs=tuple(pairs(samples)),
        chances=chances_of_best(samples),
    )


def best_in_words(compared: Compared, mean: float, names: Mapping[str, str]) -> str:
    """Return which rule is the best, how sure that is, and which ones aren't told apart from it.

    Args:
        compared: the comparison.
        mean: the best rule's mean error, a share from 0 to 1.
        names: names of the rules for people.
    """
    best, chance = compared.best, compared.chances[compared.best]
    close = ", ".join(names[rule] for rule in compared.close)
    if len(compared.chances) == 1:
        start = f"{names[best]} has a mean error of {100 * mean:.2f} %"
        return f"{start}; there is no other rule yet to compare it with."
    return (
        f"{names[best]} has the lowest mean error, {100 * mean:.2f} %, and is the best with a "
        f"chance of {100 * chance:.0f} %; not told apart from it: {close or 'none'}."
    )


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the ends of the interval of 95 % around a mean, by Student's t; None for one value."""
    # SciPy takes a tenth of a second, which a listing of experiments does without.
    from scipy.special import stdtrit

    found = mean_of(values)
    if found.mean is None or found.sem is None:
        return None
    half = found.sem * float(stdtrit(found.n - 1, (1 + INTERVAL) / 2))
    return found.mean - half, found.mean + half


def pairs(samples: Samples) -> list[Pair]:
    """Return all pairs of rules, with Welch's test and Holm's correction.

    Welch's test lets the rules' variances differ (Biometrika 34, 1947). Holm's correction keeps the
    chance of any false difference below 5 % (Scandinavian Journal of Statistics 6, 1979).

    samples: at least one value of each rule.
    """
    known = [
        (
            one,
            other,
            _difference(samples[one], samples[other]),
            _welch(samples[one], samples[other]),
        )
        for one, other in combinations(samples, 2)
    ]
    tested = [p for *_, p in known if p is not None]
    corrected = iter(holm(tested))
    return [
        Pair(one, other, difference, None if p is None else next(corrected))
        for one, other, difference, p in known
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values after Holm's correction, in the given order."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    found, largest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[at]))
        found[at] = largest
    return found


def chances_of_best(samples: Samples, *, seed: int = 0) -> dict[str, float]:
    """Return the chance that each rule has the lowest true mean, given its seeds.

    A true mean given n values is the sample's mean plus s / sqrt(n) times Student's t of n - 1
    degrees of freedom, under flat priors of the mean and of the noise's logarithm (Gelman et al.,
    Bayesian Data Analysis, 3rd edition, section 3.2). Rules that tie share a draw. A rule with one
    seed, or whose seeds all have the same error, is taken as free of noise.

    Args:
        samples: at least one value of each rule.
        seed: random seed of the draws.
    """
    generator = np.random.default_rng(seed)
    means = np.empty((len(samples), DRAWS))
    for row, values in enumerate(samples.values()):
        found = mean_of(values)
        assert found.mean is not None
        means[row] = found.mean
        if found.sem:
            means[row] += found.sem * generator.standard_t(found.n - 1, DRAWS)
    best = means == means.min(axis=0)
    shares = (best / best.sum(axis=0)).mean(axis=1)
    return {rule: float(share) for rule, share in zip(samples, shares, strict=True)}


def _difference(one: Sequence[float], other: Sequence[float]) -> float:
    return float(np.mean(one) - np.mean(other))


def _welch(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the p-value of Welch's test; None with fewer than two values on a side."""
    from scipy.special import stdtr

    if min(len(one), len(other)) < 2:
        return None
    parts = [float(np.var(each, ddof=1)) / len(each) for each in (one, other)]
    gap = abs(_difference(one, other))
    if not sum(parts):
        return float(gap == 0)
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (one, other), strict=True)
    )
    return float(2 * stdtr(freedom, -gap / sqrt(sum(parts))))
