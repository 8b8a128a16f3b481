"""Trials as runs of tracking tools, whatever the tool."""

import math
import sys
from datetime import UTC, datetime, timedelta

import pytest
from epoch_maker import an_epoch

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Attempt, Trial
from alignsearch.search.trackers import mlflow, tensorboard, wandb
from alignsearch.search.trackers.runs import flat, points_of
from alignsearch.search.trackers.table import TRACKERS, check_installed

BEGUN = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_nested_configuration_is_flat_and_loses_nothing():
    nested = {"a": {"b": [1, None]}, "a.b.0": "same name", "empty": {}, "on": True, "lr": 1e-3}
    assert flat(nested) == {
        **{"a.b.0": 1, "a.b.1": "None", "a.b.0_": "same name"},
        **{"empty": "{}", "on": True, "lr": 1e-3},
    }
    assert flat(0.5) == {"config": 0.5}
    assert flat(None) == {"config": "None"}


def test_a_step_that_two_attempts_reached_is_the_first_ones_and_times_stay():
    def attempt(number):
        about = {"owner": "w", "token": "0", "host": "n", "accelerator": "cpu"}
        return Attempt(number=number, started_at=BEGUN + timedelta(hours=number), **about)

    trial = Trial(id="s/0", search="s", tid=0, attempts={str(n): attempt(n) for n in (1, 2)})
    epochs = [
        an_epoch("s/0", attempt=number, epoch=epoch).model_copy(
            update={"loss": 10.0 * number + epoch, "seconds": 2.0, "metrics": {"gap": math.nan}}
        )
        for number, epoch in ((2, 3), (2, 2), (1, 1), (1, 2))
    ]
    points = points_of(trial, epochs, BEGUN)
    assert [(point.step, point.values["loss"]) for point in points] == [(1, 11), (2, 12), (3, 23)]
    assert [(point.at - BEGUN).total_seconds() for point in points] == [3602, 3604, 7204]
    assert math.isnan(points[0].values["gap"])


@pytest.mark.parametrize("tool", TRACKERS)
def test_a_package_that_is_missing_is_said_with_the_extra_that_brings_it(tool, monkeypatch):
    monkeypatch.setitem(sys.modules, TRACKERS[tool].packages[0], None)
    with pytest.raises(ConfigurationError) as refused:
        check_installed(tool, "http://lab")
    assert f"pip install 'alignsearch[{tool}]'" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_place_is_whole_and_has_no_password(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tensorboard.check("runs") == str(tmp_path / "runs")
    assert mlflow.check("sqlite:///m.db") == f"sqlite:///{tmp_path}/m.db"
    for uri in ("http://lab:5000", "postgresql+psycopg://ann@lab/mlflow"):
        assert mlflow.check(uri) == uri
    assert wandb.check("team/project 1") == "team/project 1"
    for check, place in (
        *((tensorboard.check, place) for place in ("gs://bucket/runs", "s3://x/y")),
        *((mlflow.check, uri) for uri in ("runs", "ftp://lab", "http://", "sqlite://", "http://[")),
        *((mlflow.check, uri) for uri in ("http://a:secret@lab", "mysql://a:secret@lab/db")),
        *((wandb.check, name) for name in ("", "a/b/c", "../x", "a\nb", "x" * 200)),
    ):
        with pytest.raises(ConfigurationError) as refused:
            check(place)
        assert "secret" not in str(refused.value)


def test_names_that_mlflow_refuses_are_replaced_by_others_that_differ():
    odd = ("a@b", "a#b", "../x", "/x", "x//y", "..", "", " ", "x" * 300)
    usual = ("loss", "angle/conv 1", "a.b-c_d", "ä")
    found = mlflow.usable(dict.fromkeys((*odd, *usual), 0))
    assert len(found) == len(odd) + len(usual)
    assert set(usual) <= found.keys()
    assert not set(odd) & found.keys()
    assert max(map(len, found)) <= 250
