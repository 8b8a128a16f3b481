"""Distributions of whole numbers, and of options that points hold by index."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions.base import Kind, Value, check_options, inside, short
from alignsearch.spaces.distributions.families import OfOptions

PROBABILITY_GAP = 0.01
"""Largest distance of a choice's probabilities from 1 in sum: three thirds may be written 0.33.

HyperOpt gives the rest to the last option.
"""


@dataclass(frozen=True)
class RandInt(Kind):
    """A whole number from low to high - 1, each equally likely.

    Raises:
        ConfigurationError: low isn't below high.
    """

    low: int
    high: int
    kind: ClassVar[str] = "randint"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ConfigurationError(
                f"whole numbers from {self.low} up to but without {self.high}: there is none"
            )

    @classmethod
    def of_arguments(cls, *, low: float, high: float | None = None) -> Self:  # type: ignore[override]
        """Return the distribution of `hp.randint(label, low, high)`, or `hp.randint(label, high)`.

        Raises:
            ConfigurationError: an end is no whole number, or there is no number between them.
        """
        ends = (0, low) if high is None else (low, high)
        if any(isinstance(end, bool) or end != int(end) for end in ends):
            raise ConfigurationError(f"hp.randint needs whole numbers, not {ends}")
        return cls(*map(int, ends))

    @property
    def arguments(self) -> tuple[int, ...]:
        """The ends, or the upper one alone where the lower one is 0."""
        return (self.low, self.high) if self.low else (self.high,)

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return self.low, self.high - 1

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a whole number in the range."""
        return inside(self.low, value, self.high - 1) and value == int(value)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"a whole number from {self.low} to {self.high - 1}"


@dataclass(frozen=True)
class Choice(OfOptions):
    """One of several options, each equally likely.

    Raises:
        ConfigurationError: there is no option, or one is there twice.
    """

    options: tuple[Value, ...]
    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        check_options(self.options)

    @property
    def node(self) -> str:
        """Name of HyperOpt's random node that draws the option's index."""
        return "randint"

    @property
    def arguments(self) -> tuple[int]:
        """The number of options."""
        return (len(self.options),)

    def __str__(self) -> str:
        return f"one of {', '.join(str(option) for option in self.options)}"


@dataclass(frozen=True)
class PChoice(OfOptions):
    """One of several options, each with a probability of its own.

    Raises:
        ConfigurationError: there is no option, one is there twice, their number isn't that of the
            probabilities, or the probabilities aren't in [0, 1] or don't sum to 1.
    """

    probabilities: tuple[float, ...]
    options: tuple[Value, ...]
    kind: ClassVar[str] = "pchoice"

    def __post_init__(self) -> None:
        check_options(self.options)
        given = self.probabilities
        if len(given) != len(self.options):
            raise ConfigurationError(
                f"{len(self.options)} options have {len(given)} probabilities: give one to each"
            )
        rounding = 1e-12
        wrong = any(not 0 <= each <= 1 for each in given) or sum(given[:-1]) > 1 + rounding
        if wrong or abs(sum(given) - 1) > PROBABILITY_GAP + rounding:
            raise ConfigurationError(
                f"probabilities of options must sum to 1, not {', '.join(map(short, given))}"
            )

    @property
    def node(self) -> str:
        """Name of HyperOpt's random node that draws the option's index."""
        return "categorical"

    @property
    def arguments(self) -> tuple[Any]:
        """The probabilities, as one argument."""
        return (self.probabilities,)

    def __str__(self) -> str:
        pairs = zip(self.options, self.probabilities, strict=True)
        return f"one of {', '.join(f'{option} ({short(100 * p)}%)' for option, p in pairs)}"
