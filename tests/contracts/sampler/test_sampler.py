"""The contract of samplers, on every sampler of the table TPE with each pending policy."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hyperopt import hp
from sampler_rows import ROWS, ROWS_BY_POLICY
from suggestions import random_point, random_trials

from alignsearch.search.documents import DEFAULT_PENDING, Observation, Pending, Prior
from alignsearch.search.samplers.sampler import SAMPLERS, make_sampler
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import contains, derive
from alignsearch.spaces.distributions import Choice
from alignsearch.spaces.hyperopt_space import from_hyperopt, to_point

# It has ranges, log-uniform ranges and choices.
SPACE = get_space("wm_ad")
TREE = from_hyperopt(
    {
        "rate": hp.loguniform("rate", -9, 0),
        "decay": hp.lognormal("decay", 0, 1),
        "model": hp.choice(
            "model",
            [
                {"kind": "linear", "offset": hp.normal("offset", 0, 1)},
                {
                    "kind": "network",
                    "width": hp.quniform("width", 8, 64, 8),
                    "norm": hp.pchoice("norm", [(0.2, None), (0.8, hp.randint("groups", 1, 9))]),
                },
            ],
        ),
    }
)
STARTUP = 5
PRIOR = Prior(
    source="test",
    points=[random_point(SPACE, np.random.default_rng(seed)) for seed in (5, 6)],
    width=0.1,
)
WITH_PRIOR = [
    pytest.param((algo, DEFAULT_PENDING, PRIOR), id=f"{algo}-prior")
    for algo, kind in SAMPLERS.items()
    if kind.serves_prior
]


@pytest.fixture(params=ROWS)
def algo(request):
    return request.param


@pytest.fixture(params=[*ROWS_BY_POLICY, *WITH_PRIOR])
def make(request):
    """Make a sampler that was told some results."""
    algo, pending, *prior = request.param
    prior = prior[0] if prior else None

    def make(observations=(), *, seed=7, startup=STARTUP):
        sampler = make_sampler(
            algo, SPACE, seed=seed, startup=startup, pending=pending, prior=prior
        )
        for observation in observations:
            sampler.tell(observation)
        return sampler

    return make


def known(size, pending=6, seed=0):
    return random_trials(SPACE, size, pending, np.random.default_rng(seed))


def points(sampler, pending, tids=range(1000, 1004)):
    return [sampler.suggest(tid, pending) for tid in tids]


@pytest.mark.parametrize("size", [0, STARTUP - 1, STARTUP, 40])
def test_the_seed_and_the_trials_number_decide(make, size):
    observations, pending = known(size)
    first = points(make(observations), pending)
    assert first == points(make(observations), pending)
    assert first != points(make(observations, seed=8), pending)
    assert len({tuple(point.values()) for point in first}) == len(first)


@pytest.mark.parametrize("size", [STARTUP - 1, 40])
def test_the_order_of_telling_changes_nothing(make, size):
    observations, pending = known(size)
    shuffled = [observations[at] for at in np.random.default_rng(1).permutation(size)]
    assert points(make(observations), pending) == points(make(shuffled), pending)


def test_suggestions_and_pending_trials_leave_no_trace(make):
    observations, pending = known(40)
    asked = make()
    for at, observation in enumerate(observations):
        asked.tell(observation)
        asked.suggest(500 + at, [Pending(each.tid, each.point) for each in observations[at + 1 :]])
    assert points(asked, pending) == points(make(observations), pending)


def test_a_new_sampler_told_the_same_goes_on_as_the_old_one(make):
    """A driver dies after any result; the next one is told what the store has."""
    old, told = make(), []
    for tid in range(12):
        new = make(told)
        point = old.suggest(tid, [])
        assert new.suggest(tid, []) == point
        assert (old.seen, new.seen) == (tid, tid)
        told.append(Observation(tid, point, None if tid % 4 == 1 else point["sigma"]))
        old.tell(told[-1])


LOSSES = {
    "absent": [None],
    "infinite": [math.inf],
    "infinitely low": [-math.inf],
    "tied": [0.25],
    "of every kind": [None, math.inf, -math.inf, 0.25, -3.0, 1e300, 0.0],
}


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("where", ["anywhere", "at the ends", "at one place"])
def test_no_suggestion_leaves_the_space_whatever_the_results_are(make, where, losses):
    rng = np.random.default_rng(2)

    def end(distribution, last):
        if isinstance(distribution, Choice):
            return len(distribution.options) - 1 if last else 0
        return distribution.high if last else distribution.low

    place = random_point(SPACE, rng)
    told = [
        Observation(
            tid,
            {
                "anywhere": random_point(SPACE, rng),
                "at the ends": {p.name: end(p.distribution, tid % 2) for p in SPACE.sampled},
                "at one place": place,
            }[where],
            losses[tid % len(losses)],
        )
        for tid in range(30)
    ]
    pending = [Pending(100 + at, each.point) for at, each in enumerate(told[:9])]
    sampler = make(told)
    for point in points(sampler, pending, range(200, 208)):
        assert point.keys() == SPACE.sampled_names
        assert {type(value) for value in point.values()} <= {int, float}
        configuration = derive(SPACE, to_point(SPACE, point))
        assert contains(SPACE, configuration) == []


def test_an_infinite_loss_is_as_good_as_none(make):
    observations, pending = known(30)
    infinite = [
        Observation(each.tid, each.point, math.inf if each.loss is None else each.loss)
        for each in observations
    ]
    assert any(each.loss is None for each in observations)
    assert points(make(observations), pending) == points(make(infinite), pending)


def test_dimensions_of_other_spaces_are_ignored(make):
    observations, pending = known(20)
    wider = [
        Observation(each.tid, {**each.point, "gamma": 1.0, "optimizer": "Adam"}, each.loss)
        for each in observations
    ]
    also = [Pending(each.tid, {**each.point, "gamma": 1.0}) for each in pending]
    assert points(make(wider), also) == points(make(observations), pending)


@pytest.mark.parametrize("size", [0, 40])
def test_inactive_dimensions_are_absent_from_points(algo, size):
    observations, pending = random_trials(TREE, size, 6, np.random.default_rng(0))
    sampler = make_sampler(algo, TREE, seed=7, startup=STARTUP, pending="hyperopt")
    for observation in observations:
        sampler.tell(observation)
    for point in points(sampler, pending, range(1000, 1030)):
        TREE.check_point(point)
        assert set(TREE.active(point)) == point.keys()
        assert {type(value) for value in point.values()} <= {int, float}


def test_a_result_must_have_the_dimensions_that_its_choices_lead_to(algo):
    sampler = make_sampler(algo, TREE, seed=7, startup=STARTUP, pending="hyperopt")
    both = {"rate": 0.1, "decay": 1.0}
    sampler.tell(Observation(0, {**both, "model": 0, "offset": 1.0}, 0.5))
    sampler.tell(Observation(1, {**both, "model": 1, "width": 8.0, "norm": 0}, 0.5))
    with pytest.raises(ValueError, match="no number for groups, width"):
        sampler.tell(Observation(2, {**both, "model": 1, "norm": 1, "offset": 1.0}, 0.5))
    assert sampler.seen == 2


WRONG = {
    "told before": (lambda told: Observation(told.tid, told.point, 0.5), "was told before"),
    "loss not a number": (lambda told: Observation(999, told.point, math.nan), "not a number"),
    "dimension missing": (
        lambda told: Observation(999, {k: v for k, v in told.point.items() if k != "beta"}, 0.5),
        "no number for beta",
    ),
    "value not a number": (
        lambda told: Observation(999, {**told.point, "sigma": "half"}, 0.5),
        "no number for sigma",
    ),
    "dimension inactive": (
        lambda told: Observation(999, {**told.point, "sigma": None}, 0.5),
        "no number for sigma",
    ),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG)
def test_a_result_that_can_not_be_learned_from_is_refused_and_leaves_no_trace(make, wrong, message):
    observations, pending = known(20)
    sampler = make(observations)
    with pytest.raises(ValueError, match=message):
        sampler.tell(wrong(observations[0]))
    assert sampler.seen == 20
    assert points(sampler, pending) == points(make(observations), pending)


def test_the_first_point_is_random_whatever_the_start_up(make):
    assert make(startup=0).suggest(0, []) == make(startup=9).suggest(0, [])


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("sampler", ("hyperopt", "numpy")),
        ("pending", ("hyperopt", "numpy")),
        ("tpe", ()),
        ("random_search", ()),
        ("anneal", ()),
        ("grid", ()),
        ("sobol", ()),
        ("optuna_cmaes", ()),
    ],
)
def test_samplers_import_neither_the_store_nor_metrics_and_their_table_is_light(module, forbidden):
    code = (
        "import sys, importlib\n"
        f"importlib.import_module('alignsearch.search.samplers.{module}')\n"
        f"never = ('pymongo', 'prometheus_client', 'alignsearch.search.store', *{forbidden!r})\n"
        "print(*(name for name in never if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []
