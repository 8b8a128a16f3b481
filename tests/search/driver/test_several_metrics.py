"""A driven search of several metrics: its trials report all, and a copy has the same front."""

import json
import threading

import pytest

from alignsearch.search.documents import (
    Constraint,
    StoredDefinition,
    StoredMetric,
    StoredObjective,
    StoredSource,
    measured,
    metrics_of,
    observation_of,
)
from alignsearch.search.reports.best import front_of_search
from alignsearch.search.store.dump import check, dump, load
from alignsearch.spaces.catalog import get_space

LEAST = Constraint(metric="memory", operator=">=", bound=0.1)


@pytest.fixture
def search(store, make_search):
    """A rehearsal of two metrics with a direction, and of one without."""
    definition = StoredDefinition(
        source=StoredSource(kind="shipped", address="wm"),
        objective=StoredObjective(kind="rehearsal"),
        metric=StoredMetric(name="accuracy", label="accuracy", direction="maximize"),
        further=(StoredMetric(name="step_ms", label="step ms", direction="minimize"),),
        reported=("memory",),
        space=json.dumps(get_space("wm").to_data()),
    )
    fields = {"definition": definition, "algo": "combined", "trials": 12, "constraints": (LEAST,)}
    return make_search("two", **fields)


def test_each_trial_reports_all_metrics_and_a_copy_has_the_same_front(
    store, search, make_driver, tmp_path
):
    make_driver("two").run(threading.Event())
    trials = store.trials.all("two")
    assert len(trials) == 12
    values = [measured(search, trial) for trial in trials]
    assert all(list(each) == ["accuracy", "step_ms", "memory"] for each in values)
    assert [bool(trial.violation) for trial in trials] == [each["memory"] < 0.1 for each in values]
    told = [observation_of(trial, metrics_of(search)) for trial in trials]
    assert [each.losses for each in told] == [(-v["accuracy"], v["step_ms"]) for v in values]
    _, front = front_of_search(store, "two")
    kept = [each for each in values if each["memory"] >= 0.1]
    assert max(kept, key=lambda each: each["accuracy"]) == measured(search, front[0])
    dump(store, "two", tmp_path / "two.dump")
    assert load(store, check(tmp_path / "two.dump"), name="copy") == "copy"
    copied, again = front_of_search(store, "copy")
    assert [trial.tid for trial in again] == [trial.tid for trial in front]
    assert copied.constraints == (LEAST,)
