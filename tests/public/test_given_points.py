"""Points, results and retries from Python, on a search whose trials a program asks for."""

import pandas as pd
import pytest
from hyperopt import hp

import alignsearch
from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.errors import StaleAttemptError, StateConflictError

SPACE = {"x": hp.uniform("x", -1, 1), "kind": hp.choice("kind", ["a", "b"])}
POINTS = [{"x": 0.25, "kind": "a"}, {"x": -0.5, "kind": "b"}]


@pytest.fixture
def search(store_uri):
    with alignsearch.Search(SPACE).submit(
        store=store_uri, trials=4, startup=2, name="asked"
    ) as opened:
        yield opened


def ask_all(search):
    configs = []
    while (trial := search.ask()) is not None:
        configs.append(trial.config)
        search.tell(trial, trial.config["x"] ** 2)
    return configs


def test_given_points_are_asked_for_first_and_once(search, tmp_path):
    given = search.enqueue(POINTS[0], POINTS)
    assert [point.number for point in given.points] == [0, 1]
    assert given.left_out == ("point 2: it is the same as point 1",)
    file = tmp_path / "points.csv"
    pd.DataFrame([*POINTS, {"x": 0.75, "kind": "a"}]).to_csv(file, index=False)
    assert len(search.enqueue_file(file).points) == 1
    configs = ask_all(search)
    assert configs[:3] == [*POINTS, {"x": 0.75, "kind": "a"}]
    assert len(configs) == 4
    assert search.status == "completed"


def test_results_from_elsewhere_are_trials_that_nobody_is_asked_for(search, tmp_path):
    file = tmp_path / "results.csv"
    pd.DataFrame([{**POINTS[0], "loss": 0.5}, {**POINTS[1], "loss": None}]).to_csv(
        file, index=False
    )
    done = search.import_results(file)
    assert (len(done.points), done.waits) == (2, False)
    assert search.best().loss == 0.5
    assert len(ask_all(search)) == 4
    frame = search.trials()
    assert len(frame) == 6
    assert search.import_results(file).points == []


def test_one_trial_is_cancelled_and_tried_again(search):
    asked = search.ask()
    search.cancel(asked.number)
    with pytest.raises(StaleAttemptError):
        search.tell(asked, 0.5)
    (again,) = search.retry(asked.number).points
    assert again.of == asked.number
    assert search.ask().config == asked.config
    with pytest.raises(StateConflictError, match=r"trial 1 .* it is running, and only one"):
        search.retry(1)


def test_points_of_another_search_and_wrong_ones_are_said(search, store_uri):
    ask_all(search)
    with alignsearch.Search(SPACE).submit(store=store_uri, trials=4, name="next") as other:
        best = search.best()
        given = other.enqueue_from("asked", top=1)
        assert [point.point for point in given.points] == [best.point]
        assert other.ask().config == best.config
        with pytest.raises(ConfigurationError, match="point 1: kind can't be c: it is one of a, b"):
            other.enqueue({"x": 0, "kind": "c"})
        with pytest.raises(ConfigurationError, match="has no published column"):
            other.enqueue_published()
