"""Distributions of numbers on a range, and around a mean."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from alignsearch.spaces.distributions.base import (
    Kind,
    Value,
    check_logarithmic,
    check_normal,
    check_range,
    inside,
    is_number,
    logs,
    nearest,
    powers,
    short,
)


@dataclass(frozen=True)
class Uniform(Kind):
    """A number distributed uniformly on [low, high].

    Raises:
        ConfigurationError: the ends aren't finite, or low isn't below high.
    """

    low: float
    high: float
    kind: ClassVar[str] = "uniform"

    def __post_init__(self) -> None:
        check_range(self.low, self.high)

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return self.low, self.high

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a number in the range, including its ends."""
        return inside(self.low, value, self.high)

    def nearest(self, value: float) -> float:
        """Return a value without the rounding error that puts it beside an end of the range."""
        return nearest(self.low, value, self.high)

    def __str__(self) -> str:
        return f"uniform in [{short(self.low)}, {short(self.high)}]"


@dataclass(frozen=True)
class LogUniform(Kind):
    """A number whose logarithm is distributed uniformly on [log(low), log(high)].

    Attributes:
        low: the lower end itself, not its logarithm.
        high: the upper end itself.
        log_low: the lower end's logarithm, where it isn't exactly `log(low)`: HyperOpt's
            expressions give logarithms, and a rounding error would change what is drawn.
        log_high: the same of the upper end.

    Raises:
        ConfigurationError: the ends aren't finite, low isn't positive, or low isn't below high.
    """

    low: float
    high: float
    log_low: float | None = None
    log_high: float | None = None
    kind: ClassVar[str] = "loguniform"

    def __post_init__(self) -> None:
        check_logarithmic(self.low, self.high)

    @classmethod
    def between_logs(cls, log_low: float, log_high: float) -> "LogUniform":
        """Return the distribution with these logarithms of its ends, as HyperOpt has them.

        Raises:
            ConfigurationError: e to the power of an end is no positive float.
        """
        return cls(*powers(log_low, log_high))

    @property
    def logs(self) -> tuple[float, float]:
        """The natural logarithms of the ends: exactly HyperOpt's arguments."""
        return logs(self)

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly."""
        return "log"

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return self.low, self.high

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a number in the range, including its ends."""
        return inside(self.low, value, self.high)

    def nearest(self, value: float) -> float:
        """Return a value without the rounding error that puts it beside an end of the range."""
        return nearest(self.low, value, self.high)

    def __str__(self) -> str:
        return f"log-uniform in [{short(self.low)}, {short(self.high)}]"


@dataclass(frozen=True)
class Normal(Kind):
    """A number distributed normally with mean mu and standard deviation sigma.

    Raises:
        ConfigurationError: mu isn't finite, or sigma isn't positive.
    """

    mu: float
    sigma: float
    kind: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        check_normal(self.mu, self.sigma)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a finite number."""
        return is_number(value)

    def __str__(self) -> str:
        return f"normal with mean {short(self.mu)} and deviation {short(self.sigma)}"


@dataclass(frozen=True)
class LogNormal(Kind):
    """A positive number whose logarithm has mean mu and standard deviation sigma.

    Raises:
        ConfigurationError: mu isn't finite, or sigma isn't positive.
    """

    mu: float
    sigma: float
    kind: ClassVar[str] = "lognormal"

    def __post_init__(self) -> None:
        check_normal(self.mu, self.sigma)

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly."""
        return "log"

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a positive number."""
        return is_number(value) and value > 0  # type: ignore[operator]

    def __str__(self) -> str:
        return f"log-normal: the logarithm has mean {short(self.mu)} and deviation " + short(
            self.sigma
        )
