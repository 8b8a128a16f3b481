"""Distributions of numbers on a range, and around a mean."""

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from alignsearch.spaces.distributions.base import Value, is_number, powers
from alignsearch.spaces.distributions.families import AroundMean, OnLogarithmicRange, OnRange


@dataclass(frozen=True)
class Uniform(OnRange):
    """A number distributed uniformly on [low, high].

    Raises:
        ConfigurationError: the ends aren't finite, or low isn't below high.
    """

    low: float
    high: float
    kind: ClassVar[str] = "uniform"

    def __str__(self) -> str:
        return f"uniform in {self.range_text}"


@dataclass(frozen=True)
class LogUniform(OnLogarithmicRange):
    """A number whose logarithm is distributed uniformly on [log(low), log(high)].

    Attributes:
        low: the lower end itself, not its logarithm.
        high: the upper end itself.
        log_low: the lower end's logarithm, where it isn't exactly `log(low)`.
        log_high: the same of the upper end.

    Raises:
        ConfigurationError: the ends aren't finite, low isn't positive, or low isn't below high.
    """

    low: float
    high: float
    log_low: float | None = None
    log_high: float | None = None
    kind: ClassVar[str] = "loguniform"

    @classmethod
    def of_arguments(cls, *, low: float, high: float) -> Self:  # type: ignore[override]
        """Return the distribution with these logarithms of its ends, as HyperOpt has them.

        Raises:
            ConfigurationError: e to the power of an end is no positive float.
        """
        return cls(*powers(float(low), float(high)))

    def __str__(self) -> str:
        return f"log-uniform in {self.range_text}"


@dataclass(frozen=True)
class Normal(AroundMean):
    """A number distributed normally with mean mu and standard deviation sigma.

    Raises:
        ConfigurationError: mu isn't finite, or sigma isn't positive.
    """

    mu: float
    sigma: float
    kind: ClassVar[str] = "normal"

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a finite number."""
        return is_number(value)

    def __str__(self) -> str:
        return f"normal with {self.moments_text}"


@dataclass(frozen=True)
class LogNormal(AroundMean):
    """A positive number whose logarithm has mean mu and standard deviation sigma.

    Raises:
        ConfigurationError: mu isn't finite, or sigma isn't positive.
    """

    mu: float
    sigma: float
    kind: ClassVar[str] = "lognormal"

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly."""
        return "log"

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a positive number."""
        return is_number(value) and value > 0  # type: ignore[operator]

    def __str__(self) -> str:
        return f"log-normal: the logarithm has {self.moments_text}"
