"""Sobol's points: SciPy's own sequence, and what makes it one."""

import numpy as np
import pytest
from hyperopt import hp
from scipy.stats import norm, qmc

from alignsearch.search.documents import Observation
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt

SPACE = from_hyperopt(
    {
        "a": hp.uniform("a", -1, 3),
        "b": hp.loguniform("b", -4, 0),
        "c": hp.normal("c", 5, 2),
        "d": hp.quniform("d", 0, 10, 2),
        "e": hp.choice("e", [0, 1, {"f": hp.uniform("f", 0, 1)}]),
        "g": hp.pchoice("g", [(0.25, 0), (0.75, 1), (0, 2)]),
        "h": hp.randint("h", 4, 8),
    }
)


def points(number, seed=3, space=SPACE):
    sampler = make_sampler("sobol", space, seed=seed, startup=0)
    return [sampler.suggest(tid, []) for tid in range(number)]


def test_the_points_are_scipys_through_each_distribution():
    number = 64
    sequence = qmc.Sobol(len(SPACE.sampled), rng=3).random(number)
    mine = points(number)
    columns = {each: np.array([point[each] for point in mine]) for each in "abcdegh"}
    shares = {
        "a": (columns["a"] + 1) / 4,
        "b": (np.log(columns["b"]) + 4) / 4,
        "c": norm.cdf(columns["c"], 5, 2),
    }
    for label, share in shares.items():
        assert any(np.allclose(share, column) for column in sequence.T), label
    options = {"e": [0, 1 / 3, 2 / 3], "g": [0, 0.25], "h": [0, 0.25, 0.5, 0.75]}
    for label, starts in options.items():
        first = 4 if label == "h" else 0
        wanted = [np.searchsorted(starts, column, side="right") - 1 for column in sequence.T]
        assert any(np.array_equal(columns[label] - first, each) for each in wanted), label
    assert set(columns["d"]) == {0, 2, 4, 6, 8, 10}
    assert all(("f" in point) == (point["e"] == 2) for point in mine)


@pytest.mark.parametrize("seed", [0, 2**40])
def test_each_interval_of_a_dimension_gets_a_point(seed):
    mine = points(64, seed)
    places = sorted(int(16 * (point["a"] + 1)) for point in mine)
    assert places == list(range(64))
    assert [point["g"] for point in mine].count(0) == 16


def test_a_trials_number_is_its_index_whatever_came_before():
    sampler = make_sampler("sobol", SPACE, seed=3, startup=0)
    wanted = points(10)
    for number, tid in enumerate((7, 2, 2, 9, 0)):
        assert sampler.suggest(tid, []) == wanted[tid]
        sampler.tell(Observation(100 + number, wanted[tid], None))
