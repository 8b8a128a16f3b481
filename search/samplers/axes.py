"""Dimensions on axes where the space's own distribution is even.

A density here says how many times as likely a value is as under the space's distribution, so that
a dimension which a trial lacks, and a trial that says nothing, count as 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from alignsearch.spaces.distributions import Choice, Distribution, PChoice, RandInt

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

RAREST = 1e-12
"""The smallest share of a normal distribution that a number is drawn at: its ends are infinite."""


class Axis(Protocol):
    """One dimension's values as positions, and the density around each of some trials."""

    def positions(self, values: Floats) -> Floats:
        """Return where values lie."""

    def values(self, positions: Floats) -> Floats:
        """Return the values at positions."""

    def value(self, position: float) -> float | int:
        """Return the value at a position, of the type that HyperOpt's values have."""

    def value_at(self, share: float) -> float | int:
        """Return the value below which this share of the space's distribution lies.

        It has the type that HyperOpt's values have. Options follow each other by their indices.
        """

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return positions of so many values, drawn from the space's own distribution."""


@dataclass(frozen=True)
class RangeAxis:
    """Numbers: a position is the share of the space's distribution that lies below.

    Attributes:
        share: the share below numbers.
        number: the numbers below which shares lie.
        nearest: takes a rounding error from a number that it puts beside the dimension's values.
        q: the step that numbers are rounded to; None without.
        step: the share of a step at the middle of the distribution; 0 without steps.
    """

    share: Callable[[Floats], Floats]
    number: Callable[[Floats], Floats]
    nearest: Callable[[float], float]
    q: float | None = None
    step: float = 0.0

    def positions(self, values: Floats) -> Floats:
        """Return where values lie."""
        return np.clip(self.share(values), 0.0, 1.0)

    def value(self, position: float) -> float | int:
        """Return the value at a position."""
        return self.nearest(float(self.values(np.array([position]))[0]))

    def value_at(self, share: float) -> float | int:
        """Return the value below which this share of the space's distribution lies."""
        return self.value(share)

    def values(self, positions: Floats) -> Floats:
        """Return the values at positions."""
        numbers = self.number(positions)
        return numbers if self.q is None else np.round(numbers / self.q) * self.q

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return positions drawn from the space's own distribution."""
        return self.stepped(rng.random(size))

    def cells(self, positions: Floats) -> tuple[Floats, Floats]:
        """Return where the numbers begin and end that are rounded to the values at positions."""
        assert self.q is not None
        values = self.values(positions)
        low, high = (self.positions(values + side * self.q / 2) for side in (-1, 1))
        return low, np.maximum(high, low + RAREST)

    def stepped(self, positions: Floats) -> Floats:
        """Return the positions of the values at these positions: the same without steps."""
        return positions if self.q is None else self.positions(self.values(positions))


@dataclass(frozen=True)
class OptionsAxis:
    """Options without an order: a position is an option's index.

    Attributes:
        likely: the probability of each option in the space.
        first: the index of the first one.
    """

    likely: Floats
    first: int = 0

    def positions(self, values: Floats) -> Floats:
        """Return where values lie."""
        return values

    def values(self, positions: Floats) -> Floats:
        """Return the values at positions."""
        return positions

    def value(self, position: float) -> float | int:
        """Return the option's index."""
        return int(position)

    def value_at(self, share: float) -> float | int:
        """Return the index of the option at which the probabilities add up to this share."""
        below = np.cumsum(self.likely)
        # The probabilities may add up to less than 1 by a rounding error.
        likely = np.flatnonzero(self.likely)
        at = np.searchsorted(below, share, side="right")
        return int(min(at, likely[-1])) + self.first

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return positions drawn from the space's own distribution."""
        drawn = np.searchsorted(np.cumsum(self.likely)[:-1], rng.random(size), side="right")
        return np.asarray(drawn + self.first, np.float64)


def axis_of(distribution: Distribution) -> Axis:
    """Return the axis of a dimension with this distribution."""
    if isinstance(distribution, PChoice):
        return OptionsAxis(_shares_of(distribution))
    if isinstance(distribution, Choice):
        return _even(len(distribution.options), 0)
    if isinstance(distribution, RandInt):
        return _even(distribution.high - distribution.low, distribution.low)
    first, second, *steps = distribution.arguments
    share, number = (
        _normal(first, second) if "normal" in distribution.kind else _range(first, second)
    )
    if "log" in distribution.kind:
        share, number = _of_logarithms(share, number)
    if not steps:
        return RangeAxis(share, number, distribution.nearest)
    middle = number(np.array([0.5]))
    step = float(share(middle + steps[0])[0]) - 0.5
    return RangeAxis(share, number, distribution.nearest, steps[0], step)


def likely_options(distribution: Choice | PChoice) -> tuple[int, ...]:
    """Return the indices of a choice's options but for those of probability 0."""
    if isinstance(distribution, PChoice):
        return tuple(at for at, share in enumerate(_shares_of(distribution)) if share > 0)
    return tuple(range(len(distribution.options)))


def _shares_of(distribution: PChoice) -> Floats:
    """The probability of each option."""
    given = np.array(distribution.probabilities)
    # HyperOpt gives what is missing to the last option.
    given[-1] = max(0.0, 1 - given[:-1].sum())
    return np.asarray(given / given.sum(), np.float64)


def _even(number: int, first: int) -> OptionsAxis:
    return OptionsAxis(np.full(number, 1 / number), first)


def _range(low: float, high: float) -> tuple[Function, Function]:
    return lambda x: (x - low) / (high - low), lambda share: low + share * (high - low)


def _normal(mu: float, sigma: float) -> tuple[Function, Function]:
    def number(share: Floats) -> Floats:
        return np.asarray(mu + sigma * ndtri(np.clip(share, RAREST, 1 - RAREST)), np.float64)

    return lambda x: ndtr((x - mu) / sigma), number


def _of_logarithms(share: Function, number: Function) -> tuple[Function, Function]:
    def below(values: Floats) -> Floats:
        # A step may round a positive number to 0, around which numbers are negative.
        with np.errstate(divide="ignore"):
            return share(np.log(np.maximum(values, 0.0)))

    return below, lambda shares: np.exp(number(shares))
