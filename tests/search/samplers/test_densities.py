"""Densities around trials: against loops over one trial and one dimension at a time."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from expressions import EVERY_KIND, Expressions

from alignsearch.search.samplers.axes import OptionsAxis, axis_of
from alignsearch.search.samplers.densities import Densities, Kinds, widths_by_neighbours
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.search.samplers.random_search import random_point
from alignsearch.spaces.hyperopt_space import from_hyperopt


def axes_and_rows(expression, rows, seed=0):
    """The axes of a space, and the positions of random points, NaN where a point has none."""
    space = from_hyperopt(expression)
    dimensions = dimensions_of(space)
    distributions = {each.name: each.distribution for each in space.sampled}
    axes = [axis_of(distributions[each.label]) for each in dimensions]
    rng = np.random.default_rng(seed)
    placed = np.full((rows, len(axes)), math.nan)
    for row in placed:
        point = random_point(dimensions, rng)
        for at, dimension in enumerate(dimensions):
            if dimension.label in point:
                value = np.array([float(point[dimension.label])])
                row[at] = axes[at].positions(value)[0]
    return axes, placed


def widths_of(column):
    """The bandwidths of a sorted column by neighbours; of equal positions only the outer ones'."""
    ends = [0.0, *column, 1.0]
    narrowest = 1 / (1 + min(len(column), 100))
    return [
        min(max(here - before, after - here, narrowest), 1.0)
        for before, here, after in zip(ends, ends[1:], ends[2:], strict=False)
    ]


def wide(column):
    """The bandwidth of the joint density."""
    return 0.25 * len(column) ** -0.2


def around(axis, number, centre, position, width, is_joint):
    """The density at a position around one of `number` trials, as it is defined."""
    if isinstance(axis, OptionsAxis):
        stray = min(0.9, number**-0.4)
        own = axis.likely[int(position) - axis.first]
        return stray + (position == centre) * (1 - stray) / own
    width = max(width, 0.35 * axis.step)
    normal = NormalDist(centre, width)
    inside = normal.cdf(1) - normal.cdf(0)
    if is_joint:
        spread = NormalDist(centre, math.sqrt(width**2 + axis.step**2 / 12))
        return spread.pdf(position) / inside
    if axis.q is None:
        return normal.pdf(position) / inside
    (low,), (high,) = axis.cells(np.array([position]))
    return (normal.cdf(high) - normal.cdf(low)) / (high - low) / inside


def score_of(axes, trials, point, scales):
    """The logarithms of independent and joint density of one point."""
    columns = [column[~np.isnan(column)] for column in trials.T]
    score = 0.0
    for axis, column, position in zip(axes, columns, point, strict=True):
        if not np.isnan(position):
            centres = sorted(column)
            total = sum(
                around(axis, len(column), centre, position, width * scale, False) / len(scales)
                for centre, width in zip(centres, widths_of(centres), strict=True)
                for scale in scales
            )
            score += math.log((total + 1) / (len(column) + 1))
    joint = 1.0
    for trial in trials:
        products = []
        for scale in scales:
            factors = [
                around(axis, len(column), centre, position, wide(column) * scale, True)
                for axis, column, centre, position in zip(axes, columns, trial, point, strict=True)
                if not np.isnan(centre) and not np.isnan(position)
            ]
            products.append(math.prod(factors))
        joint += np.mean(products)
    return score + math.log(joint / (len(trials) + 1))


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.3)])
@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_one_trial_and_dimension_at_a_time(seed, scales):
    axes, rows = axes_and_rows(Expressions(seed=60 + seed).make(depth=4), 30, seed)
    trials, points = rows[:20], rows[20:]
    naive = [score_of(axes, trials, point, scales) for point in points]
    assert Densities(Kinds(axes), trials, scales).score(points) == pytest.approx(naive, rel=1e-6)


@pytest.fixture(params=EVERY_KIND)
def single(request):
    """A space's only dimension, and a thousand positions of its own distribution."""
    return axes_and_rows({"x": EVERY_KIND[request.param]}, 1000, seed=3)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_a_density_is_one_on_average_over_the_spaces_own_distribution(single, scale):
    (axis,), rows = single
    centres = sorted(rows[:12, 0])
    means = [
        np.mean([around(axis, 12, centre, row, width * scale, False) for row in rows[:, 0]])
        for centre, width in zip(centres, widths_of(centres), strict=True)
    ]
    assert np.mean(means) == pytest.approx(1, abs=0.15)


def test_draws_are_near_the_trials_and_the_spaces_own_otherwise(single):
    axes, rows = single
    rng = np.random.default_rng(5)
    kinds = Kinds(axes)
    same = np.repeat(rows[:1], 40, axis=0)
    near = Densities(kinds, same).draw(500, rng)[:, 0]
    anywhere = Densities(kinds, np.array([[math.nan]])).draw(1000, rng)[:, 0]
    assert np.abs(near - rows[0, 0]).mean() < np.abs(anywhere - rows[0, 0]).mean()
    marks = np.quantile(rows[:, 0], [0.1, 0.3, 0.5, 0.7, 0.9])
    shares = [[np.mean(each <= mark) for mark in marks] for each in (rows[:, 0], anywhere)]
    assert shares[1] == pytest.approx(shares[0], abs=0.08)


def test_bandwidths_reach_to_the_farther_neighbour():
    nan = math.nan
    columns = np.array([[0.5, 0.4, nan], [0.1, 0.4, nan], [0.2, 0.4, 0.3], [nan, 0.4, nan]])
    expected = [[0.5, 0.4, 1.0], [0.25, 0.2, 1.0], [0.3, 0.2, 0.7], [1.0, 0.6, 1.0]]
    assert widths_by_neighbours(columns) == pytest.approx(np.array(expected))


def test_a_group_without_trials_prefers_nothing():
    axes, rows = axes_and_rows(Expressions(seed=9).make(depth=3), 12)
    assert Densities(Kinds(axes), rows[:0]).score(rows) == pytest.approx(np.zeros(12))
