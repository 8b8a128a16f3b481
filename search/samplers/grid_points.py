"""The points of ever finer grids over a space, counted and made by their numbers.

A grid can have more points than any memory holds, and the options of choices lead to other
dimensions. So points are counted dimension by dimension, for each combination of the options that
later dimensions depend on, and a point's values are read from its number by these counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError
from alignsearch.search.samplers.axes import axis_of, likely_options
from alignsearch.spaces.conditions import Conditions, holds
from alignsearch.spaces.distributions import Choice, Distribution, PChoice, RandInt
from alignsearch.spaces.distributions.families import AroundMean, SteppedRange
from alignsearch.spaces.space import SearchSpace

MOST_DIMENSIONS = 500
"""Largest number of dimensions: the counts refer to each other as deep as there are dimensions."""

MOST_COUNTS = 200_000
"""Largest number of counts, each for a combination of options; more would take minutes."""

Number = float | int
Chosen = tuple[tuple[str, int], ...]
"""The chosen options that later dimensions depend on, as pairs of a choice's label and an index."""


@dataclass(frozen=True)
class _Dimension:
    """A dimension of the grid.

    Attributes:
        label: its label.
        conditions: when it is active.
        levels: returns its values in the grid of this number, in order.
        size: number of all its values; None where a finer grid always has more.
        later: labels of the choices up to this one that later dimensions depend on.
    """

    label: str
    conditions: Conditions
    levels: Callable[[int], tuple[Number, ...]]
    size: int | None
    later: frozenset[str]


class GridPoints:
    """The points that each grid of a space has and the grid before has not."""

    def __init__(self, space: SearchSpace) -> None:
        """Prepare the grids of a space.

        Raises:
            ConfigurationError: the space has too many dimensions to count its points.
        """
        if len(space.sampled) > MOST_DIMENSIONS:
            raise ConfigurationError(
                f"a grid serves up to {MOST_DIMENSIONS} dimensions, and space {space.name!r} has "
                f"{len(space.sampled)}: choose another sampler than grid"
            )
        self._space = space.name
        self._dimensions = _dimensions(space)
        self._split = cache(self._split_levels)
        self._count = cache(self._counted)
        self._new: dict[int, int] = {}

    @property
    def counted(self) -> int:
        """Number of points in the grids that `new_in` was asked about."""
        return sum(self._new.values())

    def new_in(self, grid: int) -> int:
        """Return how many points a grid has that the one before has not.

        Raises:
            ConfigurationError: too many combinations of options have to be counted.
        """
        self._new[grid] = self._count(grid, 0, (), grid == 0)
        return self._new[grid]

    def is_whole(self, grid: int) -> bool:
        """Return whether a grid has all points of the space, so that no finer one has more."""
        return all(
            each.size is not None and len(each.levels(grid)) == each.size
            for each in self._dimensions
        )

    def point(self, grid: int, number: int) -> dict[str, Number]:
        """Return the point of this number among those that the grid before has not."""
        point: dict[str, Number] = {}
        chosen: Chosen = ()
        is_new = grid == 0
        for at, dimension in enumerate(self._dimensions):
            if not holds(dimension.conditions, point):
                chosen = _kept(dimension, chosen)
                continue
            for values, new in self._blocks(grid, at):
                after = _kept(dimension, chosen, values[0])
                each = self._count(grid, at + 1, after, is_new or new)
                if number < each * len(values):
                    place, number = divmod(number, each)
                    point[dimension.label] = values[place]
                    chosen, is_new = after, is_new or new
                    break
                number -= each * len(values)
        return point

    def _counted(self, grid: int, at: int, chosen: Chosen, is_new: bool) -> int:
        """Number of ways to go on from dimension `at` to a new point."""
        if self._count.cache_info().currsize > MOST_COUNTS:
            raise ConfigurationError(
                f"space {self._space!r} has too many combinations of choices to count the points "
                "of its grid: choose another sampler than grid"
            )
        if at == len(self._dimensions):
            return int(is_new)
        dimension = self._dimensions[at]
        if not holds(dimension.conditions, dict(chosen)):
            return self._count(grid, at + 1, _kept(dimension, chosen), is_new)
        return sum(
            len(values)
            * self._count(grid, at + 1, _kept(dimension, chosen, values[0]), is_new or new)
            for values, new in self._blocks(grid, at)
        )

    def _blocks(self, grid: int, at: int) -> tuple[tuple[tuple[Number, ...], bool], ...]:
        """Values that go on alike: old and new levels, or each option by which others depend."""
        dimension = self._dimensions[at]
        old, new = self._split(grid, at)
        if dimension.label in dimension.later:
            return tuple(((each,), False) for each in old) + tuple(((e,), True) for e in new)
        return tuple((values, is_new) for values, is_new in ((old, False), (new, True)) if values)

    def _split_levels(self, grid: int, at: int) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        """The levels that the grid before has, and the others."""
        levels = self._dimensions[at].levels
        if grid == 0:
            return (), levels(0)
        before = levels(grid - 1)
        had = set(before)
        return before, tuple(each for each in levels(grid) if each not in had)


def _kept(dimension: _Dimension, chosen: Chosen, value: Number | None = None) -> Chosen:
    """The chosen options that dimensions after this one depend on."""
    kept = tuple(pair for pair in chosen if pair[0] in dimension.later)
    if value is None or dimension.label not in dimension.later:
        return kept
    return (*kept, (dimension.label, int(value)))


def _dimensions(space: SearchSpace) -> tuple[_Dimension, ...]:
    sampled = space.sampled
    asked = [{label for each in one.conditions for label, _ in each} for one in sampled]
    return tuple(
        _Dimension(
            each.name,
            each.conditions,
            cache(_levels_of(each.distribution)),
            _size_of(each.distribution),
            frozenset().union(*asked[at + 1 :]),
        )
        for at, each in enumerate(sampled)
    )


def _levels_of(distribution: Distribution) -> Callable[[int], tuple[Number, ...]]:
    """Return a function from a grid's number to the dimension's values in it."""
    if isinstance(distribution, Choice | PChoice):
        options = likely_options(distribution)
        return lambda grid: options
    if isinstance(distribution, RandInt):
        low, span = distribution.low, distribution.high - 1 - distribution.low
        return lambda grid: _distinct(low + round(span * share) for share in _shares(grid))
    axis = axis_of(distribution)
    inner = isinstance(distribution, AroundMean)
    return lambda grid: _distinct(axis.value(share) for share in _shares(grid, inner=inner))


def _size_of(distribution: Distribution) -> int | None:
    """Return how many values a dimension has; None if they never end."""
    if isinstance(distribution, Choice | PChoice):
        return len(likely_options(distribution))
    if isinstance(distribution, RandInt):
        return distribution.high - distribution.low
    if isinstance(distribution, SteppedRange):
        low, high = distribution.ends
        return round((high - low) / distribution.q) + 1
    return None


def _shares(grid: int, *, inner: bool = False) -> NDArray[np.float64]:
    """The levels of a grid as shares of a distribution; `inner` leaves the ends out."""
    if inner:
        return np.linspace(0, 1, 2 ** (grid + 2) + 1)[1:-1]
    return np.linspace(0, 1, 2 ** (grid + 1) + 1)


def _distinct(values: Iterable[Number]) -> tuple[Number, ...]:
    return tuple(dict.fromkeys(values))
