"""TPE by independent and joint densities combined: what it learns, and what it never does."""

import random
import warnings

import numpy as np
import pytest
from expressions import Expressions
from hyperopt import hp

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.combined import MOST_BAD
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt


def searched(space, loss, trials, algo="combined", seed=0, startup=20):
    """Return the points of a search with one slot."""
    sampler = make_sampler(algo, space, seed=seed, startup=startup)
    points = []
    for tid in range(trials):
        points.append(sampler.suggest(tid, []))
        sampler.tell(Observation(tid, points[-1], loss(points[-1])))
    return points


def test_values_that_go_together_are_learnt_as_a_pair():
    space = from_hyperopt(
        {key: hp.choice(key, range(8)) for key in "ab"} | {"c": hp.uniform("c", 0, 1)}
    )

    def loss(point):
        return float((point["a"] + point["b"]) % 8 != 5) + 0.1 * point["c"]

    def matches(algo):
        points = [
            point for seed in range(4) for point in searched(space, loss, 100, algo, seed)[60:]
        ]
        return np.mean([loss(point) < 0.5 for point in points])

    # Each dimension by itself says nothing.
    assert matches("combined") > 2 * matches("random")


def test_no_point_is_suggested_twice_while_there_is_another_one():
    space = from_hyperopt({"a": hp.choice("a", range(4)), "n": hp.uniformint("n", 0, 5)})
    sampler = make_sampler("combined", space, seed=1, startup=5)
    pending, seen = [], set()
    for tid in range(18):
        point = sampler.suggest(tid, pending)
        seen.add(tuple(point.items()))
        pending.append(Pending(tid, point))
        if len(pending) == 6:
            done = pending.pop(0)
            sampler.tell(Observation(done.tid, done.point, float(done.point["n"])))
    assert len(seen) == 18
    # All 24 are taken in the end, and the search goes on.
    for tid in range(18, 60):
        pending.append(Pending(tid, sampler.suggest(tid, pending)))
    assert space.sampled_names == pending[-1].point.keys()


def test_running_trials_change_no_density():
    space = from_hyperopt({"x": hp.uniform("x", 0, 1), "y": hp.loguniform("y", -5, 0)})
    sampler = make_sampler("combined", space, seed=2, startup=5)
    for tid in range(30):
        point = sampler.suggest(tid, [])
        sampler.tell(Observation(tid, point, point["x"]))
    near = [Pending(100 + n, {"x": 0.01 * n, "y": 0.5}) for n in range(60)]
    far = [Pending(100 + n, {"x": 0.99 - 0.01 * n, "y": 0.01}) for n in range(60)]
    assert sampler.suggest(30, near) == sampler.suggest(30, far)


def test_a_search_with_few_slots_comes_closer_to_a_sharp_minimum_than_random_points():
    space = from_hyperopt({key: hp.uniform(key, 0, 1) for key in "abc"})

    def loss(point):
        return sum((value - 0.3) ** 2 for value in point.values())

    def lowest(algo):
        return [min(map(loss, searched(space, loss, 150, algo, seed))) for seed in range(4)]

    assert max(lowest("combined")) < min(lowest("random")) / 4


def test_hundreds_of_dimensions_keep_their_scores_finite():
    space = from_hyperopt({f"x{at:03}": hp.choice(f"x{at:03}", range(90)) for at in range(300)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        searched(space, lambda point: float(point["x000"]), 30, startup=10)


def test_the_order_of_telling_changes_nothing():
    space = from_hyperopt(Expressions(seed=8).make(depth=4))
    told = [
        Observation(tid, point, random.Random(tid).choice([0.0, 0.5, None, tid]))
        for tid, point in enumerate(searched(space, lambda _: 0.0, 3 * MOST_BAD, "random"))
    ]
    mixed = random.Random(1).sample(told, len(told))
    suggestions = []
    for order in (told, mixed):
        sampler = make_sampler("combined", space, seed=4, startup=5)
        for observation in order:
            sampler.tell(observation)
        suggestions.append([sampler.suggest(5000 + tid, []) for tid in range(5)])
    assert suggestions[0] == suggestions[1]


@pytest.mark.parametrize("seed", range(12))
def test_points_over_random_trees_are_points_of_the_tree(seed):
    space = from_hyperopt(Expressions(seed=40 + seed).make(depth=4))
    losses = random.Random(seed)
    for point in searched(space, lambda _: losses.choice([1.0, losses.random()]), 40, startup=8):
        space.check_point(point)
        assert set(space.active(point)) == set(point)
