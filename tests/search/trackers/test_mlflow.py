"""Runs in MLflow's SQLite database, read back by MLflow's own client."""

import math

import pytest
from run_maker import GROUP, ODD, a_run

from alignsearch.search.trackers.mlflow import ENVIRONMENT, Experiment, usable
from alignsearch.search.trackers.runs import RunGroup, TrackerAwayError, TrackerRefusedError

# MLflow's own code calls what SQLAlchemy deprecates, and keeps its connections.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def client_of_ours():
    """The variables of a process that uses MLflow's client."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """A database, whose tables take seconds to be made."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'm.db'}"


@pytest.fixture
def client(uri):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def group(name):
    return RunGroup(f"0123-{name}", name, f"{name}@lab-0123-{name}")


def written(uri, group, *runs):
    tracker = Experiment(uri, group)
    for run in runs:
        tracker.write(run)
    tracker.close()


def runs_of(client, group):
    found = client.get_experiment_by_name(group.identity)
    return client.search_runs([found.experiment_id], order_by=["attribute.start_time"])


def points(client, run, name):
    history = client.get_metric_history(run.info.run_id, name)
    return [(each.step, each.value) for each in history]


def test_points_come_once_whoever_writes_them(uri, client):
    mine = group("once")
    written(uri, mine, a_run(points=(1,)), a_run(points=(1, 2)))
    written(uri, mine, a_run(points=(1, 2)), a_run(points=(1, 2, 4)))
    ended = a_run(points=(1, 2, 4, 8), state="completed")
    written(uri, mine, ended)
    written(uri, mine, ended)
    (run,) = runs_of(client, mine)
    assert points(client, run, "loss") == [(1, 1.0), (2, 0.5), (4, 0.25), (8, 0.125)]
    assert points(client, run, "result/error") == [(8, 0.25)]
    assert (run.info.status, run.info.run_name) == ("FINISHED", "mirror/3")
    assert run.data.params == {"lr": "0.1", "width": "64", "nested.bias": "True", "rule": "None"}
    assert run.data.tags["alignsearch.identity"] == GROUP.identity
    assert run.info.end_time - run.info.start_time == 60_000


def test_each_end_is_an_end_there(uri, client):
    mine = group("ends")
    ends = {
        "completed": "FINISHED",
        "pruned": "KILLED",
        "cancelled": "KILLED",
        "failed": "FAILED",
        "diverged": "FAILED",
    }
    written(uri, mine, *(a_run(tid, state=state, why="so") for tid, state in enumerate(ends)))
    found = {run.data.tags["alignsearch.state"]: run.info.status for run in runs_of(client, mine)}
    assert found == ends


def test_numbers_that_are_none_and_refused_names_are_kept(uri, client):
    mine = group("odd")
    values = {**ODD, "gap": math.nan, "ratio": math.inf}
    params = {"a@b": 1, "../x": 2, "long": "x" * 7000}
    written(uri, mine, a_run(points=(1,), values=values, params=params, state="diverged"))
    (run,) = runs_of(client, mine)
    assert math.isnan(run.data.metrics["gap"])
    # MLflow's databases have no infinity.
    assert run.data.metrics["ratio"] > 1e300
    for name, value in usable(ODD).items():
        assert run.data.metrics[name] == value
    assert set(run.data.params) == usable(params).keys()


def test_a_search_made_again_has_an_experiment_of_its_own(uri, client):
    first, second = group("again"), RunGroup("0123-other", "again", "again@lab-0123-other")
    written(uri, first, a_run())
    written(uri, second, a_run())
    assert len(runs_of(client, first)) == len(runs_of(client, second)) == 1
    # A renamed one keeps its experiment.
    written(uri, RunGroup("0123-again", "renamed", "renamed@lab-0123-again"), a_run(4))
    assert len(runs_of(client, first)) == 2


def test_many_points_and_parameters_take_several_requests(uri, client):
    mine = group("many")
    params = {f"p{number}": number for number in range(250)}
    run = a_run(points=range(1, 1501), params=params, state="completed")
    written(uri, mine, run)
    (found,) = runs_of(client, mine)
    assert len(points(client, found, "loss")) == 1500
    assert len(found.data.params) == 250


def test_one_that_is_away_says_so_in_a_line(tmp_path):
    for place in ("http://127.0.0.1:9", f"sqlite:///{tmp_path / 'none' / 'x' / 'm.db'}"):
        (tmp_path / "none").write_text("a file")
        with pytest.raises(TrackerAwayError) as away:
            written(place, group("away"), a_run())
        assert "\n" not in str(away.value)
        (tmp_path / "none").unlink()


def test_a_run_that_mlflow_refuses_is_told_from_an_outage(uri, client):
    mine = group("refused")
    tracker = Experiment(uri, mine)
    tracker.write(a_run())
    (run,) = runs_of(client, mine)
    # A person may delete it while the trial goes on.
    client.delete_run(run.info.run_id)
    with pytest.raises(TrackerRefusedError, match="active"):
        tracker.write(a_run(points=(1, 2, 3)))
    tracker.write(a_run(4))
    assert [each.info.run_name for each in runs_of(client, mine)] == ["mirror/4"]
