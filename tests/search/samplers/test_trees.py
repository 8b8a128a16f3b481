"""Suggestions over random trees of HyperOpt's expressions against HyperOpt's own, bit by bit."""

import math

import numpy as np
import pytest
from expressions import Expressions
from hyperopt import hp
from hyperopt_trials import domain_of, hyperopt_point, hyperopt_random_point
from suggestions import random_losses

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.dimensions import dimensions_of, read_dimensions
from alignsearch.search.samplers.random_search import random_point
from alignsearch.search.samplers.tpe import Tpe
from alignsearch.spaces.hyperopt_space import from_hyperopt
from alignsearch.spaces.space import SearchSpace

FEW, MANY = 16, 700
LEAST = 500
"""Times that each kind of expression must occur among the many."""


def random_history(dimensions, size, live, rng):
    """Observations and pending trials of every kind.

    Trial numbers are sparse and unordered. Some points are there several times. Losses are tied,
    infinite or absent. Half of the histories crowd around one point, as a search does.
    """
    points = [random_point(dimensions, rng) for _ in range(max(1, int(size * rng.uniform(0.2, 1))))]
    if rng.random() < 0.5:
        points += [points[0]] * (size // 2)
    tids = [int(tid) for tid in rng.choice(3 * (size + live) + 1, size + live, replace=False)]
    losses = random_losses(size, rng)
    for at in np.flatnonzero(rng.random(size) < 0.1):
        losses[at] = math.inf if rng.random() < 0.8 else -math.inf
    observations = [
        Observation(tid, points[rng.integers(len(points))], loss)
        for tid, loss in zip(tids[:size], losses, strict=True)
    ]
    return observations, [Pending(tid, random_point(dimensions, rng)) for tid in tids[size:]]


def identical(point, expected):
    """Return whether two points have the same labels and the same numbers to the last bit."""
    return {label: float(value).hex() for label, value in point.items()} == {
        label: float(value).hex() for label, value in expected.items()
    }


def compare(expression, rng):
    """Random and TPE points of one expression, ours and HyperOpt's.

    Our samplers see the space as it is stored, HyperOpt sees the expression itself. Returns whether
    the space has choices within choices.
    """
    domain = domain_of(expression)
    dimensions = dimensions_of(SearchSpace.from_data(from_hyperopt(expression).to_data()))
    seed = int(rng.integers(2**32))
    drawn = random_point(dimensions, np.random.default_rng(seed))
    assert identical(drawn, hyperopt_random_point(domain, seed)), expression

    size, live = int(rng.integers(0, 80)), int(rng.choice([0, 3, 30]))
    observations, pending = random_history(dimensions, size, live, rng)
    tpe = Tpe(dimensions)
    for observation in observations:
        tpe.tell(observation)
    with np.errstate(all="ignore"):
        expected = hyperopt_point(domain, observations, pending, seed)
    assert identical(tpe.suggest(pending, seed), expected), expression
    choosing = {label for each in dimensions for label, _ in each.gates}
    return any(each.gates and each.label in choosing for each in dimensions)


def test_points_over_random_trees_are_hyperopts():
    made, rng = Expressions(seed=5), np.random.default_rng(5)
    nested = sum(compare(made.make(depth=4), rng) for _ in range(FEW))
    assert nested >= FEW / 2


@pytest.mark.parametrize("seed", [6, 7, 8])
def test_points_over_thousands_of_random_trees_are_hyperopts(seed):
    made, rng = Expressions(seed=seed), np.random.default_rng(seed)
    nested = sum(compare(made.make(depth=4 + at % 3), rng) for at in range(MANY))
    assert nested >= MANY / 2
    assert min(made.used.values()) >= LEAST, made.used


def test_a_search_over_a_tree_goes_as_hyperopts_own_would():
    """Each suggestion becomes a trial, so that TPE itself has shaped the history."""
    made, rng = Expressions(seed=7), np.random.default_rng(7)
    for _ in range(4):
        domain = domain_of(made.make())
        dimensions = read_dimensions(domain)
        tpe, told = Tpe(dimensions), []
        for tid in range(90):
            with np.errstate(all="ignore"):
                expected = hyperopt_point(domain, told, [], tid)
            point = tpe.suggest([], tid)
            assert identical(point, expected)
            loss = sum(math.atan(float(value)) for value in point.values()) + 0.1 * rng.normal()
            told.append(Observation(tid, point, None if tid % 11 == 7 else loss))
            tpe.tell(told[-1])


@pytest.mark.parametrize("size", [400, 3000])
def test_long_histories_of_trees_too(size):
    made, rng = Expressions(seed=size), np.random.default_rng(size)
    for _ in range(3):
        domain = domain_of(made.make(depth=4))
        dimensions = read_dimensions(domain)
        observations, pending = random_history(dimensions, size, 60, rng)
        tpe = Tpe(dimensions)
        for observation in observations:
            tpe.tell(observation)
        with np.errstate(all="ignore"):
            expected = hyperopt_point(domain, observations, pending, size)
        assert identical(tpe.suggest(pending, size), expected)


def test_a_random_integer_with_named_ends_is_drawn_between_them():
    """HyperOpt's TPE forgets the lower end where it is named, and then fails by its own points.

    `hyperopt/tpe.py` adds the end to a suggestion where the expression has two arguments by place.
    """
    named, placed = hp.randint("n", low=5, high=9), hp.randint("n", 5, 9)
    space = from_hyperopt(named)
    assert space == from_hyperopt(placed)
    dimensions = dimensions_of(space)
    tpe, rng = Tpe(dimensions), np.random.default_rng(0)
    told = [
        Observation(tid, random_point(dimensions, rng), float(rng.random())) for tid in range(40)
    ]
    for each in told:
        tpe.tell(each)
    points = [tpe.suggest([], seed) for seed in range(30)]
    assert points == [hyperopt_point(domain_of(placed), told, [], seed) for seed in range(30)]
    assert {point["n"] for point in points} <= {5, 6, 7, 8}
    theirs = [hyperopt_point(domain_of(named), told, [], seed)["n"] for seed in range(30)]
    assert theirs == [point["n"] - 5 for point in points]
