"""A search over nested choices, driven to its end by threads, whatever is stored of it."""

import collections
import io
import json
import re
from functools import partial
from uuid import uuid4

import hyperopt
import pandas as pd
import pytest
from driving import NEVER, CountingDispatcher
from hyperopt import plotting
from matplotlib import pyplot
from nested_search import (
    ALWAYS,
    LABELS,
    SPACE,
    STEPS,
    a_rehearsal,
    a_search,
    accuracy,
    expression,
    score,
)

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.reports.export import read_csv, read_json
from alignsearch.search.reports.importance import importance
from alignsearch.search.store import Store
from alignsearch.search.store.dump import check, dump, load
from alignsearch.search.use_cases.hyperopt_trials import SearchTrials
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.workers.objectives.rehearsal import final_loss

TRIALS = 40


def drive(store, uri, name, **options):
    def dispatch(search):
        return CountingDispatcher(search, uri, **options)

    return Driver(store, name, dispatch, owner="the driver").run(NEVER)


@pytest.fixture(scope="module")
def done_uri(server_uri):
    """The URI of a store with one finished search, which the tests here only read."""
    uri = f"{server_uri.rstrip('/')}/test_{uuid4().hex}"
    with Store.connect(uri) as opened:
        opened.searches.create(a_search(trials=TRIALS))
        assert drive(opened, uri, "nested", objective=score) == Outcome.FINISHED
    return uri


@pytest.fixture
def done(done_uri):
    with Store.connect(done_uri) as opened:
        yield opened


@pytest.fixture
def search(done):
    return done.searches.get("nested")


def test_each_point_has_its_active_dimensions_and_its_configuration(done, search):
    trials = done.trials.all(search.name)
    assert (search.status, len(trials)) == (SearchStatus.COMPLETED, TRIALS)
    for trial in trials:
        SPACE.check_point(trial.point)
        assert set(trial.point) == set(SPACE.active(trial.point))
        assert ALWAYS <= set(trial.point) < set(LABELS)
        resolved = SPACE.resolve(trial.point)
        assert json.dumps(trial.config) == json.dumps(resolved)
        assert trial.loss == -accuracy(trial.point)
    # TPE took over from the random start, and no branch was forgotten.
    seen = collections.Counter(trial.config["model"]["kind"] for trial in trials)
    assert set(seen) == {"machine", "forest"}
    assert any(trial.seen >= search.startup for trial in trials)


def test_one_slot_repeats_the_search_exactly(store, store_uri):
    points = []
    for name in ("one", "again"):
        store.searches.create(a_search(name, trials=25, parallel=1))
        drive(store, store_uri, name, objective=score)
        points.append([trial.point for trial in store.trials.all(name)])
    assert points[0] == points[1]
    assert any(trial.seen == 20 for trial in store.trials.all("one"))


def test_steps_are_stored_with_their_metrics(done, search):
    trial = done.trials.all(search.name)[0]
    epochs = done.logs.epochs(trial.id)
    assert tuple(epoch.epoch for epoch in epochs) == STEPS
    assert epochs[-1].metrics == {"accuracy": accuracy(trial.point), "seconds.of $cpu": 0.5}
    assert trial.progress.value == epochs[-1].metrics["accuracy"]
    assert trial.progress.epochs is None


def test_the_best_is_the_highest_accuracy(done, search):
    summary = read_summary(done, search.name)
    highest = max(accuracy(trial.point) for trial in done.trials.all(search.name))
    assert summary.best_value == highest
    assert summary.best_loss == -highest
    told = summary.to_json()
    assert (told["metric"], told["direction"], told["dataset"]) == ("accuracy", "maximize", None)
    assert told["best"]["value"] == highest
    assert summary.chance is None


def test_hyperopts_view_has_an_empty_list_where_a_dimension_is_inactive(done, search, capsys):
    view = SearchTrials(done, search.name)
    trials = done.trials.all(search.name)
    assert set(view.vals) == set(LABELS)
    for label in LABELS:
        active = [trial for trial in trials if label in trial.point]
        assert view.idxs[label] == [trial.tid for trial in active]
        assert view.vals[label] == [trial.point[label] for trial in active]
    for trial in view.trials:
        view.assert_valid_trial(trial)
    assert view.argmin == min(trials, key=lambda trial: trial.loss).point
    assert view.best_trial["result"]["loss"] == read_summary(done, search.name).best_loss
    try:
        plotting.main_plot_history(view, do_show=False)
        pyplot.figure()
        plotting.main_plot_vars(view, do_show=False)
        titles = {axes.get_title() for axes in pyplot.gcf().axes}
        assert set(LABELS) <= titles
    finally:
        pyplot.close("all")
    assert "avg best error" in capsys.readouterr().out


def test_hyperopts_own_suggestions_go_on_from_it(done, search):
    view = SearchTrials(done, search.name)
    asked = []

    def objective(config):
        asked.append(config["model"]["kind"])
        return 0.0

    hyperopt.fmin(
        objective,
        expression(),
        algo=hyperopt.tpe.suggest,
        max_evals=TRIALS + 3,
        trials=view,
        show_progressbar=False,
        verbose=False,
    )
    assert len(asked) == 3


def test_importance_is_of_the_dimensions_that_matter(done, search):
    trials = done.trials.all(search.name)
    points, losses = [trial.point for trial in trials], [trial.loss for trial in trials]
    found = importance(SPACE, points, losses)
    assert {share.metaparameter for share in found.shares} == set(LABELS)
    assert found.scored == TRIALS
    # A dimension that was never active has no share.
    machines = [(p, loss) for p, loss in zip(points, losses, strict=True) if p["model"] == 0]
    shares = importance(SPACE, *zip(*machines, strict=True)).shares
    assert not {"trees", "depth", "$deepest"} & {share.metaparameter for share in shares}


def test_a_dump_brings_every_key_into_another_store(done, search, tmp_path, other):
    dump(done, search.name, tmp_path / "nested.jsonl.gz")
    assert load(other, check(tmp_path / "nested.jsonl.gz")) == search.name
    copy = other.searches.get(search.name)
    # Its identity is its own.
    own = {name: getattr(copy, name) for name in ("token", "inherits", "place")}
    assert copy == search.model_copy(update=own)
    assert own["token"] != search.token
    assert other.trials.all(search.name) == done.trials.all(search.name)
    first = done.trials.all(search.name)[0].id
    assert other.logs.epochs(first) == done.logs.epochs(first)


@pytest.fixture
def other(server_uri):
    with Store.connect(f"{server_uri.rstrip('/')}/test_{uuid4().hex}") as opened:
        yield opened


def test_pruning_compares_reports_whatever_their_steps_are(store, store_uri):
    pruning = Pruning(pruner="asha", reduction=2)
    search = store.searches.create(a_search("pruned", trials=12, parallel=4, pruning=pruning))
    drive(store, store_uri, search.name, objective=partial(score, repeated=8, pause=0.25))
    trials = store.trials.all(search.name)
    pruned = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        reported = [epoch.metrics["accuracy"] for epoch in store.logs.epochs(trial.id)]
        assert trial.loss == -reported[-1]
        value, epoch = re.match(r"asha: (\S+) after epoch (\d+) ", trial.result.reason).groups()
        assert float(value) == pytest.approx(reported[int(epoch) - 1], abs=5.1e-5)
    assert read_summary(store, search.name).best.state is TrialState.COMPLETED


def test_any_space_can_be_rehearsed(store, store_uri):
    search = store.searches.create(a_rehearsal("rehearsed", trials=12))
    assert drive(store, store_uri, search.name) == Outcome.FINISHED
    for trial in store.trials.all(search.name):
        assert trial.loss == final_loss(SPACE, trial.point)
        epochs = store.logs.epochs(trial.id)
        assert [epoch.epoch for epoch in epochs] == [1, 2]
        assert epochs[-1].metrics["accuracy"] == -trial.loss


def test_every_reading_command_shows_it(shell, done, done_uri, search):
    here = ("--store", done_uri)
    best = done.totals.best(search.name)
    highest = f"{accuracy(best.point):.4f}"
    assert f"{highest} (trial {best.tid})" in shell.ok("status", search.name, *here)
    assert "accuracy, maximized" in shell.ok("status", search.name, *here)
    assert highest in shell.ok("status", *here)
    assert f"trial {best.tid}, accuracy {highest}; mine.py:search." in shell.ok(
        "best", search.name, *here
    )
    shown = shell.ok("show", search.name, str(best.tid), *here)
    assert "seconds.of $cpu" in shown
    text = shell.ok("trials", search.name, "--csv", *here)
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert list(table.columns)[-len(LABELS) :] == LABELS
    for trial in done.trials.all(search.name):
        row = table[table["tid"] == str(trial.tid)].iloc[0]
        assert float(row["accuracy"]) == accuracy(trial.point)
        assert {label for label in LABELS if row[label]} == set(trial.point)
        assert row["depth"] == str(SPACE.values(trial.point).get("depth", ""))
    values = SPACE.values(best.point)
    read = read_csv(shell.ok("export", search.name, "--format", "csv", *here))
    assert read == {search.name: values}
    exact = read_json(shell.ok("export", search.name, "--format", "json", *here))
    assert exact == {search.name: best.config}
    for format_ in ("markdown", "latex"):
        assert "Continuous values are rounded" in shell.ok(
            "export", search.name, "--format", format_, *here
        )
