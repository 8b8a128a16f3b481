"""Suggestions over random trees of HyperOpt's expressions against HyperOpt's own, bit by bit."""

import math
from collections import Counter

import numpy as np
import pytest
from hyperopt_trees import EXPRESSIONS, Trees
from hyperopt_trials import domain_of, hyperopt_point, hyperopt_random_point
from suggestions import random_losses

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.dimensions import read_dimensions
from alignsearch.search.samplers.random_search import random_point
from alignsearch.search.samplers.tpe import Tpe

TREES = 1500
"""Trees with choices within choices, and as many without."""
LEAST = 500
"""Times that each expression must occur among them."""


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
    """Whether two points have the same labels and the same numbers to the last bit."""
    return {label: float(value).hex() for label, value in point.items()} == {
        label: float(value).hex() for label, value in expected.items()
    }


def compare(trees, *, nested, rng):
    """Random and TPE points of one random tree, ours and HyperOpt's."""
    expression = trees.tree(nested=nested)
    domain = domain_of(expression)
    dimensions = read_dimensions(domain)
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


def test_points_over_random_trees_are_hyperopts():
    rng = np.random.default_rng(0)
    trees = Trees(rng)
    for number in range(24):
        compare(trees, nested=number % 2 == 0, rng=rng)


@pytest.mark.parametrize("nested", [True, False])
def test_points_over_thousands_of_random_trees_are_hyperopts(nested):
    rng = np.random.default_rng(1 + nested)
    trees = Trees(rng)
    for _ in range(TREES):
        compare(trees, nested=nested, rng=rng)
    counts = Counter({kind: trees.counts[kind] for kind in EXPRESSIONS})
    assert min(counts.values()) >= LEAST, counts
