"""Densities around some trials, of all dimensions at once, relative to the space's distribution.

A dimension that a trial lacks, and a trial that says nothing, count as 1, the space's own density.
On a range the density around a trial is normal and cut off at both ends. On options it is the
trial's own one, or with a smaller probability any of the space's distribution.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from alignsearch.search.samplers.axes import RAREST, Axis, OptionsAxis, RangeAxis

Floats = NDArray[np.float64]
Scales = tuple[float, ...]

WIDTH = 0.25
"""Bandwidth around one trial alone, on an axis of length 1. It falls with the fifth root of the
number of trials (Silverman 1986, "Density estimation", section 3.4.2)."""

SHARPEST = 100
"""The most trials that a neighbour's distance counts for: bandwidths by neighbours are at least the
axis's length divided by one more than the trials (Optuna's "magic clip" has the same bound)."""

NARROWEST = 0.35
"""Bandwidth in steps, for values that have any, below which no neighbour would be drawn."""

STRAY, MOST_STRAY = 0.4, 0.9
"""Power of the number of trials by which another option than a trial's own becomes less likely, and
how likely it is at most."""

LARGEST = 600.0
"""Bound of the logarithm of a joint density: hundreds of dimensions would overflow it."""

ROOT = math.sqrt(2 * math.pi)


class Kinds:
    """A space's dimensions by their kind, as columns: ranges, and options without an order."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        """Sort the dimensions; columns of points are in the order of `axes`."""
        self.range_axes = [axis for axis in axes if isinstance(axis, RangeAxis)]
        self.option_axes = [axis for axis in axes if isinstance(axis, OptionsAxis)]
        is_range = np.array([isinstance(axis, RangeAxis) for axis in axes], bool)
        self.ranges, self.options = np.flatnonzero(is_range), np.flatnonzero(~is_range)
        self.steps = np.array([axis.step for axis in self.range_axes])
        self.stepped = [at for at, axis in enumerate(self.range_axes) if axis.q is not None]
        self.smooth = [at for at, axis in enumerate(self.range_axes) if axis.q is None]


class Densities:
    """The densities around some trials: of each dimension by itself, and of all together.

    Those of one dimension are as narrow as the trials lie close, the joint one is wider.
    """

    def __init__(self, kinds: Kinds, trials: Floats, scales: Scales = (1.0,)) -> None:
        """Find the bandwidths.

        Args:
            kinds: the space's dimensions.
            trials: their positions, shape `[trials, dimensions]`; NaN where a trial has none.
            scales: multiples of the bandwidths; a density is the mean of those with each.
        """
        self._kinds = kinds
        self._trials = trials
        self._has = ~np.isnan(trials)
        self._numbers = self._has.sum(axis=0)
        self._scales = scales
        ranges = trials[:, kinds.ranges]
        self._centres = np.nan_to_num(ranges, nan=0.5)
        floor = NARROWEST * kinds.steps
        near, wide = widths_by_neighbours(ranges), WIDTH * self._shrunk(kinds.ranges, 0.2)
        self._near = [np.maximum(near * scale, floor) for scale in scales]
        self._wide = [np.maximum(wide * scale, floor) for scale in scales]
        self._stray = np.minimum(MOST_STRAY, self._shrunk(kinds.options, STRAY))

    def _shrunk(self, columns: NDArray[np.intp], power: float) -> Floats:
        return np.asarray(np.maximum(1, self._numbers[columns]) ** -power, np.float64)

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return positions of so many points by the densities of each dimension by itself.

        The space's own distribution counts as one trial more. Every dimension gets a position.
        """
        kinds, numbers = self._kinds, self._numbers
        chosen = rng.integers(numbers + 1, size=(size, len(numbers)))
        near = chosen < numbers
        # The trials that have a dimension come first in its column.
        order = np.argsort(~self._has, axis=0, kind="stable")
        rows = np.take_along_axis(order, np.minimum(chosen, len(order) - 1), axis=0)
        placed = np.empty((size, len(numbers)))
        which = rows[:, kinds.ranges], np.arange(len(kinds.ranges))
        scale = rng.integers(len(self._scales), size=(size, len(kinds.ranges)))
        centres, widths = self._centres[which], np.stack(self._near)[(scale, *which)]
        below, above = ends(centres, widths)
        shares = rng.random(centres.shape)
        drawn = np.clip(centres + widths * ndtri(below + (above - below) * shares), 0.0, 1.0)
        drawn = np.where(near[:, kinds.ranges], drawn, shares)
        for at in kinds.stepped:
            drawn[:, at] = kinds.range_axes[at].stepped(drawn[:, at])
        placed[:, kinds.ranges] = drawn
        strays = rng.random((size, len(kinds.options))) < self._stray
        for at_option, (axis, column) in enumerate(
            zip(kinds.option_axes, kinds.options, strict=True)
        ):
            own = self._trials[rows[:, column], column]
            anew = strays[:, at_option] | ~near[:, column]
            placed[:, column] = np.where(anew, axis.draw(size, rng), own)
        return placed

    def score(self, placed: Floats) -> Floats:
        """Return the logarithms of all independent densities and of the joint one, added.

        Args:
            placed: positions of points, shape `[points, dimensions]`; NaN where a point has none.
        """
        active = ~np.isnan(placed)
        ranges = np.nan_to_num(placed[:, self._kinds.ranges], nan=0.5)
        same, extra = self._options(placed)
        alone = np.ones(placed.shape)
        alone[:, self._kinds.ranges] = self._sums(ranges)
        numbers = self._numbers[self._kinds.options]
        alone[:, self._kinds.options] = numbers * self._stray + same.sum(axis=1) * extra
        independent = np.where(active, np.log((alone + 1) / (self._numbers + 1)), 0.0).sum(axis=1)
        return np.asarray(independent + self._joint(ranges, active, same, extra), np.float64)

    def _options(self, placed: Floats) -> tuple[NDArray[np.bool_], Floats]:
        """Which trials have a point's options, and how much likelier these are around them."""
        columns = self._kinds.options
        options = placed[:, columns]
        same = options[:, None] == self._trials[None, :, columns]
        likely = np.ones(options.shape)
        for at, axis in enumerate(self._kinds.option_axes):
            known = ~np.isnan(options[:, at])
            likely[known, at] = axis.likely[options[known, at].astype(int) - axis.first]
        return same, (1 - self._stray) / np.maximum(likely, RAREST)

    def _sums(self, ranges: Floats) -> Floats:
        """The densities around all trials that have a range, added, shape `[points, ranges]`."""
        kinds, has = self._kinds, self._has[:, self._kinds.ranges]
        total = np.zeros(ranges.shape)
        for widths in self._near:
            below, above = ends(self._centres, widths)
            weights = has / (above - below)
            some = kinds.smooth
            away = (ranges[:, None, some] - self._centres[:, some]) / widths[:, some]
            peaks = weights[:, some] / (ROOT * widths[:, some])
            total[:, some] += np.einsum("ptr,tr->pr", np.exp(-0.5 * away * away), peaks)
            for at in kinds.stepped:
                # A value with a step stands for all numbers that are rounded to it.
                low, high = kinds.range_axes[at].cells(ranges[:, at])
                centres, width = self._centres[:, at], widths[:, at]
                masses = ndtr((high[:, None] - centres) / width)
                masses -= ndtr((low[:, None] - centres) / width)
                total[:, at] += masses @ weights[:, at] / (high - low)
        return total / len(self._near)

    def _joint(
        self, ranges: Floats, active: NDArray[np.bool_], same: NDArray[np.bool_], extra: Floats
    ) -> Floats:
        """The logarithm of the joint density at each point."""
        kinds = self._kinds
        points, has = (each[:, kinds.ranges].astype(float) for each in (active, self._has))
        both = active[:, None, kinds.options] & self._has[None, :, kinds.options]
        stray = np.log(self._stray)
        # An option counts as 1 where point or trial has none.
        own = np.log(self._stray + extra) - stray
        options = (both * stray).sum(axis=2) + np.einsum("pto,po->pt", same, own)
        density = np.zeros(len(ranges))
        for width in self._wide:
            # A step's own width is added to the bandwidth.
            precise = 1 / (width**2 + kinds.steps**2 / 12)
            below, above = ends(self._centres, width)
            peaks = np.log(np.sqrt(precise) / (ROOT * (above - below))) * has
            away = (points * ranges**2 * precise) @ has.T
            away += points @ (has * self._centres**2 * precise).T
            away -= 2 * (points * ranges * precise) @ (has * self._centres).T
            logarithms = options + points @ peaks.T - 0.5 * away
            density += np.exp(np.minimum(logarithms, LARGEST)).sum(axis=1)
        return np.asarray(np.log((density / len(self._wide) + 1) / (len(has) + 1)), np.float64)


def widths_by_neighbours(positions: Floats) -> Floats:
    """Return the distance of each position to the farther one of its neighbours in its column.

    The ends of the axis are neighbours, too, as in HyperOpt's densities (Bergstra et al. 2011).

    Args:
        positions: shape `[trials, dimensions]`; NaN where a trial has none, whose width is 1.
    """
    order = np.argsort(positions, axis=0, kind="stable")
    ends = np.zeros((1, positions.shape[1]))
    # Missing positions come last: the end of the axis follows the last known one.
    known = np.nan_to_num(np.take_along_axis(positions, order, axis=0), nan=1.0)
    gaps = np.diff(np.concatenate([ends, known, ends + 1]), axis=0)
    widths = np.empty(positions.shape)
    np.put_along_axis(widths, order, np.maximum(gaps[:-1], gaps[1:]), axis=0)
    numbers = (~np.isnan(positions)).sum(axis=0)
    clipped = np.clip(widths, 1 / (1 + np.minimum(numbers, SHARPEST)), 1.0)
    return np.asarray(np.where(np.isnan(positions), 1.0, clipped), np.float64)


def ends(centres: Floats, widths: Floats) -> tuple[Floats, Floats]:
    """Return how much of each normal density lies below 0, and below 1."""
    return ndtr(-centres / widths), ndtr((1 - centres) / widths)
