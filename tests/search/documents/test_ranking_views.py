"""All that shows or keeps the best trials follows the one order of search/documents/ranking.py."""

import threading

import pytest

from alignment_core import files
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.search.documents import Constraint, checkpoint_names
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.ranking import RANKED_BY, best_of
from alignsearch.search.driver.history import History
from alignsearch.search.driver.state_retention import remove_surplus_states
from alignsearch.search.reports.best import best_column, best_trial
from alignsearch.search.use_cases.retention import excess
from alignsearch.search.use_cases.summary import read_summary

LEAST_ERROR = 0.25
"""A validation error between those of the searches' trials."""


def of_the_driver(store, search):
    history = History(store, search.name)
    history.sync()
    return history.standing().best.tid


def of_the_dashboard(store, search):
    return dashboards(store, search).standing().best.tid


def first_of_the_dashboards_ranks(store, search):
    history = dashboards(store, search)
    row = history.ranked()[0]
    tid = int(history.table["tid"][row])
    assert history.rank(tid, float(history.table["loss"][row])) == 1
    return tid


def last_improvement_of_the_dashboard(store, search):
    return dashboards(store, search).improvements[-1].tid


def dashboards(store, search):
    mirrored = MirroredTrials(search)
    last = store.trials.last_change(search.name)
    mirrored.update(store.trials.changed_records(search.name, 0, last), last)
    return mirrored


def whose_checkpoints_are_kept(store, search):
    remove_surplus_states(store, search)
    (kept,) = files.names(checkpoint_names.of_search(search))
    return int(kept)


def whose_epochs_are_kept(store, search):
    (found,) = excess(store, days=0, keep=1)
    (kept,) = {trial.id for trial in store.trials.all(search.name)} - set(found.trials)
    return store.trials.get(kept).tid


VIEWS = {
    "status": lambda store, search: read_summary(store, search.name).best.tid,
    "best": lambda store, search: best_trial(store, search.name)[1].tid,
    "export": lambda store, search: int(best_column(store, search.name).note.split()[1][:-1]),
    "store's total": lambda store, search: store.totals.best(search.name).tid,
    "store's list": lambda store, search: store.trials.best(search.name, 1)[0].tid,
    "driver": of_the_driver,
    "dashboard": of_the_dashboard,
    "dashboard's ranks": first_of_the_dashboards_ranks,
    "dashboard's improvements": last_improvement_of_the_dashboard,
    "checkpoints": whose_checkpoints_are_kept,
    "retention": whose_epochs_are_kept,
}


@pytest.fixture
def search(store, make_search, make_driver, tmp_path):
    """A completed search whose best trial isn't its first, with the checkpoints of all trials."""
    make_search("ranked", epochs=2, checkpoints=str(tmp_path), keep_checkpoints=6)
    make_driver("ranked").run(threading.Event())
    losses = {trial.loss: trial.tid for trial in store.trials.all("ranked")}
    assert losses[min(losses)] != 0
    return store.searches.get("ranked").model_copy(update={"keep_checkpoints": 1})


@pytest.fixture
def constrained(store, make_search, make_driver, tmp_path):
    """The same with a constraint that the trial with the lowest loss breaks."""
    least = Constraint(metric="validation_error", operator=">=", bound=LEAST_ERROR)
    kept = {"checkpoints": str(tmp_path), "keep_checkpoints": 6}
    make_search("ranked", epochs=2, constraints=(least,), **kept)
    make_driver("ranked").run(threading.Event())
    losses = [trial.loss for trial in store.trials.all("ranked")]
    assert min(losses) < LEAST_ERROR < max(losses)
    return store.searches.get("ranked").model_copy(update={"keep_checkpoints": 1})


@pytest.fixture
def broken_order():
    """The order of trials without their losses: the first trial is the best."""
    usual = dict(RANKED_BY)
    RANKED_BY.pop("loss")
    yield
    # In their order: the loss comes first.
    RANKED_BY.clear()
    RANKED_BY.update(usual)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_the_lowest_loss(view, store, search):
    trials = store.trials.all(search.name)
    assert VIEWS[view](store, search) == min(trials, key=lambda trial: trial.loss).tid


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_the_lowest_loss_that_keeps_the_constraints(view, store, constrained):
    kept = [trial for trial in store.trials.all("ranked") if trial.loss >= LEAST_ERROR]
    assert VIEWS[view](store, constrained) == min(kept, key=lambda trial: trial.loss).tid


def test_where_no_trial_keeps_the_constraints_each_view_says_so(store, make_search, make_driver):
    make_search("none", constraints=(Constraint(metric="validation_error", operator="<", bound=0),))
    make_driver("none").run(threading.Event())
    search, trials = store.searches.get("none"), store.trials.all("none")
    nearest = min(trials, key=lambda trial: trial.loss).tid
    assert store.totals.best("none") is None
    history = History(store, "none")
    history.sync()
    for standing in (history.standing(), store.totals.standing("none")):
        assert (standing.best, standing.named) == (None, None)
        assert standing.nearest.tid == nearest
    shown = dashboards(store, search).standing()
    assert (shown.best, shown.nearest.tid) == (None, nearest)
    assert dashboards(store, search).improvements == []
    with pytest.raises(StateConflictError, match=f"validation_error < 0.: trial {nearest} comes"):
        best_trial(store, "none")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_follows_when_the_order_is_broken(view, store, search, broken_order):
    # The driver has summed the trials up in the order that is right.
    store._db.update("counters", {"_id": search.name}, {"$unset": {"tally": ""}})
    trials = store.trials.all(search.name)
    assert VIEWS[view](store, search) == best_of(trials).tid == 0
