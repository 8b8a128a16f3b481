"""Optuna's samplers by the adapter: against Optuna's own studies, and how spaces are mapped."""

import math

import cmaes
import numpy as np
import optuna
import pytest
from expressions import Expressions
from hyperopt import hp
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sampler_rows import rows
from suggestions import random_point

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Observation, Pending
from alignsearch.search.samplers.dimensions import dimensions_of
from alignsearch.search.samplers.optuna_space import parameter_of
from alignsearch.search.samplers.random_search import trial_seed
from alignsearch.search.samplers.sampler import make_sampler
from alignsearch.spaces.hyperopt_space import from_hyperopt

PLAIN = from_hyperopt({"x": hp.uniform("x", -5, 5), "y": hp.loguniform("y", -5, 5)})
DISTRIBUTIONS = {
    "x": FloatDistribution(-5, 5),
    "y": FloatDistribution(math.exp(-5), math.exp(5), log=True),
}


def distance(point):
    return (point["x"] - 1) ** 2 + math.log(point["y"]) ** 2


def told(algo, space, observations, seed=4, startup=1):
    sampler = make_sampler(algo, space, seed=seed, startup=startup)
    for observation in observations:
        sampler.tell(observation)
    return sampler


@pytest.mark.parametrize(
    ("algo", "theirs"),
    [
        ("optuna:tpe", lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=1)),
        ("optuna:random", lambda seed: optuna.samplers.RandomSampler(seed=seed)),
        ("optuna:nsgaii", lambda seed: optuna.samplers.NSGAIISampler(seed=seed)),
    ],
)
def test_the_point_is_that_of_optunas_own_study(algo, theirs, caplog):
    """The study is in Optuna's own storage and has the same trials, the last ones running."""
    rng = np.random.default_rng(2)
    points = [random_point(PLAIN, rng) for _ in range(30)]
    observations = [Observation(at, each, distance(each)) for at, each in enumerate(points[:25])]
    pending = [Pending(25 + at, each) for at, each in enumerate(points[25:])]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for tid in range(30, 34):
        study = optuna.create_study(sampler=theirs(trial_seed(4, tid)))
        for each in observations:
            study.add_trial(
                optuna.create_trial(
                    params=dict(each.point), distributions=DISTRIBUTIONS, value=each.loss
                )
            )
        for each in pending:
            state = optuna.trial.TrialState.RUNNING
            study.add_trial(
                optuna.create_trial(
                    params=dict(each.point), distributions=DISTRIBUTIONS, state=state
                )
            )
        asked = study.ask()
        # In the order in which HyperOpt draws the dimensions.
        wanted = {
            each.label: asked.suggest_float(
                each.label,
                DISTRIBUTIONS[each.label].low,
                DISTRIBUTIONS[each.label].high,
                log=DISTRIBUTIONS[each.label].log,
            )
            for each in dimensions_of(PLAIN)
        }
        assert told(algo, PLAIN, observations).suggest(tid, pending) == pytest.approx(wanted)


def test_each_generation_of_cma_es_is_told_once_and_in_order(monkeypatch):
    """Its optimizer is that of the `cmaes` package, told the same generations."""
    rng = np.random.default_rng(3)
    points = [random_point(PLAIN, rng) for _ in range(40)]
    observations = [Observation(at, each, distance(each)) for at, each in enumerate(points)]
    mean, size = np.array([0.5, 0.5]), 6
    bounds = np.array([[0.0, 1.0], [0.0, 1.0]])
    mine = cmaes.CMA(mean=mean, sigma=1 / 6, bounds=bounds, n_max_resampling=20, seed=1)
    assert mine.population_size == size
    for start in range(0, 36, size):
        mine.tell(
            [
                (np.array([(p["x"] + 5) / 10, (math.log(p["y"]) + 5) / 10]), distance(p))
                for p in points[start : start + size]
            ]
        )
    drawn_from = []
    ask = cmaes.CMA.ask
    monkeypatch.setattr(cmaes.CMA, "ask", lambda self: drawn_from.append(self) or ask(self))
    # Results come in another order than trials begin.
    shuffled = [observations[at] for at in rng.permutation(40)]
    told("optuna:cmaes", PLAIN, shuffled).suggest(40, [])
    last = drawn_from[-1]
    assert last.generation == mine.generation == 6
    assert last._mean == pytest.approx(mine._mean)
    assert last._sigma == pytest.approx(mine._sigma)
    assert pytest.approx(mine._C) == last._C


@pytest.mark.parametrize("algo", rows("optuna:tpe", "optuna:cmaes", "optuna:gp"))
def test_a_search_learns_where_the_loss_is_low(algo):
    sampler = make_sampler(algo, PLAIN, seed=0, startup=8)
    losses = []
    for tid in range(60):
        point = sampler.suggest(tid, [])
        losses.append(distance(point))
        sampler.tell(Observation(tid, point, None if tid % 9 == 5 else losses[-1]))
    assert np.median(losses[40:]) < np.median(losses[:8]) / 4


def test_a_nested_space_gives_cma_es_the_numbers_that_every_trial_has():
    space = from_hyperopt(
        {
            "x": hp.uniform("x", -5, 5),
            "y": hp.loguniform("y", -5, 5),
            "kind": hp.choice("kind", ["a", {"z": hp.normal("z", 0, 1)}]),
        }
    )
    sampler = make_sampler("optuna:cmaes", space, seed=0, startup=8)
    kinds, losses = set(), []
    for tid in range(60):
        point = sampler.suggest(tid, [])
        space.check_point(point)
        kinds.add(point["kind"])
        losses.append(distance(point))
        sampler.tell(Observation(tid, point, losses[-1]))
    assert kinds == {0, 1}
    assert np.median(losses[40:]) < np.median(losses[:8]) / 4


def test_cma_es_without_two_numbers_is_refused():
    space = from_hyperopt({"x": hp.uniform("x", 0, 1), "c": hp.choice("c", [0, 1])})
    with pytest.raises(ConfigurationError, match=r"needs two numbers .* and space 'space' has 1:"):
        make_sampler("optuna:cmaes", space, seed=0, startup=1)


KINDS = {
    "uniform": (hp.uniform("x", -1, 2), FloatDistribution(-1, 2), 0.5, 0.5),
    "loguniform": (hp.loguniform("x", 0, 1), FloatDistribution(1, math.e, log=True), 2.0, 2.0),
    "quniform": (hp.quniform("x", 1, 8, 0.5), IntDistribution(2, 16), 3.5, 7),
    "qloguniform": (hp.qloguniform("x", 1, 4, 2), IntDistribution(1, 27, log=True), 6.0, 3),
    "qloguniform from 0": (hp.qloguniform("x", -2, 4, 2), FloatDistribution(0, 1), 54.0, None),
    "normal": (hp.normal("x", 3, 2), FloatDistribution(0, 1), 3.0, 0.5),
    "lognormal": (hp.lognormal("x", 0, 1), FloatDistribution(0, 1), 1.0, 0.5),
    "qnormal": (hp.qnormal("x", 4, 2, 2), FloatDistribution(0, 1), 4.0, 0.5),
    "qlognormal": (hp.qlognormal("x", 3, 1, 1), FloatDistribution(0, 1), 20.0, None),
    "randint": (hp.randint("x", 3, 7), IntDistribution(3, 6), 4, 4),
    "choice": (hp.choice("x", list("abc")), CategoricalDistribution((0, 1, 2)), 2, 2),
    "pchoice": (
        hp.pchoice("x", [(0.5, 0), (0.0, 1), (0.5, 2)]),
        CategoricalDistribution((0, 2)),
        2,
        2,
    ),
}


@pytest.mark.parametrize(("expression", "wanted", "value", "theirs"), KINDS.values(), ids=KINDS)
def test_each_distribution_has_a_counterpart(expression, wanted, value, theirs):
    space = from_hyperopt(expression)
    (dimension,) = dimensions_of(space)
    mapped = parameter_of(dimension, space.sampled[0].distribution)
    if isinstance(wanted, FloatDistribution):
        assert mapped.distribution.log == wanted.log
        ends = (mapped.distribution.low, mapped.distribution.high)
        assert ends == pytest.approx((wanted.low, wanted.high))
    else:
        assert mapped.distribution == wanted
    if theirs is not None:
        assert mapped.known(value) == pytest.approx(theirs)
    back = mapped.from_optuna(mapped.known(value))
    assert back == pytest.approx(value)
    assert type(back) is type(value)


def test_values_of_random_spaces_come_back_from_optuna_as_they_were():
    made, rng = Expressions(seed=21), np.random.default_rng(4)
    for _ in range(15):
        space = from_hyperopt(made.make())
        distributions = {each.name: each.distribution for each in space.sampled}
        mapped = {e.label: parameter_of(e, distributions[e.label]) for e in dimensions_of(space)}
        for _ in range(4):
            point = random_point(space, rng)
            for label, value in point.items():
                known = mapped[label].known(value)
                assert mapped[label].from_optuna(known) == pytest.approx(value, rel=1e-6), label


def test_an_option_of_probability_0_that_a_person_gave_is_left_out():
    space = from_hyperopt(
        {"x": hp.uniform("x", -5, 5), "c": hp.pchoice("c", [(0.5, 0), (0.0, 1), (0.5, 2)])}
    )
    given = [Observation(at, {"x": float(at), "c": at % 3}, 1.0) for at in range(5)]
    sampler = told("optuna:tpe", space, given)
    for tid in range(10, 20):
        assert sampler.suggest(tid, [])["c"] in (0, 2)
