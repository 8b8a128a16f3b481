"""A search in HyperOpt's hands: its own fmin, suggestions and figures on our trials."""

import functools
import threading

import hyperopt
import matplotlib as mpl
import numpy as np
import pytest
from hyperopt import plotting
from matplotlib import pyplot

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Result
from alignsearch.search.documents.states import TrialState
from alignsearch.search.use_cases.hyperopt_trials import SearchTrials
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.hyperopt_space import to_hyperopt
from alignsearch.workers.attempt_runner import Finished
from alignsearch.workers.objectives.rehearsal import rehearse

NEVER = threading.Event()


@pytest.fixture
def search(store, make_search, make_driver):
    """Seven results, one of them diverged, and a trial that crashed for good."""

    def objective(search, trial, link):
        if trial.tid == 2:
            return Finished(Result(status="fail", reason="loss is NaN in epoch 1"))
        if trial.tid == 5:
            raise ValueError("no images")
        return rehearse(search, trial, link)

    made = make_search(trials=7, space="wm_ad", max_attempts=1)
    make_driver(objective=objective).run(NEVER)
    return made


def test_it_is_a_trials_object_with_every_loss(store, search):
    view = SearchTrials(store, search.name)
    ours = [trial for trial in store.trials.all(search.name) if trial.state != TrialState.FAILED]
    assert isinstance(view, hyperopt.Trials)
    assert view.tids == [0, 1, 2, 3, 4, 6, 7] == [trial.tid for trial in ours]
    assert view.losses() == [trial.loss for trial in ours]
    assert view.statuses() == ["ok", "ok", "fail", "ok", "ok", "ok", "ok"]
    assert view.results[2]["failure"] == "loss is NaN in epoch 1"
    assert view.vals["beta"] == [trial.point["beta"] for trial in ours]
    assert view.idxs["beta"] == view.tids
    best = store.totals.best(search.name)
    assert (view.best_trial["tid"], view.best_trial["result"]["loss"]) == (best.tid, best.loss)
    assert view.argmin == best.point
    assert view.average_best_error() == best.loss
    for trial in view.trials:
        view.assert_valid_trial(trial)
    space = to_hyperopt(get_space("wm_ad"))
    assert hyperopt.space_eval(space, view.argmin)["train_batch_size"] in (256, 1024, 2048, 4096)


def test_it_follows_a_search_that_goes_on(store, make_search, make_driver):
    search = make_search(trials=6)
    view = SearchTrials(store, search.name)
    assert len(view) == 0
    driver = make_driver()
    interrupt = threading.Event()
    driver.run(
        interrupt, lambda: driver.history.count(TrialState.COMPLETED) >= 2 and interrupt.set()
    )
    view.refresh()
    assert 2 <= view.statuses().count("ok") < 6
    assert view.statuses().count("running") == len(
        store.trials.all(search.name, [TrialState.QUEUED])
    )
    make_driver().run(NEVER)
    view.refresh()
    assert view.statuses() == ["ok"] * 6


def test_fmin_goes_on_from_it_and_leaves_the_store_alone(store, search):
    view = SearchTrials(store, search.name)
    before = store.trials.all(search.name)
    asked = []

    def objective(point):
        asked.append(point)
        return point["sigma"] / 1e6 - 1

    best = hyperopt.fmin(
        objective,
        to_hyperopt(get_space("wm_ad")),
        algo=functools.partial(hyperopt.tpe.suggest, n_startup_jobs=3),
        max_evals=10,
        trials=view,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
    )
    assert len(asked) == 3
    # Numbers that the search itself will never use: three more of its trials may fail.
    assert view.tids[-3:] == [10, 11, 12]
    assert best == view.argmin
    assert view.best_trial["tid"] in (10, 11, 12)
    assert store.trials.all(search.name) == before


def test_hyperopts_figures_accept_it(store, search, capsys):
    view = SearchTrials(store, search.name)
    mpl.use("Agg")
    try:
        plotting.main_plot_history(view, do_show=False)
        assert len(pyplot.gca().collections[0].get_offsets()) == 6
        pyplot.figure()
        plotting.main_plot_histogram(view, do_show=False)
        assert sum(bar.get_height() for bar in pyplot.gca().patches) == 6
        pyplot.figure()
        plotting.main_plot_vars(view, do_show=False)
        titles = {axes.get_title() for axes in pyplot.gcf().axes}
        assert titles == get_space("wm_ad").sampled_names
    finally:
        pyplot.close("all")
    assert "avg best error: " in capsys.readouterr().out


def test_an_unknown_search_has_no_trials(store):
    with pytest.raises(UnknownNameError, match="no search is named 'nobody'"):
        SearchTrials(store, "nobody")
