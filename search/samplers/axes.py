"""Dimensions on axes where the space's own distribution is even: densities relative to it.

A density here says how many times as likely a value is as under the space's distribution, so that
a dimension which a trial lacks, and a trial that says nothing, count as 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from alignsearch.spaces.distributions import Choice, Distribution, PChoice, RandInt

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Function = Callable[[Floats], Floats]

WIDTH = 0.25
"""Bandwidth around one trial alone, on an axis of length 1. It falls with the fifth root of the
number of trials (Silverman 1986, "Density estimation", section 3.4.2)."""

NARROWEST = 0.35
"""Bandwidth in steps, for values that have any, below which no neighbour would be drawn."""

STRAY = 0.4
"""Power of the number of trials by which another option than a trial's own becomes less likely."""


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

    def fit(self, centres: Floats) -> "Kernels":
        """Return the densities around trials at these positions."""


class Kernels(Protocol):
    """A density around each of some trials, all of one bandwidth."""

    def densities(self, positions: Floats) -> Floats:
        """Return the densities at positions `[p]` around each trial, shape `[p, trials]`."""

    def draw(self, trials: Indices, rng: np.random.Generator) -> Floats:
        """Return a position from the density around each of these trials."""


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

    def stepped(self, positions: Floats) -> Floats:
        """Return the positions of the values at these positions: the same without steps."""
        return positions if self.q is None else self.positions(self.values(positions))

    def fit(self, centres: Floats) -> "RangeKernels":
        """Return the densities around trials at these positions."""
        width = WIDTH * max(1, len(centres)) ** -0.2
        return RangeKernels(self, centres, max(width, NARROWEST * self.step))


@dataclass(frozen=True)
class RangeKernels:
    """A normal density around each trial, cut off at both ends."""

    axis: RangeAxis
    centres: Floats
    width: float

    def densities(self, positions: Floats) -> Floats:
        """Return the densities at positions around each trial."""
        below, above = self._ends(self.centres)
        scaled = (positions[:, None] - self.centres[None]) / self.width
        peaks = 1 / (math.sqrt(2 * math.pi) * self.width * (above - below))
        return np.asarray(np.exp(-0.5 * scaled**2) * peaks, np.float64)

    def draw(self, trials: Indices, rng: np.random.Generator) -> Floats:
        """Return a position from the density around each of these trials."""
        centres = self.centres[trials]
        below, above = self._ends(centres)
        shares = below + (above - below) * rng.random(len(trials))
        return self.axis.stepped(np.clip(centres + self.width * ndtri(shares), 0.0, 1.0))

    def _ends(self, centres: Floats) -> tuple[Floats, Floats]:
        """How much of a normal density lies below 0, and below 1."""
        return ndtr(-centres / self.width), ndtr((1 - centres) / self.width)


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
        drawn = rng.choice(len(self.likely), size, p=self.likely) + self.first
        return np.asarray(drawn, np.float64)

    def fit(self, centres: Floats) -> "OptionsKernels":
        """Return the densities around trials at these positions."""
        return OptionsKernels(self, centres, min(0.9, max(1, len(centres)) ** -STRAY))


@dataclass(frozen=True)
class OptionsKernels:
    """Each trial's own option, or with a smaller probability any of the space's distribution."""

    axis: OptionsAxis
    centres: Floats
    stray: float

    def densities(self, positions: Floats) -> Floats:
        """Return the densities at positions around each trial."""
        own = self.axis.likely[positions.astype(int) - self.axis.first]
        same = positions[:, None] == self.centres[None]
        return np.asarray(self.stray + same * ((1 - self.stray) / own)[:, None], np.float64)

    def draw(self, trials: Indices, rng: np.random.Generator) -> Floats:
        """Return a position from the density around each of these trials."""
        strays = rng.random(len(trials)) < self.stray
        return np.where(strays, self.axis.draw(len(trials), rng), self.centres[trials])


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
        # A step may round a positive number to 0.
        with np.errstate(divide="ignore"):
            return share(np.log(values))

    return below, lambda shares: np.exp(number(shares))
