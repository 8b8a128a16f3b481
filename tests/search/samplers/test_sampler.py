"""Suggestions against HyperOpt's own search loop, and the tables that name the variants."""

import inspect
import math
from typing import get_args

import hyperopt
import numpy as np
import pytest
from hyperopt import tpe
from suggestions import suggest

from alignment_core.errors import UnknownNameError
from alignsearch.cli.submit import submit
from alignsearch.search.documents import Observation, Pending, Search
from alignsearch.search.pruners.pruner import PRUNERS
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.sampler import SAMPLERS, default_startup, make_sampler
from alignsearch.spaces.catalog import RUNS, SPACES
from alignsearch.spaces.configuration import contains, derive
from alignsearch.spaces.hyperopt_space import to_hyperopt, to_point

SPACE_NAMES = sorted(SPACES)


def simulated_loss(point):
    return float(sum(np.log1p(abs(float(value))) for value in point.values()))


def hyperopt_history(space, trials, seed):
    """A history as HyperOpt's own loop makes it, every seventh trial failed."""
    history = hyperopt.Trials()

    def objective(point):
        number = len(history.trials)
        if number % 7 == 6:
            return {"status": hyperopt.STATUS_FAIL}
        sampled = {key: point[key] for key in space.sampled_names}
        numbers = {key: value for key, value in sampled.items() if not isinstance(value, str)}
        return {"status": hyperopt.STATUS_OK, "loss": simulated_loss(numbers)}

    hyperopt.fmin(
        objective,
        to_hyperopt(space),
        algo=tpe.suggest,
        max_evals=trials,
        trials=history,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )
    return history


def observations(history):
    return [
        Observation(
            document["tid"],
            {key: value[0] for key, value in document["misc"]["vals"].items()},
            document["result"].get("loss"),
        )
        for document in history.trials
    ]


@pytest.mark.parametrize("name", SPACE_NAMES)
def test_tpe_returns_the_point_that_hyperopt_returns(name):
    space = SPACES[name]
    history = hyperopt_history(space, trials=30, seed=3)
    tid, seed = 30, 11
    trial_seed = int(np.random.SeedSequence([seed, tid]).generate_state(1)[0])
    domain = hyperopt.base.Domain(lambda point: 0.0, to_hyperopt(space))
    documents = tpe.suggest([tid], domain, history, trial_seed, verbose=False)
    expected = {key: value[0] for key, value in documents[0]["misc"]["vals"].items()}

    suggested = suggest(
        space, observations(history), [], tid=tid, seed=seed, algo="tpe", startup=20
    )

    assert suggested == expected


@pytest.mark.parametrize("algo", ["tpe", "random"])
@pytest.mark.parametrize("name", SPACE_NAMES)
def test_every_suggestion_lies_in_its_space(name, algo):
    space = SPACES[name]
    history: list[Observation] = []
    for tid in range(12):
        point = suggest(space, history, [], tid=tid, seed=5, algo=algo, startup=4)
        configuration = derive(space, to_point(space, point))
        assert contains(space, configuration) == []
        history.append(Observation(tid, point, None if tid % 3 == 0 else simulated_loss(point)))


def test_same_seed_and_history_suggest_the_same_and_another_seed_does_not():
    space = SPACES["ia"]
    first, again, other = (
        suggest(space, [], [], tid=0, seed=seed, algo="tpe", startup=5) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("policy", ["hyperopt", "ignore", "liar-mean", "liar-worst"])
def test_pending_trials_count_towards_the_start_up_only_as_hyperopt_has_it(policy):
    space = SPACES["wm"]
    random = [suggest(space, [], [], tid=tid, seed=0, algo="random", startup=0) for tid in range(9)]
    pending = [Pending(tid, random[tid]) for tid in range(8)]
    suggested = suggest(space, [], pending, tid=8, seed=0, algo="tpe", startup=5, policy=policy)
    assert (suggested != random[8]) == (policy == "hyperopt")


def test_tpe_learns_where_the_loss_is_low():
    """After 40 random points the next 30 lie nearer the optimum than random ones do."""
    space = SPACES["wm"]

    def loss(point):
        return (point["sigma"] - 0.2) ** 2

    history: list[Observation] = []
    for tid in range(70):
        point = suggest(space, history, [], tid=tid, seed=1, algo="tpe", startup=40)
        history.append(Observation(tid, point, loss(point)))
    random = np.mean([seen.loss for seen in history[:40]])
    learned = np.mean([seen.loss for seen in history[40:]])
    assert learned < random / 4


def test_start_up_is_hyperopts_for_a_real_budget_and_a_third_of_a_small_one():
    assert [default_startup(trials) for trials in (1, 12, 60, 300)] == [1, 4, 20, 20]


def test_searches_store_the_names_of_the_tables():
    fields = Search.model_fields
    assert get_args(fields["pending"].annotation) == tuple(PENDING_POLICIES)
    assert fields["algo"].default in SAMPLERS
    assert fields["pending"].default in PENDING_POLICIES


def test_an_unknown_sampler_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match=r"no sampler is named 'tpee'; did you mean tpe"):
        make_sampler("tpee", SPACES["wm"], seed=0, startup=1)


def test_a_stand_in_is_made_from_the_known_losses():
    kinds = {name: kind.stand_in([1.0, 2.0, 6.0]) for name, kind in PENDING_POLICIES.items()}
    assert kinds == {"hyperopt": math.inf, "ignore": None, "liar-mean": 3.0, "liar-worst": 6.0}
    kinds = {name: kind.stand_in([]) for name, kind in PENDING_POLICIES.items()}
    assert kinds == {"hyperopt": math.inf, "ignore": None} | dict.fromkeys(
        ("liar-mean", "liar-worst"), math.inf
    )


def test_the_command_line_describes_every_variant():
    options = inspect.signature(submit).parameters
    for option, table in (("algo", SAMPLERS), ("pending", PENDING_POLICIES), ("pruner", PRUNERS)):
        (described,) = options[option].annotation.__metadata__
        for name, kind in table.items():
            assert f"{name} ({kind.help})" in described.help


def test_a_list_of_runs_has_a_sampler_though_nothing_is_sampled():
    """All of its trials are stored before, but a driver makes a sampler for every search."""
    assert make_sampler("random", RUNS, seed=0, startup=0)
