"""The properties that all distributions share, and the checks of their arguments."""

import math
from dataclasses import fields
from typing import Any, ClassVar, Literal, Self

from alignment_core.errors import ConfigurationError

Value = bool | int | float | str | None
"""A value of a metaparameter."""


class Kind:
    """The JSON form and the properties that all distributions share.

    Attributes:
        kind: HyperOpt's name of the distribution.
        is_categorical: whether the values are options, which points hold by index.
    """

    kind: ClassVar[str]
    is_categorical: ClassVar[bool] = False

    def __post_init__(self) -> None: ...

    @property
    def ordered(self) -> bool:
        """True if the values have an order: numbers have, but texts, True and False don't."""
        return True

    @property
    def scale(self) -> Literal["linear", "log"]:
        """The axis on which the values are spread evenly."""
        return "linear"

    @property
    def ends(self) -> tuple[float, float] | None:
        """The lowest and the highest value; None where one is unlimited or values are options."""
        return None

    @property
    def node(self) -> str:
        """Name of HyperOpt's random node that draws the values."""
        return self.kind

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The arguments of HyperOpt's random node, in its order."""
        raise NotImplementedError

    @classmethod
    def of_arguments(cls, **given: float) -> Self:
        """Return the distribution that HyperOpt draws from with these arguments, by name.

        Raises:
            ConfigurationError: no distribution has them.
            TypeError: HyperOpt's node has arguments of other names.
        """
        numbers = {name: float(value) for name, value in given.items()}
        return cls(**numbers)

    def nearest(self, value: float) -> float:
        """Return a value without a rounding error that puts it beside the values that can be."""
        return value

    def to_json(self) -> dict[str, Any]:
        """Return the distribution's kind and arguments as data for JSON."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
        return {"kind": self.kind} | {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in given.items()
            if value is not None
        }


def same(left: Value, right: Value) -> bool:
    """Return whether two values and their types are equal: True is not 1, and 1 is not 1.0."""
    return type(left) is type(right) and left == right


def short(number: float) -> str:
    """Return a number as people write it in a range: 200, 0.1, 1e-10, 1e7."""
    return f"{number:g}".replace("e+0", "e").replace("e-0", "e-")


def is_number(value: Value) -> bool:
    """Return whether a value is a finite number; True and False are none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def inside(low: float, value: Value, high: float) -> bool:
    """Return whether a value is a number of [low, high]."""
    return is_number(value) and low <= value <= high  # type: ignore[operator]


def nearly_inside(ends: tuple[float, float], value: Value) -> bool:
    """Return whether a value is a number of a range, or beside its ends by mere rounding."""
    if not is_number(value):
        return False
    number = float(value)  # type: ignore[arg-type]
    return math.isclose(number, min(max(number, ends[0]), ends[1]), rel_tol=1e-9)


def nearest(low: float, value: float, high: float) -> float:
    """Return the nearest number of [low, high] where rounding alone keeps a value from it.

    exp(log(end)) may miss the end by a rounding error. Any other value is returned as it is.
    """
    number = min(max(value, low), high)
    return number if math.isclose(value, number, rel_tol=1e-9) else value


def on_grid(value: Value, q: float) -> bool:
    """Return whether a value is a multiple of q, up to rounding."""
    return is_number(value) and math.isclose(value, rounded(value, q), rel_tol=1e-9)  # type: ignore[arg-type]


def rounded(number: float, q: float) -> float:
    """Return the multiple of q that is nearest to a number; between two, the even one."""
    return round(number / q) * q


def powers(log_low: float, log_high: float) -> tuple[float, float, float | None, float | None]:
    """Return the ends that have these logarithms, and the logarithms that rounding would change.

    Raises:
        ConfigurationError: an end is no positive float.
    """
    try:
        low, high = math.exp(log_low), math.exp(log_high)
    except OverflowError:
        low, high = 0.0, 0.0
    if low <= 0 or not math.isfinite(high):
        raise ConfigurationError(
            f"a range from e^{short(log_low)} to e^{short(log_high)} leaves the floats: "
            "hp.loguniform and hp.qloguniform take the logarithms of the ends"
        )
    return (
        low,
        high,
        None if math.log(low) == log_low else log_low,
        None if math.log(high) == log_high else log_high,
    )


def check_range(low: float, high: float) -> None:
    """Refuse ends that aren't finite or in order.

    Raises:
        ConfigurationError: they are not.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigurationError(
            f"a range needs two finite ends, the lower one first, not [{low:g}, {high:g}]"
        )


def check_logarithmic(low: float, high: float) -> None:
    """Refuse ends that aren't finite, in order and positive.

    Raises:
        ConfigurationError: they are not.
    """
    check_range(low, high)
    if low <= 0:
        raise ConfigurationError(
            f"a log-uniform range must start above 0, not at {low:g}; use Uniform instead"
        )


def check_normal(mu: float, sigma: float) -> None:
    """Refuse a mean that isn't finite, or a deviation that isn't positive.

    Raises:
        ConfigurationError: they are not.
    """
    if not math.isfinite(mu):
        raise ConfigurationError(f"a mean must be finite, not {mu:g}")
    check_positive("a deviation", sigma)


def check_positive(name: str, number: float) -> None:
    """Refuse a number that isn't positive and finite.

    Raises:
        ConfigurationError: it is not.
    """
    if not (math.isfinite(number) and number > 0):
        raise ConfigurationError(f"{name} must be positive and finite, not {number:g}")


def check_options(options: tuple[Value, ...]) -> None:
    """Refuse no options at all, and equal ones.

    Raises:
        ConfigurationError: there are none, or two are equal.
    """
    distinct = {(type(option), option) for option in options}
    if not options or len(distinct) < len(options):
        raise ConfigurationError(f"a choice needs different options, at least one, not {options}")
