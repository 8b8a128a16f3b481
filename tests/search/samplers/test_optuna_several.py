"""Optuna's samplers in searches of several metrics, and of metrics with constraints."""

import math

import numpy as np
import pytest
from hyperopt import hp
from sampler_rows import rows

from alignsearch.search.documents import Observation
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt

SPACE = from_hyperopt({"x": hp.uniform("x", -10, 10), "y": hp.uniform("y", -10, 10)})
SEVERAL = rows("optuna:tpe", "optuna:nsgaii", "optuna:gp")


def observed(tid, point):
    """Two metrics that disagree on x alone: it is best from 0 to 2, and y at 0."""
    if tid % 11 == 7:
        return Observation(tid, point, None)
    losses = tuple((point["x"] - best) ** 2 + point["y"] ** 2 for best in (0, 2))
    return Observation(tid, point, losses[0], losses)


def searched(algo, result, trials, startup):
    sampler = make_sampler(algo, SPACE, seed=1, startup=startup)
    observations = []
    for tid in range(trials):
        point = sampler.suggest(tid, [])
        SPACE.check_point(point)
        observations.append(result(tid, point))
        sampler.tell(observations[-1])
    return sampler, observations


@pytest.mark.parametrize("algo", rows("optuna:tpe", "optuna:gp"))
def test_points_gather_where_no_metric_can_get_better_without_the_other(algo):
    _, observations = searched(algo, observed, 70, 15)
    distances = [
        math.hypot(max(-point["x"], point["x"] - 2, 0), point["y"])
        for point in (each.point for each in observations)
    ]
    assert np.median(distances[40:]) < np.median(distances[:15]) / 3


@pytest.mark.parametrize("algo", SEVERAL)
def test_a_new_sampler_goes_on_as_the_old_one_whatever_the_order_and_infinite_losses(algo):
    old, observations = searched(algo, observed, 60, 10)
    odd = [(math.inf, 1.0), (-math.inf, math.inf), (1e300, 0.0)]
    more = [
        Observation(60 + at, {"x": 1.0, "y": 1.0}, each[0], each) for at, each in enumerate(odd)
    ]
    for each in more:
        old.tell(each)
    new = make_sampler(algo, SPACE, seed=1, startup=10)
    told = [*observations, *more]
    for at in np.random.default_rng(0).permutation(len(told)):
        new.tell(told[at])
    for tid in range(70, 73):
        point = old.suggest(tid, [])
        SPACE.check_point(point)
        assert new.suggest(tid, []) == point


@pytest.mark.parametrize("algo", rows("optuna:tpe", "optuna:gp"))
def test_points_gather_where_the_constraints_are_kept(algo):
    """The loss is least at x = -5, but the constraint x > 0 leaves 0 as the best."""

    def result(tid, point):
        return Observation(tid, point, (point["x"] + 5) ** 2, violation=max(0.0, -point["x"]))

    _, observations = searched(algo, result, 60, 15)
    assert abs(np.median([each.point["x"] for each in observations[30:]])) < 1
