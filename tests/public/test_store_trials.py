"""HyperOpt's `fmin` with `StoreTrials`: on a real Ray, compared with `fmin` by itself."""

import contextlib
import functools
import math
import pickle
import time

import hyperopt
import matplotlib as mpl
import numpy as np
import pytest
from hyperopt import anneal, early_stop, fmin, hp, mix, plotting, rand, space_eval, tpe
from hyperopt.exceptions import AllTrialsFailed
from matplotlib import pyplot

import alignsearch
from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.errors import ObjectiveError, StateConflictError
from alignsearch.workers import cluster

SPACE = {
    "lr": hp.loguniform("lr", -6, 0),
    "model": hp.choice(
        "model",
        [
            {"kind": "linear"},
            {"kind": "deep", "width": hp.quniform("width", 8, 64, 8), "n": hp.randint("n", 2, 5)},
        ],
    ),
    "noise": hp.normal("noise", 0, 1),
}
ALGORITHMS = {
    "rand": rand.suggest,
    "anneal": anneal.suggest,
    "tpe": functools.partial(tpe.suggest, n_startup_jobs=4, n_EI_candidates=12),
    "mix": functools.partial(
        mix.suggest, p_suggest=[(0.2, rand.suggest), (0.3, anneal.suggest), (0.5, tpe.suggest)]
    ),
}
ONE_SLOT = {"parallel": 1, "resources": "CPU=0.1"}


def make_objective():
    """A function with every kind of return value; pickled by value, as a notebook's is."""

    def objective(config):
        loss = (math.log(config["lr"]) + 3) ** 2 + abs(config["noise"])
        if config["model"]["kind"] == "deep":
            loss += config["model"]["width"] / 64 - config["model"]["n"]
        if config["noise"] > 1.2:
            return {"status": "fail", "why": "noisy"}
        if config["noise"] < -1.2:
            return float("nan")
        return {"loss": loss, "status": "ok", "layers": [config["model"]["kind"], 1]}

    return objective


@pytest.fixture(scope="module", autouse=True)
def ray():
    """One Ray for all tests, which the program has connected to by itself."""
    cluster.connect(None)
    yield
    cluster.disconnect()


@pytest.fixture
def trials_of(store_uri):
    """Make `StoreTrials` on an empty store."""
    return functools.partial(alignsearch.StoreTrials, store=store_uri)


def by_itself(seed=0, **call):
    """`fmin` without a store."""
    trials = hyperopt.Trials()
    fmin(trials=trials, rstate=np.random.default_rng(seed), verbose=False, **call)
    return trials


def points(trials):
    return [trial["misc"]["vals"] for trial in trials.trials]


def same(results, others):
    """Compare results, for which NaN equals NaN."""
    np.testing.assert_equal(results, others)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_one_slot_goes_as_fmin_by_itself_whatever_the_algorithm(trials_of, name):
    call = {
        "fn": make_objective(),
        "space": SPACE,
        "algo": ALGORITHMS[name],
        "max_evals": 30,
    }
    alone = by_itself(**call)
    trials = trials_of("compared", **ONE_SLOT)
    best = fmin(trials=trials, rstate=np.random.default_rng(0), verbose=False, **call)
    assert points(trials) == points(alone)
    same(trials.results, alone.results)
    assert best == alone.argmin
    assert trials.best_trial["tid"] == alone.best_trial["tid"]
    assert trials.tids == alone.tids
    assert space_eval(SPACE, best) == space_eval(SPACE, alone.argmin)


def test_many_slots_make_each_trial_once_and_more_calls_go_on(trials_of):
    trials = trials_of("many", parallel=4, resources="CPU=0.1")
    first = {"fn": make_objective(), "space": SPACE, "algo": rand.suggest, "verbose": False}
    fmin(trials=trials, max_evals=10, rstate=np.random.default_rng(3), **first)
    assert sorted(trials.tids) == list(range(10))
    fmin(trials=trials, max_evals=15, rstate=np.random.default_rng(3), **first)
    assert sorted(trials.tids) == list(range(15))
    # Random points depend on their seeds alone, which are drawn in order.
    assert points(trials) == points(by_itself(3, max_evals=15, **without_words(first)))
    before = [trial["refresh_time"] for trial in trials.trials]
    fmin(trials=trials, max_evals=15, rstate=np.random.default_rng(3), **first)
    assert [trial["refresh_time"] for trial in trials.trials] == before
    with alignsearch.open_search("many", store=trials._named_store) as search:
        assert search.status == "completed"
        assert search.trials()["attempts"].tolist() == [1] * 15


def without_words(call):
    return {key: value for key, value in call.items() if key != "verbose"}


def test_given_points_come_first(trials_of):
    given = [
        {"lr": 0.1, "model": 0, "noise": 0.5},
        {"lr": 0.2, "model": 1, "width": 16.0, "n": 3, "noise": -0.5},
    ]
    trials = trials_of("given", **ONE_SLOT)
    call = {"fn": make_objective(), "space": SPACE, "algo": rand.suggest, "max_evals": 5}
    fmin(trials=trials, points_to_evaluate=given, rstate=np.random.default_rng(0), **call)
    assert [{k: v[0] for k, v in point.items() if v} for point in points(trials)[:2]] == given
    alone = by_itself(**{**call, "max_evals": 3})
    assert points(trials)[2:] == points(alone)
    with pytest.raises(ConfigurationError, match=r"points_to_evaluate\[0\]"):
        fmin(trials=trials_of("bad", **ONE_SLOT), points_to_evaluate=[{"lr": 0.1}], **call)


def test_it_stops_where_fmin_stops(trials_of):
    call = {"fn": abs, "space": SPACE["noise"], "algo": rand.suggest, "max_evals": 40}
    for name, rule in {
        "patience": {"early_stop_fn": early_stop.no_progress_loss(4)},
        "threshold": {"loss_threshold": 0.2},
    }.items():
        alone = by_itself(**call, **rule)
        assert len(alone) < 40
        trials = trials_of(name, **ONE_SLOT)
        for _ in range(2):
            # The second call finds that it is over.
            fmin(trials=trials, rstate=np.random.default_rng(0), verbose=False, **call, **rule)
            assert points(trials) == points(alone)


def test_a_timeout_lets_running_trials_end(trials_of):
    def slow(x):
        time.sleep(1)
        return x

    # On a busy machine the first trial begins later than that.
    for seconds in (3, 30, 300):
        trials = trials_of(f"late-{seconds}", **ONE_SLOT)
        call = {"trials": trials, "timeout": seconds, "verbose": False}
        with contextlib.suppress(AllTrialsFailed):
            fmin(slow, SPACE["noise"], rand.suggest, 1000, **call)
        if len(trials) > 0:
            break
    # One after the other, and each takes a second.
    assert 1 <= len(trials) <= seconds + 1
    assert set(trials.statuses()) == {"ok"}


def test_an_error_ends_the_call_and_the_next_one_goes_on(trials_of):
    def fails(x):
        if x > 0:
            raise ValueError("it is positive")
        return -x

    call = {"fn": fails, "space": hp.uniform("x", -1, 1), "algo": rand.suggest, "max_evals": 8}
    trials = trials_of("failing", **ONE_SLOT)
    seeded = functools.partial(np.random.default_rng, 0)
    with pytest.raises(ObjectiveError, match="ValueError: it is positive") as raised:
        fmin(trials=trials, rstate=seeded(), verbose=False, **call)
    assert "catch_eval_exceptions" in str(raised.value)
    number = len(trials._dynamic_trials)
    with pytest.raises(ValueError, match="it is positive"):
        by_itself(**call)
    fmin(trials=trials, rstate=seeded(), verbose=False, catch_eval_exceptions=True, **call)
    alone = by_itself(catch_eval_exceptions=True, **call)
    assert points(trials) == points(alone)
    assert [each["tid"] for each in trials._dynamic_trials] == list(range(8))
    assert number < 8
    error = next(each["misc"]["error"] for each in trials._dynamic_trials if each["state"] == 3)
    assert "ValueError: it is positive" in error[1]


def test_another_function_under_the_same_name_is_refused(trials_of):
    space = hp.uniform("x", -1, 1)
    fmin(lambda x: x, space, rand.suggest, 2, trials=trials_of("mine", **ONE_SLOT), verbose=False)
    with pytest.raises(StateConflictError, match="Choose another name, or say replace_objective"):
        fmin(lambda x: -x, space, rand.suggest, 3, trials=trials_of("mine"), verbose=False)
    trials = trials_of("mine", replace_objective=True)
    fmin(lambda x: -x, space, rand.suggest, 3, trials=trials, verbose=False)
    values = [each["misc"]["vals"]["x"][0] for each in trials.trials]
    assert trials.losses() == [*values[:2], -values[2]]


def test_an_algorithm_that_raises_ends_the_call_with_its_error(trials_of):
    def broken(new_ids, domain, trials, seed):
        raise LookupError("no such prior")

    with pytest.raises(LookupError, match="no such prior"):
        fmin(
            abs,
            hp.uniform("x", -1, 1),
            broken,
            3,
            trials=trials_of("broken", **ONE_SLOT),
            verbose=False,
        )


class Experiment:
    """A user's class: its method is the objective, and it holds the trials."""

    def __init__(self, trials, shift):
        self.trials = trials
        self.shift = shift

    def run(self):
        def bound(self, config):
            return (config["x"] - self.shift) ** 2

        # By value, since a worker can't import this test.
        self.objective = functools.partial(bound, self)
        return fmin(
            self.objective,
            {"x": hp.uniform("x", -1, 1)},
            rand.suggest,
            4,
            trials=self.trials,
            rstate=np.random.default_rng(1),
            verbose=False,
        )


def test_it_is_pickled_with_its_trials_and_a_method_can_hold_it(trials_of):
    experiment = Experiment(trials_of("held", **ONE_SLOT), 0.25)
    Experiment.__module__ = "__main__"
    best = experiment.run()
    assert set(best) == {"x"}
    copy = pickle.loads(pickle.dumps(experiment.trials))
    assert copy.results == experiment.trials.results
    assert copy.argmin == best
    copy.refresh()
    assert copy.tids == [0, 1, 2, 3]


def test_attachments_and_hyperopts_figures(trials_of, capsys):
    def objective(x, ctrl=None):
        return {
            "loss": x**2,
            "status": "ok",
            "attachments": {"raw": b"\x00\xff", "text": "so"},
            "model": object(),
        }

    trials = trials_of("drawn", **ONE_SLOT)
    fmin(objective, hp.uniform("x", -1, 1), rand.suggest, 3, trials=trials, verbose=False)
    attached = trials.trial_attachments(trials.trials[0])
    assert (attached["raw"], attached["text"]) == (b"\x00\xff", "so")
    assert "model" not in trials.results[0]
    with alignsearch.open_search("drawn", store=trials._named_store) as search:
        warned = [e.detail for e in search._store.logs.events("drawn") if e.what == "trial warned"]
    assert "result['model'] is no plain data" in warned[0]
    mpl.use("Agg")
    try:
        plotting.main_plot_history(trials, do_show=False)
        plotting.main_plot_histogram(trials, do_show=False)
        plotting.main_plot_vars(trials, do_show=False)
    finally:
        pyplot.close("all")
    assert "avg best error: " in capsys.readouterr().out


def test_what_cannot_be_used_is_refused_before_anything_is_stored(trials_of, store):
    import threading

    lock = threading.Lock()

    def holds_a_lock(x):
        with lock:
            return x

    space = hp.uniform("x", -1, 1)
    with pytest.raises(ConfigurationError, match="can't be sent to workers"):
        fmin(holds_a_lock, space, rand.suggest, 3, trials=trials_of("locked"), verbose=False)
    assert store.searches.all() == []
    trials = trials_of("one", **ONE_SLOT)
    fmin(abs, space, rand.suggest, 1, trials=trials, verbose=False)
    said = r"is over another space \(x is uniform in \[-1, 1\] there, uniform in \[-2, 1\] here"
    with pytest.raises(StateConflictError, match=said):
        fmin(abs, hp.uniform("x", -2, 1), rand.suggest, 2, trials=trials, verbose=False)
    with pytest.raises(ObjectiveError, match=r"returned nothing \(None\)"):
        fmin(lambda x: None, space, rand.suggest, 2, trials=trials, verbose=False)
