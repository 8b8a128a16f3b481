"""Families of distributions: what those on a range, around a mean, or of a step share.

A family is no distribution: a dimension has exactly one of the distributions of
`alignsearch.spaces.distributions`, none of which is the parent of another.
"""

import math
from typing import Literal

from alignsearch.spaces.distributions.base import (
    Kind,
    Value,
    check_logarithmic,
    check_normal,
    check_positive,
    check_range,
    inside,
    is_number,
    nearest,
    nearly_inside,
    on_grid,
    rounded,
    same,
    short,
)


class OnRange(Kind):
    """Numbers between two ends, which are values themselves."""

    low: float
    high: float

    def __post_init__(self) -> None:
        check_range(self.low, self.high)

    @property
    def arguments(self) -> tuple[float, ...]:
        """The ends."""
        return self.low, self.high

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

    @property
    def range_text(self) -> str:
        """The range for people: [0.1, 200]."""
        return f"[{short(self.low)}, {short(self.high)}]"


class OnLogarithmicRange(OnRange):
    """Positive numbers whose logarithms lie between those of two ends.

    Attributes:
        low: the lower end itself, not its logarithm.
        high: the upper end itself.
        log_low: the lower end's logarithm, where it isn't exactly `log(low)`: HyperOpt's
            expressions give logarithms, and a rounding error would change what is drawn.
        log_high: the same of the upper end.
    """

    log_low: float | None
    log_high: float | None

    def __post_init__(self) -> None:
        check_logarithmic(self.low, self.high)

    @property
    def logs(self) -> tuple[float, float]:
        """The natural logarithms of the ends, exactly as HyperOpt has them."""
        return (
            math.log(self.low) if self.log_low is None else self.log_low,
            math.log(self.high) if self.log_high is None else self.log_high,
        )

    @property
    def arguments(self) -> tuple[float, ...]:
        """The natural logarithms of the ends."""
        return self.logs

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly."""
        return "log"


class Stepped(Kind):
    """Multiples of a step q."""

    q: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive("q", self.q)

    @property
    def arguments(self) -> tuple[float, ...]:
        """The arguments of the distribution that is rounded, and the step."""
        return *super().arguments, self.q

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q."""
        return on_grid(value, self.q)


class SteppedRange(Stepped, OnRange):
    """Multiples of a step that numbers of a range are rounded to."""

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value: the ends of the range, rounded."""
        return rounded(self.low, self.q), rounded(self.high, self.q)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a multiple of q that a number of the range is rounded to."""
        return super().contains(value) and nearly_inside(self.ends, value)

    def nearest(self, value: float) -> float:
        """Return the value: an end of the range may be none of the multiples."""
        return value


class AroundMean(Kind):
    """Numbers that are, or whose logarithms are, distributed normally.

    Attributes:
        mu: the mean.
        sigma: the standard deviation.
    """

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        check_normal(self.mu, self.sigma)

    @property
    def arguments(self) -> tuple[float, ...]:
        """The mean and the standard deviation."""
        return self.mu, self.sigma

    @property
    def moments_text(self) -> str:
        """Mean and deviation for people."""
        return f"mean {short(self.mu)} and deviation {short(self.sigma)}"


class OfOptions(Kind):
    """Options, which points hold by index."""

    options: tuple[Value, ...]
    is_categorical = True

    @property
    def ordered(self) -> bool:
        """True if all options are numbers."""
        return all(map(is_number, self.options))

    def contains(self, value: Value) -> bool:
        """Return whether `value` is one of the options and has the same type (True is not 1)."""
        return any(same(option, value) for option in self.options)
