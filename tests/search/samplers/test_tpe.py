"""Our TPE against `hyperopt.tpe.suggest`, point by point, over histories of every kind."""

import math

import numpy as np
import pytest
from hyperopt_trials import domain_of as hyperopt_domain
from hyperopt_trials import hyperopt_point
from suggestions import random_point, random_trials

from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.search.samplers.tpe import Tpe
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.hyperopt_space import to_hyperopt

SPACE_NAMES = sorted(SPACES)
HISTORIES = 80
"""Histories a space."""


def domain_of(space):
    return hyperopt_domain(to_hyperopt(space))


@pytest.mark.parametrize("name", SPACE_NAMES)
def test_the_point_is_hyperopts_whatever_the_history(name):
    space = SPACES[name]
    domain = domain_of(space)
    rng = np.random.default_rng(SPACE_NAMES.index(name))
    for _ in range(HISTORIES):
        size, live = int(rng.integers(0, 70)), int(rng.choice([0, 3, 60]))
        observations, pending = random_trials(space, size, live, rng)
        history = Tpe(dimensions_of(space))
        for observation in observations:
            history.tell(observation)
        seed = int(rng.integers(2**32))
        expected = hyperopt_point(domain, observations, pending, seed)
        assert history.suggest(pending, seed) == expected


@pytest.mark.parametrize("size", [250, 1500, 4000])
@pytest.mark.parametrize("name", ["wm", "ia"])
def test_long_histories_too(name, size):
    space = SPACES[name]
    domain = domain_of(space)
    rng = np.random.default_rng(size)
    observations, pending = random_trials(space, size, 60, rng)
    history = Tpe(dimensions_of(space))
    for observation in observations:
        history.tell(observation)
    for seed in range(2):
        assert history.suggest(pending, seed) == hyperopt_point(domain, observations, pending, seed)


def test_what_was_pending_before_leaves_no_trace():
    """Results arrive out of order while other trials are pending, with suggestions between."""
    space = SPACES["wm_ad"]
    domain = domain_of(space)
    rng = np.random.default_rng(5)
    observations, _ = random_trials(space, 280, 0, rng)
    history = Tpe(dimensions_of(space))
    for number, observation in enumerate(observations):
        history.tell(observation)
        if number % 20 == 9:
            running = observations[number + 1 : number + 9]
            pending = [Pending(each.tid, each.point) for each in running]
            expected = hyperopt_point(domain, observations[: number + 1], pending, number)
            assert history.suggest(pending, number) == expected


def test_a_whole_search_goes_as_hyperopts_own_would():
    """Each suggestion becomes a trial, so that the history is one that TPE itself has shaped."""
    space = SPACES["ia"]
    domain = domain_of(space)
    history = Tpe(dimensions_of(space))
    observations = []
    for tid in range(120):
        point = history.suggest([], seed=tid)
        assert point == hyperopt_point(domain, observations, [], tid)
        loss = (point["sigma"] - 0.4) ** 2 + abs(math.log10(point["beta"]) + 2) / 10
        observations.append(Observation(tid, point, None if tid % 11 == 7 else loss))
        history.tell(observations[-1])


def test_a_result_counts_once():
    history = Tpe(dimensions_of(SPACES["wm"]))
    point = random_point(SPACES["wm"], np.random.default_rng(0))
    history.tell(Observation(3, point, 0.5))
    with pytest.raises(ValueError, match="trial 3 was told before"):
        history.tell(Observation(3, point, 0.4))
    with pytest.raises(ValueError, match="trial 4 is not a number"):
        history.tell(Observation(4, point, math.nan))
    assert len(history) == 1


@pytest.mark.parametrize("policy", ["hyperopt", "ignore", "liar-mean", "liar-worst"])
def test_pending_trials_count_as_the_policy_says(policy):
    """The expected histories are HyperOpt's, with the lie told to it as a result."""
    space = SPACES["wm_ad"]
    domain = domain_of(space)
    rng = np.random.default_rng(8)
    points = [random_point(space, rng) for _ in range(8)]
    # Half of the trials have failed, so that it matters how pending ones rank beside them.
    losses = [0.75, 0.5, None, None]
    observations = [
        Observation(2 * tid + 1, point, loss)
        for tid, (point, loss) in enumerate(zip(points, losses, strict=False))
    ]
    pending = [Pending(2 * tid, point) for tid, point in enumerate(points[4:])]
    lie = {"liar-mean": 0.625, "liar-worst": 0.75}.get(policy)
    told = [Observation(each.tid, each.point, lie) for each in pending]
    for seed in range(10):
        sampler = make_sampler("tpe", space, seed=seed, startup=3, pending=policy)
        for observation in observations:
            sampler.tell(observation)
        expected = hyperopt_point(
            domain,
            observations if lie is None else observations + told,
            pending if policy == "hyperopt" else [],
            int(np.random.SeedSequence([seed, 9]).generate_state(1)[0]),
        )
        assert sampler.suggest(9, pending) == expected


def test_only_hyperopts_policy_counts_pending_trials_towards_the_start_up():
    space = SPACES["wm"]
    rng = np.random.default_rng(1)
    observations = [Observation(tid, random_point(space, rng), 0.1 * tid) for tid in range(4)]
    pending = [Pending(tid, random_point(space, rng)) for tid in range(4, 8)]

    def suggest(algo, policy):
        sampler = make_sampler(algo, space, seed=0, startup=8, pending=policy)
        for observation in observations:
            sampler.tell(observation)
        return sampler.suggest(8, pending)

    random = suggest("random", "ignore")
    assert [
        suggest("tpe", policy) == random
        for policy in ("hyperopt", "ignore", "liar-mean", "liar-worst")
    ] == [False, True, True, True]


def test_the_order_in_which_results_arrive_changes_nothing():
    space = SPACES["wm_ad_ops"]
    rng = np.random.default_rng(2)
    observations, pending = random_trials(space, 60, 20, rng)
    suggested = []
    for order in (range(60), rng.permutation(60)):
        sampler = make_sampler("tpe", space, seed=4, startup=20, pending="liar-mean")
        for number in order:
            sampler.tell(observations[number])
        suggested.append(sampler.suggest(1000, pending))
    assert suggested[0] == suggested[1]
