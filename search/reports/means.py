"""The mean of several values and its standard error."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev


@dataclass(frozen=True)
class Mean:
    """Mean of n values and its standard error; None if n is too small for it."""

    mean: float | None
    sem: float | None
    n: int


def mean_of(values: Sequence[float]) -> Mean:
    """The mean, and its standard error s / sqrt(n) with s^2 = sum (x - mean)^2 / (n - 1)."""
    n = len(values)
    return Mean(
        mean=fmean(values) if n else None,
        sem=stdev(values) / n**0.5 if n > 1 else None,
        n=n,
    )
