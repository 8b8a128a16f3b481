"""Places of values in their distributions: from 0 at the lowest value to 1 at the highest."""

import math
from statistics import NormalDist

from alignsearch.spaces.distributions import (
    Choice,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    PChoice,
    QLogNormal,
    QLogUniform,
    QNormal,
    RandInt,
)


def place(distribution: Distribution, number: float) -> float:
    """Return the part of a distribution that lies below a value, from 0 to 1.

    An option or a whole number, which has a probability, is in the middle of its own part.

    Args:
        distribution: the distribution of one dimension.
        number: HyperOpt's value, as a point has it: the index of an option.

    Example:
        >>> place(LogUniform(1e-4, 1.0), 0.01)
        0.5
    """
    if isinstance(distribution, Choice | PChoice | RandInt):
        return _of_part(distribution, int(number))
    if isinstance(distribution, Normal | QNormal):
        return NormalDist(distribution.mu, distribution.sigma).cdf(number)
    if isinstance(distribution, LogNormal | QLogNormal):
        # A value in steps may be rounded to 0.
        logarithm = math.log(number) if number > 0 else -math.inf
        return NormalDist(distribution.mu, distribution.sigma).cdf(logarithm)
    low, high = distribution.low, distribution.high
    if isinstance(distribution, LogUniform | QLogUniform):
        inside = min(max(number, low), high)
        return _part(math.log(low), math.log(inside), math.log(high))
    return _part(low, number, high)


def _of_part(distribution: Choice | PChoice | RandInt, number: int) -> float:
    if isinstance(distribution, PChoice):
        given = distribution.probabilities
        return sum(given[:number]) + given[number] / 2
    if isinstance(distribution, Choice):
        return (number + 0.5) / len(distribution.options)
    return (number - distribution.low + 0.5) / (distribution.high - distribution.low)


def _part(low: float, value: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
