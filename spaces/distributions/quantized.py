"""Distributions of multiples of a step q: a continuous one's number, rounded."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from alignsearch.spaces.distributions.base import Value, powers, short
from alignsearch.spaces.distributions.families import (
    AroundMean,
    OnLogarithmicRange,
    Stepped,
    SteppedRange,
)


@dataclass(frozen=True)
class QUniform(SteppedRange):
    """A multiple of q: a number distributed uniformly on [low, high], rounded to one.

    Raises:
        ConfigurationError: the ends aren't finite, low isn't below high, or q isn't positive.
    """

    low: float
    high: float
    q: float
    kind: ClassVar[str] = "quniform"

    def __str__(self) -> str:
        return f"a multiple of {short(self.q)}, uniform in {self.range_text}"


@dataclass(frozen=True)
class QLogUniform(SteppedRange, OnLogarithmicRange):
    """A multiple of q: a number distributed log-uniformly on [low, high], rounded to one.

    Attributes:
        low: the lower end itself, not its logarithm.
        high: the upper end itself.
        q: the step.
        log_low: as `LogUniform.log_low`.
        log_high: as `LogUniform.log_high`.

    Raises:
        ConfigurationError: as `LogUniform`, or q isn't positive.
    """

    low: float
    high: float
    q: float
    log_low: float | None = None
    log_high: float | None = None
    kind: ClassVar[str] = "qloguniform"

    @classmethod
    def of_arguments(cls, *, low: float, high: float, q: float) -> Self:  # type: ignore[override]
        """Return the distribution with these logarithms of its ends, as HyperOpt has them.

        Raises:
            ConfigurationError: e to the power of an end is no positive float.
        """
        least, most, log_low, log_high = powers(float(low), float(high))
        return cls(least, most, float(q), log_low, log_high)

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly; 0 has no place on a logarithmic one."""
        return "log" if self.ends[0] > 0 else "linear"

    def __str__(self) -> str:
        return f"a multiple of {short(self.q)}, log-uniform in {self.range_text}"


@dataclass(frozen=True)
class QNormal(Stepped, AroundMean):
    """A multiple of q: a normally distributed number, rounded to one.

    Raises:
        ConfigurationError: mu isn't finite, or sigma or q isn't positive.
    """

    mu: float
    sigma: float
    q: float
    kind: ClassVar[str] = "qnormal"

    def __str__(self) -> str:
        return f"a multiple of {short(self.q)}, normal with {self.moments_text}"


@dataclass(frozen=True)
class QLogNormal(Stepped, AroundMean):
    """A multiple of q: a log-normally distributed number, rounded to one; it may be 0.

    Raises:
        ConfigurationError: mu isn't finite, or sigma or q isn't positive.
    """

    mu: float
    sigma: float
    q: float
    kind: ClassVar[str] = "qlognormal"

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q and not negative."""
        return super().contains(value) and value >= 0  # type: ignore[operator]

    def __str__(self) -> str:
        return f"a multiple of {short(self.q)}, log-normal: the logarithm has {self.moments_text}"
