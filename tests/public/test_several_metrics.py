"""Searches of several metrics with constraints, from Python: asked, told, read and begun again."""

import json

import numpy as np
import pytest
from hyperopt import hp

import alignsearch
from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.reports.export import read_csv

SPACE = {"x": hp.uniform("x", 0, 1), "width": hp.quniform("width", 1, 8, 1)}
METRICS = {"error_rate": "minimize", "speed": "maximize", "memory": "report"}


def measured(config):
    return {
        "error_rate": (config["x"] - 0.5) ** 2 + 1 / config["width"],
        "speed": 10 - config["width"],
        "memory": config["width"],
    }


@pytest.fixture
def make(store_uri):
    """Submit a search whose trials are asked for."""
    opened = []

    def submit(name="several", *, metrics=METRICS, constraints=("memory <= 6",), **options):
        search = alignsearch.Search(SPACE, metrics=metrics, constraints=constraints)
        options = {"trials": 12, "startup": 4, "name": name, **options}
        opened.append(search.submit(store=store_uri, **options))
        return opened[-1]

    yield submit
    for each in opened:
        each.close()


def run(search):
    while (trial := search.ask()) is not None:
        search.tell(trial, measured(trial.config))
    return search


def front_by_definition(rows):
    kept = [row for row in rows if row["memory"] <= 6]
    return {
        row["tid"]
        for row in kept
        if not any(
            other["error_rate"] <= row["error_rate"]
            and other["speed"] >= row["speed"]
            and (other["error_rate"], other["speed"]) != (row["error_rate"], row["speed"])
            for other in kept
        )
    }


def test_the_front_is_the_same_by_every_reader(make):
    search = run(make())
    frame = search.trials()
    rows = frame.reset_index().to_dict("records")
    front = front_by_definition(rows)
    assert 1 < len(front) < len([row for row in rows if row["memory"] <= 6])
    best = search.best_trials()
    assert {each.number for each in best} == front == set(frame.index[frame["front"]])
    assert [each.value for each in best] == sorted(each.value for each in best)
    assert search.best().number == best[0].number
    assert best[0].metrics["speed"] == frame.loc[best[0].number, "speed"]
    assert np.allclose(frame["violation"], (frame["memory"] / 6 - 1).clip(lower=0))
    exported = read_csv(search.export("csv"))
    assert {int(title.split()[-1]) for title in exported} == front
    for title, values in exported.items():
        tid = int(title.split()[-1])
        assert {name: values[name] for name in METRICS} == {
            name: frame.loc[tid, name] for name in METRICS
        }
    columns = json.loads(search.export("json"))["columns"]
    assert [each["title"] for each in columns] == list(exported)


def test_a_metric_that_was_not_told_is_refused_and_the_trial_stays(make):
    search = make()
    trial = search.ask()
    with pytest.raises(ConfigurationError, match=r"no memory: .*error_rate, speed, memory"):
        search.tell(trial, {"error_rate": 0.1, "speed": 2.0})
    search.tell(trial, measured(trial.config))
    assert search.trials().loc[trial.number, "state"] == "completed"


def test_without_a_trial_that_keeps_the_constraints_the_nearest_is_named(make):
    search = run(make(constraints=["memory < 1"], trials=4))
    nearest = search.trials()["memory"].idxmin()
    with pytest.raises(StateConflictError, match=f"keeps .*memory < 1.: trial {nearest} comes nea"):
        search.best()
    with pytest.raises(StateConflictError, match="memory < 1"):
        search.best_trials()
    assert search.summary().best is None
    assert search.summary().to_json()["nearest"]["tid"] == nearest


def test_a_search_starts_from_another_ones_results_by_its_own_constraints(make):
    run(make("first"))
    warm = make("second", warm_start="first", constraints=["memory <= 2"], trials=30, startup=12)
    frame = run(warm).trials()
    # No start-up: its first suggestion has seen the other search's results, by its own constraint.
    assert frame["seen"][0] == 12
    assert (frame["memory"] <= 2).mean() > 0.4
    with pytest.raises(
        StateConflictError, match="for error rate, minimized: its results are of error"
    ):
        make("other", warm_start="first", metrics={"error_rate": "minimize"}, constraints=())
    with pytest.raises(StateConflictError, match="needs size: its trials don't report that"):
        make("more", warm_start="first", metrics={**METRICS, "size": "report"})


def test_a_search_goes_on_where_it_was_and_gets_more_trials(make, store_uri):
    search = make(trials=4)
    for _ in range(2):
        trial = search.ask()
        search.tell(trial, measured(trial.config))
    with alignsearch.open_search("several", store=store_uri) as again:
        assert run(again).status == "completed"
        assert len(again.trials()) == 4
        again.extend(6)
        assert len(run(again).trials()) == 6
        with pytest.raises(ConfigurationError, match="patience has no use"):
            again.extend(8, patience=2)
        with pytest.raises(StateConflictError, match="several metrics and constraints"):
            again.confirm()


def test_results_come_from_a_table_with_a_column_for_each_metric(make, tmp_path):
    search = make()
    table = tmp_path / "known.csv"
    table.write_text("x,width,error_rate,speed,memory\n0.5,4,0.25,6,4\n0.5,8,0.125,2,8\n")
    search.import_results(table)
    frame = search.trials()
    assert list(frame["speed"]) == [6, 2]
    assert [each.number for each in search.best_trials()] == [0]
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("x,width,error_rate,speed\n0.5,3,0.3,7\n")
    with pytest.raises(ConfigurationError, match="row 1: it lacks the column memory"):
        search.import_results(lacking)
    empty = tmp_path / "empty.csv"
    empty.write_text("x,width,error_rate,speed,memory\n0.5,3,0.3,7,\n")
    with pytest.raises(ConfigurationError, match="row 2 reported no memory"):
        search.import_results(empty)


def test_one_metric_with_a_constraint_has_one_best_trial(make):
    metrics = {"error_rate": "minimize", "memory": "report"}
    search = run(make(metrics=metrics))
    frame = search.trials()
    kept = frame[frame["memory"] <= 6]
    assert search.best().number == kept["error_rate"].idxmin()
    assert [each.number for each in search.best_trials()] == [kept["error_rate"].idxmin()]
    assert "front" not in frame
    assert search.search.algo == "combined"


REFUSED = {
    "no direction": (
        {"error_rate": "down"},
        (),
        "the direction is minimize or maximize, not 'down'",
    ),
    "no role": ({"error_rate": "minimize", "speed": "up"}, (), "speed: a metric is to minimize"),
    "none": ({}, (), "metrics is a dictionary with an entry a metric"),
    "a second loss": (
        {"error_rate": "minimize", "loss": "minimize"},
        (),
        "loss can't be one of several",
    ),
    "an unknown one": (
        METRICS,
        ("momory <= 3",),
        "no metric is named 'momory'; did you mean memory",
    ),
    "no constraint": (METRICS, ("memory = 3",), "'memory = 3' is no constraint"),
    "an empty range": (METRICS, ("memory <= 3", "memory >= 4"), "no memory keeps all constraints"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_metrics_and_constraints_that_cannot_be_used_are_refused(make, case):
    metrics, constraints, message = REFUSED[case]
    with pytest.raises(ConfigurationError, match=message):
        make(metrics=metrics, constraints=constraints)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algo": "tpe"}, "--algo tpe learns from one metric .*choose --algo combined"),
        ({"pruner": "median"}, "--pruner median compares trials by one metric"),
        ({"patience": 3}, "--patience has no use"),
        ({"confirm": True}, "--confirm has no use"),
        ({"constraint": "size <= 3"}, "no metric is named 'size'"),
    ],
)
def test_options_that_compare_by_one_metric_are_refused(make, options, message):
    with pytest.raises(ConfigurationError, match=message):
        make(**options)


def test_submit_names_metrics_in_place_of_the_definitions(make):
    search = make(constraints=(), metric={"error_rate": "minimize"}, constraint=["error_rate <= 9"])
    stored = search.search
    assert stored.definition.reported == ()
    assert [str(each) for each in stored.constraints] == ["error_rate <= 9"]
