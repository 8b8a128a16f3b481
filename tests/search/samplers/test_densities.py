"""Densities around trials: against loops over one trial and one dimension at a time."""

import math

import numpy as np
import pytest
from expressions import EVERY_KIND, Expressions
from naive_densities import around, score_of, widths_of

from alignsearch.search.samplers.axes import axis_of
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
