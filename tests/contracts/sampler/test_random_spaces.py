"""Every sampler over random nested spaces, after random results: its points lie in the space."""

import math

import numpy as np
import pytest
from expressions import Expressions
from sampler_rows import ROWS
from suggestions import random_trials

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Observation
from alignsearch.search.samplers.sampler import ExhaustedError, make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt

FEW, MANY = 3, 120


def made(algo, space, observations):
    sampler = make_sampler(algo, space, seed=3, startup=4)
    for each in observations:
        sampler.tell(each)
    return sampler


def check_space(algo, space, seed):
    """Check three points, and that a new sampler told the same has them; False if it's refused."""
    rng = np.random.default_rng(seed)
    observations, pending = random_trials(space, int(rng.integers(0, 40)), 4, rng)
    odd = [math.inf, -math.inf, 1e300, None]
    observations += [
        Observation(200 + at, each.point, odd[at % len(odd)])
        for at, each in enumerate(observations[:6])
    ]
    try:
        first = made(algo, space, observations)
    except ConfigurationError:
        assert algo == "optuna:cmaes"
        return False
    second = made(algo, space, [observations[at] for at in rng.permutation(len(observations))])
    for tid in range(210, 213):
        try:
            point = first.suggest(tid, pending)
        except ExhaustedError:
            assert algo == "grid"
            continue
        space.check_point(point)
        assert {type(value) for value in point.values()} <= {int, float}
        assert second.suggest(tid, pending) == point
    return True


def check_spaces(algo, number, seed):
    expressions = Expressions(seed=seed)
    served = 0
    for at in range(number):
        space = from_hyperopt(expressions.make())
        served += check_space(algo, space, at)
    return served


@pytest.mark.parametrize("algo", ROWS)
def test_no_point_leaves_a_random_space(algo):
    assert check_spaces(algo, FEW, seed=31) > 0


@pytest.mark.parametrize("algo", ROWS)
def test_no_point_leaves_one_of_many_random_spaces(algo):
    assert check_spaces(algo, MANY, seed=32) > MANY / 3
