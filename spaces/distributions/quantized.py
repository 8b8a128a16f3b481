"""Distributions of multiples of a step q: a continuous one's number, rounded."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from alignsearch.spaces.distributions.base import (
    Kind,
    Value,
    check_logarithmic,
    check_normal,
    check_positive,
    check_range,
    logs,
    nearly_inside,
    on_grid,
    powers,
    rounded,
    short,
)


@dataclass(frozen=True)
class QUniform(Kind):
    """A multiple of q: a number distributed uniformly on [low, high], rounded to one.

    Raises:
        ConfigurationError: the ends aren't finite, low isn't below high, or q isn't positive.
    """

    low: float
    high: float
    q: float
    kind: ClassVar[str] = "quniform"

    def __post_init__(self) -> None:
        check_range(self.low, self.high)
        check_positive("q", self.q)

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value: the ends of the range, rounded."""
        return rounded(self.low, self.q), rounded(self.high, self.q)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q that a number of the range is rounded to."""
        return on_grid(value, self.q) and nearly_inside(self.ends, value)

    def __str__(self) -> str:
        return f"a multiple of {short(self.q)}, uniform in [{short(self.low)}, {short(self.high)}]"


@dataclass(frozen=True)
class QLogUniform(Kind):
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

    def __post_init__(self) -> None:
        check_logarithmic(self.low, self.high)
        check_positive("q", self.q)

    @classmethod
    def between_logs(cls, log_low: float, log_high: float, q: float) -> "QLogUniform":
        """Return the distribution with these logarithms of its ends, as HyperOpt has them.

        Raises:
            ConfigurationError: e to the power of an end is no positive float.
        """
        low, high, exact_low, exact_high = powers(log_low, log_high)
        return cls(low, high, q, exact_low, exact_high)

    @property
    def logs(self) -> tuple[float, float]:
        """The natural logarithms of the ends: exactly HyperOpt's arguments."""
        return logs(self)

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly; 0 has no place on a logarithmic one."""
        return "log" if self.ends[0] > 0 else "linear"

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value: the ends of the range, rounded."""
        return rounded(self.low, self.q), rounded(self.high, self.q)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q that a number of the range is rounded to."""
        return on_grid(value, self.q) and nearly_inside(self.ends, value)

    def __str__(self) -> str:
        ends = f"[{short(self.low)}, {short(self.high)}]"
        return f"a multiple of {short(self.q)}, log-uniform in {ends}"


@dataclass(frozen=True)
class QNormal(Kind):
    """A multiple of q: a normally distributed number, rounded to one.

    Raises:
        ConfigurationError: mu isn't finite, or sigma or q isn't positive.
    """

    mu: float
    sigma: float
    q: float
    kind: ClassVar[str] = "qnormal"

    def __post_init__(self) -> None:
        check_normal(self.mu, self.sigma)
        check_positive("q", self.q)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q."""
        return on_grid(value, self.q)

    def __str__(self) -> str:
        return (
            f"a multiple of {short(self.q)}, normal with mean {short(self.mu)} "
            f"and deviation {short(self.sigma)}"
        )


@dataclass(frozen=True)
class QLogNormal(Kind):
    """A multiple of q: a log-normally distributed number, rounded to one; it may be 0.

    Raises:
        ConfigurationError: mu isn't finite, or sigma or q isn't positive.
    """

    mu: float
    sigma: float
    q: float
    kind: ClassVar[str] = "qlognormal"

    def __post_init__(self) -> None:
        check_normal(self.mu, self.sigma)
        check_positive("q", self.q)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q and not negative."""
        return on_grid(value, self.q) and value >= 0  # type: ignore[operator]

    def __str__(self) -> str:
        return (
            f"a multiple of {short(self.q)}, log-normal: the logarithm has "
            f"mean {short(self.mu)} and deviation {short(self.sigma)}"
        )
