"""Searches over a function of one's own, from Python, on a real Ray and a real store."""

import sys
import threading

import numpy as np
import pandas as pd
import pytest
from driving import wait_until
from hyperopt import hp

import alignsearch
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import NameTakenError, StateConflictError
from alignsearch.workers import cluster

SPACE = {
    "lr": hp.loguniform("lr", -6, 0),
    "net": hp.choice("net", ["flat", {"width": hp.uniformint("width", 8, 64)}]),
    "steps": hp.quniform("steps", 2, 4, 1),
}
SMALL = {"parallel": 2, "resources": "CPU=0.1", "show": False}


def make_objective(bonus=0.0):
    """A closure, which no module has."""

    def objective(config, trial):
        accuracy = bonus - abs(config["lr"] - 0.1)
        if isinstance(config["net"], dict):
            accuracy += config["net"]["width"] / 100
        for step in range(int(config["steps"])):
            trial.report(step, accuracy=accuracy - 1 / (step + 1))
        return {"accuracy": accuracy, "status": "ok", "size": config["steps"] * 2}

    return objective


@pytest.fixture(scope="module", autouse=True)
def ray():
    """One Ray for all tests, which the program has connected to by itself."""
    cluster.connect(None)
    yield
    cluster.disconnect()


@pytest.fixture
def define():
    """Define a search that maximizes an accuracy."""

    def make(objective=None, **fields):
        fields = {"metric": "accuracy", "direction": "maximize", **fields}
        return alignsearch.Search(SPACE, objective or make_objective(), **fields)

    return make


def test_a_closure_is_searched_and_read_as_frames(define, store_uri):
    with define(title="Mine").run(name="mine", trials=6, store=store_uri, **SMALL) as found:
        assert found.status == "completed"
        frame = found.trials()
        epochs = found.epochs()
        best = found.best()
        table = found.export("csv")
        shown = repr(found), found._repr_html_()
    assert frame.index.tolist() == list(range(6))
    wide = frame["width"].notna()
    accuracy = -(frame["lr"] - 0.1).abs() + frame["width"].fillna(0).astype(float) / 100
    assert frame["accuracy"].tolist() == accuracy.tolist()
    assert frame["loss"].tolist() == (-accuracy).tolist()
    assert frame["size"].tolist() == (frame["steps"] * 2).tolist()
    assert str(frame["width"].dtype) == "Int64"
    assert isinstance(frame["net"].dtype, pd.CategoricalDtype)
    assert (frame["net"].astype(str) == "flat").tolist() == (~wide).tolist()
    assert isinstance(frame["state"].dtype, pd.CategoricalDtype)
    assert frame["finished"].dtype.tz is not None
    assert (frame["finished"] >= frame["started"]).all()
    assert epochs.index.names == ["tid", "attempt", "epoch"]
    last = epochs.groupby(level="tid")["accuracy"].last()
    expected = accuracy - 1 / frame["steps"]
    assert last.tolist() == expected.tolist()
    assert best.number == int(np.argmax(accuracy))
    assert best.value == accuracy.max() == -best.loss
    assert best.config["lr"] == frame["lr"][best.number]
    assert repr(best.config["lr"]) in table
    assert shown[0] == "<search mine: completed, 6 of 6 trials>"
    assert "completed" in shown[1]


def test_the_same_name_goes_on_and_another_search_is_refused(define, store_uri):
    mine = define()
    mine.run(name="mine", trials=2, store=store_uri, **SMALL).close()
    with mine.run(name="mine", trials=4, store=store_uri, **SMALL) as found:
        frame = found.trials()
    assert len(frame) == 4
    with mine.run(name="mine", trials=4, store=store_uri, **SMALL) as found:
        pd.testing.assert_frame_equal(found.trials(), frame)
    with pytest.raises(StateConflictError, match="seed 0, not 1"):
        mine.run(name="mine", seed=1, store=store_uri, **SMALL)
    with pytest.raises(StateConflictError, match="the metric 'accuracy, maximized', not"):
        define(metric="score").run(name="mine", store=store_uri, **SMALL)
    with pytest.raises(NameTakenError):
        mine.submit(name="mine", store=store_uri)


def test_another_function_or_space_under_the_same_name_is_refused(define, store_uri, store):
    define(lambda config: config["lr"]).run(name="mine", trials=2, store=store_uri, **SMALL).close()
    changed = define(lambda config: -config["lr"])
    with pytest.raises(StateConflictError, match="results of another version of <lambda>"):
        changed.run(name="mine", trials=3, store=store_uri, **SMALL)
    assert store.searches.get("mine").trials == 2
    with changed.run(
        name="mine", trials=3, store=store_uri, replace_objective=True, **SMALL
    ) as found:
        frame = found.trials()
    assert frame["accuracy"].tolist() == [*frame["lr"][:2], -frame["lr"][2]]
    assert "objective replaced" in [each.what for each in store.logs.events("mine")]
    other = alignsearch.Search({**SPACE, "lr": hp.loguniform("lr", -5, 0)}, make_objective())
    with pytest.raises(StateConflictError) as refused:
        other.run(name="mine", trials=3, store=store_uri, **SMALL)
    assert (
        "another space (lr is log-uniform in [0.00247875, 1] there, log-uniform in "
        "[0.00673795, 1] here)" in str(refused.value)
    )


def test_a_function_that_returns_nothing_is_mended_under_its_name(define, store_uri):
    with define(lambda config: None).run(name="mine", trials=4, store=store_uri, **SMALL) as found:
        assert found.status == "failed"
        # Warm workers may have ended further ones before the driver looked.
        assert set(found.trials()["state"]) <= {"failed", "cancelled"}
    mended = define(lambda config: config["lr"])
    with pytest.raises(StateConflictError) as refused:
        mended.run(name="mine", trials=4, store=store_uri, **SMALL)
    assert "has failed: its objective gives no result: " in str(refused.value)
    assert "<lambda> returned nothing (None)" in str(refused.value)
    assert "`alignsearch retry mine`" in str(refused.value)
    with alignsearch.open_search("mine", store=store_uri) as found:
        found.retry()
    with mended.run(name="mine", trials=4, store=store_uri, **SMALL) as found:
        frame = found.trials()
        assert found.status == "completed"
    done = frame[frame["state"] == "completed"]
    assert done["accuracy"].tolist() == done["lr"].tolist()
    assert len(done) == 4


def test_options_are_those_of_submit_with_its_checks(define, store_uri, store):
    mine = define()
    with pytest.raises(ConfigurationError, match="trials must be at least 1, not 0"):
        mine.submit(trials=0, store=store_uri)
    with pytest.raises(ConfigurationError, match="did you mean trials"):
        mine.submit(trails=3, store=store_uri)
    with pytest.raises(ConfigurationError, match="resources"):
        mine.submit(resources={"CPU": -1}, store=store_uri)
    assert store.searches.all() == []


def test_a_stored_search_waits_for_its_objective_and_goes_on_with_it(define, store_uri):
    with define().submit(name="left", trials=3, store=store_uri, resources="CPU=0.1"):
        pass
    with alignsearch.open_search("left", store=store_uri) as left:
        waits = left.summary().waits_for
        assert "its objective, which process" in waits
        assert "alignsearch.resume('left', objective)" in waits
        with pytest.raises(StateConflictError, match="its objective"):
            left.wait()
        with pytest.raises(StateConflictError, match="needs its objective"):
            left.run(show=False)
        assert left.status == "queued"
    with alignsearch.resume("left", make_objective(), store=store_uri, show=False) as left:
        assert left.status == "completed"
        assert left.trials()["state"].tolist() == ["completed"] * 3


def test_a_function_of_a_module_needs_nobody_to_hand_it(store_uri, tmp_path, monkeypatch):
    code = "def square(config):\n    return config['lr'] ** 2\n"
    (tmp_path / "my_objective_module.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_objective_module

    mine = alignsearch.Search(SPACE, my_objective_module.square)
    assert mine.definition.source.kind == "module"
    with mine.submit(name="named", trials=2, store=store_uri, resources="CPU=0.1"):
        pass
    with alignsearch.resume("named", store=store_uri, show=False) as found:
        assert found.trials()["loss"].tolist() == (found.trials()["lr"] ** 2).tolist()
    del sys.modules["my_objective_module"]


def test_it_is_steered_and_waited_for(define, store_uri):
    def slow(config, trial):
        import time

        while not trial.should_stop():
            time.sleep(0.05)

    submitted = define(slow).submit(
        name="steered", trials=4, parallel=1, store=store_uri, resources="CPU=0.1"
    )
    driving = threading.Thread(target=lambda: submitted.run(show=False), daemon=True)
    driving.start()
    with alignsearch.open_search("steered", store=store_uri) as seen:
        wait_until(lambda: seen.summary().busy == 1, 300)
        seen.pause()
        assert seen.status == "paused"
        seen.resume()
        assert seen.wait(0.1, show=False) == "running"
        seen.cancel()
        assert seen.wait(show=False) == "cancelled"
        driving.join(300.0)
        assert not driving.is_alive()
        with pytest.raises(StateConflictError, match="no trial of it finished"):
            seen.best()
    submitted.close()


def test_an_unknown_search_is_named(store_uri, store):
    with pytest.raises(UnknownNameError, match="no search is named 'none'"):
        alignsearch.open_search("none", store=store_uri)
