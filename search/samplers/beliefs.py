"""A prior over one dimension, as densities relative to the space's own distribution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from alignsearch.search.samplers.axes import RAREST, Axis, OptionsAxis, RangeAxis, axis_of
from alignsearch.search.samplers.densities import NARROWEST, ends
from alignsearch.spaces.distributions import (
    Choice,
    Distribution,
    PChoice,
    RandInt,
    Value,
    same,
)

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]

STRAY = 0.3
"""How often any option is drawn in place of a prior's point's own, as the space draws it."""

FINEST = 1e-3
"""A prior's density at a number is the mean over so much of the axis, whose length is 1."""

LEAST_MASS = 1e-9
"""The share of a distribution that must lie in the dimension's range, at least."""


class Belief(Protocol):
    """A prior over one dimension, of one point or of several equally likely ones."""

    def density(self, positions: Floats) -> Floats:
        """Return the density of each point at positions, shape `[positions, points]`."""

    def draw(self, points: Numbers, rng: np.random.Generator) -> Floats:
        """Return a position drawn around each of the points with these numbers."""

    def likeliest(self) -> Floats:
        """Return the likeliest position of each point; NaN where it has none."""


@dataclass(frozen=True)
class AroundNumbers:
    """Normal densities around some positions of a range, cut off at its ends.

    Attributes:
        axis: the dimension.
        centres: the points' positions, NaN where a point has none.
        width: the standard deviation; the axis has the length 1.
    """

    axis: RangeAxis
    centres: Floats
    width: float

    def density(self, positions: Floats) -> Floats:
        """Return the density of each point at positions; 1 where a point says nothing."""
        low, high = _cells(self.axis, positions)
        centres, width = self._middles, self._width
        below, above = ends(centres, np.full(centres.shape, width))
        masses = ndtr((high[:, None] - centres) / width) - ndtr((low[:, None] - centres) / width)
        found = masses / ((high - low)[:, None] * (above - below))
        return np.where(np.isnan(self.centres), 1.0, found)

    def draw(self, points: Numbers, rng: np.random.Generator) -> Floats:
        """Return a position drawn around each of the points with these numbers."""
        centres, shares = self._middles[points], rng.random(len(points))
        below, above = ends(centres, np.full(centres.shape, self._width))
        drawn = centres + self._width * ndtri(below + (above - below) * shares)
        drawn = np.where(np.isnan(self.centres[points]), shares, np.clip(drawn, 0.0, 1.0))
        return self.axis.stepped(drawn)

    def likeliest(self) -> Floats:
        """Return the points' own positions."""
        return self.centres

    @property
    def _middles(self) -> Floats:
        return np.nan_to_num(self.centres, nan=0.5)

    @property
    def _width(self) -> float:
        return max(self.width, NARROWEST * self.axis.step)


@dataclass(frozen=True)
class AroundOptions:
    """Mostly each point's own option, and sometimes any of the space's.

    Attributes:
        axis: the dimension.
        centres: the points' options, NaN where a point has none.
    """

    axis: OptionsAxis
    centres: Floats

    def density(self, positions: Floats) -> Floats:
        """Return the density of each point at positions; 1 where a point says nothing."""
        own = positions[:, None] == self.centres
        extra = (1 - STRAY) / np.maximum(_likely(self.axis, positions), RAREST)
        return np.where(np.isnan(self.centres), 1.0, STRAY + own * extra[:, None])

    def draw(self, points: Numbers, rng: np.random.Generator) -> Floats:
        """Return an option drawn around each of the points with these numbers."""
        own, anew = self.centres[points], rng.random(len(points)) < STRAY
        return np.where(anew | np.isnan(own), self.axis.draw(len(points), rng), own)

    def likeliest(self) -> Floats:
        """Return the points' own options."""
        return self.centres


@dataclass(frozen=True)
class OfNumbers:
    """A distribution of numbers, cut off at the ends of the dimension's range.

    Attributes:
        axis: the dimension.
        given: the distribution's own axis, whose steps don't matter here.
    """

    axis: RangeAxis
    given: RangeAxis

    def mass(self) -> float:
        """Return the share of the distribution that lies in the dimension's range."""
        low, high = self._below(np.array([0.0, 1.0]))
        return float(high - low)

    def density(self, positions: Floats) -> Floats:
        """Return the density at positions, shape `[positions, 1]`."""
        low, high = _cells(self.axis, positions)
        masses = self._below(high) - self._below(low)
        return np.asarray(masses / ((high - low) * self.mass()), np.float64)[:, None]

    def draw(self, points: Numbers, rng: np.random.Generator) -> Floats:
        """Return positions drawn from the distribution."""
        low, high = self._below(np.array([0.0, 1.0]))
        shares = low + (high - low) * rng.random(len(points))
        return self.axis.stepped(self.axis.positions(self.given.number(shares)))

    def likeliest(self) -> Floats:
        """Return the position where the density is highest, the first of several."""
        places = np.linspace(0.0, 1.0, round(1 / FINEST) + 1)
        places = self.axis.stepped(places)
        return places[[int(np.argmax(self.density(places)[:, 0]))]]

    def _below(self, positions: Floats) -> Floats:
        """The share of the distribution below positions of the axis."""
        return self.given.positions(self.axis.number(positions))


@dataclass(frozen=True)
class OfOptions:
    """Probabilities of a dimension's options.

    Attributes:
        axis: the dimension.
        shares: the probability of each option; they add up to 1.
    """

    axis: OptionsAxis
    shares: Floats

    def density(self, positions: Floats) -> Floats:
        """Return the density at positions, shape `[positions, 1]`."""
        own = self.shares[positions.astype(int) - self.axis.first]
        likely = np.maximum(_likely(self.axis, positions), RAREST)
        return np.asarray(own / likely, np.float64)[:, None]

    def draw(self, points: Numbers, rng: np.random.Generator) -> Floats:
        """Return options drawn by their probabilities."""
        return OptionsAxis(self.shares, self.axis.first).draw(len(points), rng)

    def likeliest(self) -> Floats:
        """Return the likeliest option, the first of several."""
        return np.array([float(np.argmax(self.shares) + self.axis.first)])


def around(axis: Axis, positions: Floats, width: float) -> Belief:
    """Return the densities around some points' positions on an axis, NaN where one has none."""
    if isinstance(axis, RangeAxis):
        return AroundNumbers(axis, positions, width)
    assert isinstance(axis, OptionsAxis)
    return AroundOptions(axis, positions)


def given(own: Distribution, distribution: Distribution) -> OfNumbers | OfOptions:
    """Return a distribution over a dimension whose own distribution in the space is another."""
    axis, other = axis_of(own), axis_of(distribution)
    if isinstance(axis, RangeAxis):
        assert isinstance(other, RangeAxis)
        return OfNumbers(axis, other)
    assert isinstance(axis, OptionsAxis)
    assert isinstance(own, Choice | PChoice | RandInt)
    shares = masses_of(own, distribution)
    return OfOptions(axis, shares / shares.sum())


def problem_of(own: Distribution, distribution: Distribution) -> str | None:
    """Return why a distribution can't be a dimension's prior, in words; None if it can.

    own: the dimension's own distribution in the space.
    """
    has_options = isinstance(distribution, Choice | PChoice | RandInt)
    if isinstance(own, Choice | PChoice):
        if not isinstance(distribution, Choice | PChoice):
            return "its values are options, which hp.choice or hp.pchoice gives"
        known = [*own.options]
        strange = [each for each in distribution.options if not any(same(each, k) for k in known)]
        if strange:
            return f"the space has no option {strange[0]!r}"
    elif not isinstance(own, RandInt) and has_options:
        return "its values are numbers of a range, which hp.normal, hp.uniform and others give"
    elif isinstance(distribution, Choice | PChoice):
        strange = [each for each in distribution.options if not own.contains(each)]
        if strange:
            return f"the space has no value {strange[0]!r}"
    mass = _mass_of(own, distribution)
    return None if mass >= LEAST_MASS else "it has no mass in the dimension's own range"


def _mass_of(own: Distribution, distribution: Distribution) -> float:
    """The share of a distribution that lies in a dimension's range, or among its options."""
    if isinstance(own, Choice | PChoice | RandInt):
        return float(masses_of(own, distribution).sum())
    belief = given(own, distribution)
    assert isinstance(belief, OfNumbers)
    return belief.mass()


def masses_of(own: Choice | PChoice | RandInt, distribution: Distribution) -> Floats:
    """Return the mass that a distribution gives each option of a dimension without a range."""
    values: Sequence[Value] = range(own.low, own.high) if isinstance(own, RandInt) else own.options
    if isinstance(distribution, RandInt):
        return np.array([float(distribution.contains(each)) for each in values])
    other = axis_of(distribution)
    if isinstance(other, RangeAxis):
        # A number counts for the whole number that is nearest.
        assert isinstance(own, RandInt)
        numbers = np.arange(own.low, own.high, dtype=np.float64)
        return other.positions(numbers + 0.5) - other.positions(numbers - 0.5)
    assert isinstance(distribution, Choice | PChoice)
    assert isinstance(other, OptionsAxis)
    shares = [*zip(distribution.options, other.likely, strict=True)]
    return np.array(
        [sum(share for option, share in shares if same(option, each)) for each in values],
        np.float64,
    )


def _cells(axis: RangeAxis, positions: Floats) -> tuple[Floats, Floats]:
    """Where the part of the axis begins and ends that stands for each position."""
    if axis.q is not None:
        return axis.cells(positions)
    low, high = positions - FINEST / 2, positions + FINEST / 2
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def _likely(axis: OptionsAxis, positions: Floats) -> Floats:
    return axis.likely[positions.astype(int) - axis.first]
