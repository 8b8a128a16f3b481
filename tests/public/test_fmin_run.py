"""The parts of a call of `fmin`: its seeds, its algorithm as a sampler, and when it ends."""

import functools
import math

import hyperopt
import numpy as np
import pytest
from driving import NEVER
from hyperopt import early_stop, fmin, hp, rand, space_eval, tpe
from hyperopt.base import Domain

from alignment_core.errors import ConfigurationError
from alignsearch.fmin_run import AlgorithmSampler, Rules, Seeds, Watch
from alignsearch.fmin_space import checked_points, stored_space
from alignsearch.search.documents import Search
from alignsearch.search.documents.definition import HYPEROPT, StoredObjective
from alignsearch.search.driver.driver import Driver
from alignsearch.search.use_cases.defined import stored_definition
from alignsearch.search.use_cases.hyperopt_trials import SearchTrials
from alignsearch.spaces.definition import Definition
from alignsearch.workers.dispatchers.threads import ThreadDispatcher
from alignsearch.workers.objectives.hyperopt_domain import minimizing

SPACE = {
    "x": hp.uniform("x", -3, 3),
    "model": hp.pchoice(
        "model",
        [(0.3, "flat"), (0.7, {"width": hp.qlognormal("width", 1, 1, 2), "n": hp.randint("n", 4)})],
    ),
}


def objective(config):
    loss = config["x"] ** 2
    if isinstance(config["model"], dict):
        loss += config["model"]["width"] / 10 - config["model"]["n"]
    if config["x"] > 2.5:
        return {"status": "fail"}
    if config["x"] < -2.5:
        return {"loss": math.inf, "status": "ok"}
    return {"loss": loss, "status": "ok", "more": {"a.b": [1, config["x"]], "$c": None}}


@pytest.fixture
def run(store, store_uri):
    """Drive a search by HyperOpt's algorithm, with threads as workers; return its trials."""

    def make(algo, rstate, trials, first=0, name="f"):
        domain = Domain(objective, SPACE)
        space = stored_space(domain.expr, name)
        definition = stored_definition(
            Definition(space=space), space, StoredObjective(kind=HYPEROPT)
        )
        store.searches.create(
            Search(
                name=name,
                space=space.name,
                space_hash=space.space_hash,
                definition=definition,
                trials=trials,
                parallel=1,
                seed=0,
                algo="fmin",
                startup=0,
                created_by="a test",
            )
        )
        view = SearchTrials(store, name)
        sampler = AlgorithmSampler(algo, domain, view, Seeds(rstate, first))
        Driver(
            store,
            name,
            lambda search: ThreadDispatcher(search, store_uri, minimizing(domain)),
            owner="a test",
            sampler=sampler,
        ).run(NEVER)
        view.refresh()
        return view

    return make


@pytest.mark.parametrize(
    "algo", [rand.suggest, functools.partial(tpe.suggest, n_startup_jobs=5, gamma=0.5)]
)
def test_a_driver_with_one_slot_goes_as_fmin(run, algo):
    alone = hyperopt.Trials()
    call = {"algo": algo, "max_evals": 25, "trials": alone, "verbose": False}
    best = fmin(objective, SPACE, rstate=np.random.default_rng(2), **call)
    trials = run(algo, np.random.default_rng(2), 25)
    assert [each["misc"]["vals"] for each in trials.trials] == [m["vals"] for m in alone.miscs]
    np.testing.assert_equal(trials.results, alone.results)
    assert trials.argmin == best
    assert space_eval(SPACE, trials.argmin) == space_eval(SPACE, best)


def test_seeds_are_those_of_fmin_in_whatever_order_they_are_asked_for():
    drawn = np.random.default_rng(7).integers(2**31 - 1, size=5).tolist()
    seeds = Seeds(np.random.default_rng(7), first=3)
    assert [seeds.of(tid) for tid in (6, 3, 7, 6)] == [drawn[3], drawn[0], drawn[4], drawn[3]]


def test_a_watch_replays_what_ended_before(store, run):
    trials = run(rand.suggest, np.random.default_rng(0), 12)
    losses = [loss for loss in trials.losses() if loss is not None]
    seen = []

    def patient(so_far, *state):
        seen.append(len(so_far))
        return early_stop.no_progress_loss(3)(_with_losses(so_far), *state)

    watch = Watch(trials, Rules(early_stop=patient))
    # As often as trials have ended, each time with those that had ended by then.
    assert seen == list(range(1, 13))
    assert watch.best == min(losses)
    assert watch.ended == 12
    assert watch.failed is None
    assert Watch(trials, Rules(loss_threshold=min(losses) + 0.1)).is_over
    assert not Watch(trials, Rules(loss_threshold=min(losses))).is_over
    assert Watch(trials, Rules(timeout=1e-9)).is_over
    assert not Watch(trials, Rules(timeout=1e9)).is_over


def _with_losses(trials):
    for trial in trials.trials:
        trial["result"].setdefault("loss", math.inf)
    return trials


def test_objects_as_options_are_stored_by_name():
    class Net:
        pass

    space = {
        "net": hp.choice("net", [Net, (abs, hp.normal("y", 0, 1))]),
        "log": hyperopt.pyll.scope.log(hp.uniform("z", 1, 2)),
    }
    stored = stored_space(space, "named")
    assert [each.name for each in stored.sampled] == ["z", "net", "y"]
    config = stored.resolve({"net": 0, "z": 1.5})
    assert config["net"].endswith("Net")
    assert config["log"] == math.log(1.5)
    assert stored.resolve({"net": 1, "y": 0.25, "z": 1.5})["net"] == ("builtins.abs", 0.25)


def test_points_to_evaluate_are_checked():
    space = stored_space(SPACE, "s")
    (point,) = checked_points(space, [{"x": np.float64(1), "model": [1], "width": 2, "n": 3}])
    assert point == {"x": 1.0, "model": 1, "width": 2, "n": 3}
    for wrong in ({"x": 1.0}, {"x": 1.0, "model": 0, "width": 2.0}, {"x": "a", "model": 0}):
        with pytest.raises(ConfigurationError, match=r"^points_to_evaluate\[0\]: "):
            checked_points(space, [wrong])
