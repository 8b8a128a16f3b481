"""Trials of a search as runs of tracking tools, written from a real store."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from epoch_maker import an_epoch

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.documents.tracked import Tracked
from alignsearch.search.use_cases import tracking
from alignsearch.search.use_cases.tracking import Follower
from alignsearch.search.use_cases.whole_search import delete

ROOT = Path(__file__).parents[3]
DRIVER = """
import sys, threading, time
from alignsearch.search.store import Store
from alignsearch.search.use_cases.beside_driving import beside_driving
with Store.connect(sys.argv[1]) as store:
    never = threading.Event()
    with beside_driving(store, sys.argv[1], "driver@lab", interrupt=never, only=sys.argv[2]):
        while store.searches.get(sys.argv[2]).status == "running":
            time.sleep(0.1)
"""


@pytest.fixture
def runs(tmp_path):
    """The folder of TensorBoard's files."""
    return tmp_path / "runs"


@pytest.fixture
def running(store, make_search_in, runs):
    """A search that runs, with TensorBoard as its tool."""
    name = f"seen-{uuid.uuid4().hex[:8]}"
    make_search_in(store, name, trackers={"tensorboard": Tracked(place=str(runs))})
    return store.searches.change(name, SearchStatus.RUNNING, "driver")


def begin(store, search, tid, epochs=0):
    config = {"lr": 0.1 * (tid + 1), "net": {"layers": [8, 4], "bias": None}}
    trial = store.trials.add(
        Trial(id=f"{search.name}/{tid}", search=search.name, tid=tid, config=config)
    )
    about = {"ttl": 600.0, "host": "n", "accelerator": "cpu", "versions": {}, "slot": 0}
    lease = store.attempts.begin(trial.id, "worker", **about).lease
    for epoch in range(1, epochs + 1):
        report(store, trial, lease, epoch)
    return trial, lease


def report(store, trial, lease, epoch):
    made = an_epoch(trial.id, epoch=epoch).model_copy(update={"loss": 1.0 / epoch})
    store.attempts.record_epoch(trial.id, 1, lease.token, made)


def end(store, trial, lease, **result):
    made = Result(**{"status": "ok", "loss": 0.25, **result})
    store.attempts.finish(trial.id, 1, lease.token, made)


@pytest.fixture
def follower(store):
    """A function that makes a follower, which is closed before its store is."""
    made = []

    def make(opened, search, tool="tensorboard"):
        made.append(Follower(opened, search, tool, "driver@lab"))
        return made[-1]

    yield make
    for each in made:
        each.close()


def until(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def losses(runs, search, tid):
    """Return the steps of a trial's loss in its event files, and what they say of its end."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = runs / str(search.identity) / f"{tid:05d}"
    if not folder.is_dir():
        return None
    found = EventAccumulator(str(folder), size_guidance={})
    found.Reload()
    steps = (
        [event.step for event in found.Scalars("loss")] if "loss" in found.Tags()["scalars"] else []
    )
    ends = (
        [e.tensor_proto.string_val[0].decode() for e in found.Tensors("state")]
        if ("state" in found.Tags()["tensors"])
        else []
    )
    return steps, ends


def events(store, search):
    return [each.what for each in store.logs.events(search.name)]


def test_trials_are_written_as_they_train_and_by_whoever_follows_once(
    store, running, runs, follower
):
    first = follower(store, running)
    trial, lease = begin(store, running, 0, epochs=2)
    store.trials.add(Trial(id=f"{running.name}/1", search=running.name, tid=1))
    assert first.round(store.searches.get(running.name)) == 0
    assert losses(runs, running, 0) == ([1, 2], [])
    # A trial that waits is no run.
    assert losses(runs, running, 1) is None
    report(store, trial, lease, 3)
    # Another process waits for the first one's lease.
    second = follower(store, running)
    assert second.round(store.searches.get(running.name)) == 1
    first.close()
    assert second.round(store.searches.get(running.name)) == 0
    end(store, trial, lease)
    for _ in range(2):
        assert second.round(store.searches.get(running.name)) == 0
    assert losses(runs, running, 0) == ([1, 2, 3], ["completed"])
    second.close()


def test_each_end_of_a_trial_is_told(store, running, runs, follower):
    follow = follower(store, running)
    end(store, *begin(store, running, 0, epochs=1), status="fail", loss=None, reason="it is NaN")
    trial, lease = begin(store, running, 1)
    store.attempts.crash(trial.id, 1, lease.token, "Error: no memory", retry=False, max_attempts=1)
    store.attempts.cancel(begin(store, running, 2)[0].id, "it is not wanted")
    trial, lease = begin(store, running, 3, epochs=1)
    store.attempts.request_prune(trial.id, 1, lease.token, "asha")
    store.attempts.prune(trial.id, 1, lease.token, Result(status="ok", loss=0.9, reason="asha"))
    follow.round(store.searches.get(running.name))
    follow.close()
    said = [losses(runs, running, tid)[1] for tid in range(4)]
    assert said == [
        ["diverged: it is NaN"],
        ["failed: Error: no memory"],
        said[2],
        ["pruned: asha"],
    ]
    assert said[2][0].startswith("cancelled")


def test_a_tool_that_is_away_gets_everything_once_it_is_back(
    store, running, runs, monkeypatch, follower
):
    monkeypatch.setattr(tracking, "FIRST_PAUSE", 0.0)
    runs.write_text("a file where a folder should be")
    follow = follower(store, running)
    end(store, *begin(store, running, 0, epochs=2))
    for _ in range(3):
        assert follow.round(store.searches.get(running.name)) > 0
    assert events(store, running).count("TensorBoard is away") == 1
    store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
    runs.unlink()
    assert follow.round(store.searches.get(running.name)) == 0
    assert losses(runs, running, 0) == ([1, 2], ["completed"])
    assert events(store, running)[-1] == "TensorBoard is back"
    follow.close()


def test_a_search_made_again_under_its_name_has_runs_of_its_own(
    store, running, runs, make_search_in, follower
):
    follow = follower(store, running)
    end(store, *begin(store, running, 0, epochs=2))
    follow.round(store.searches.get(running.name))
    store.searches.change(running.name, SearchStatus.CANCELLED, "tester")
    delete(store, running.name, "tester")
    again = make_search_in(store, running.name, trackers=running.trackers)
    for tid in range(5):
        end(store, *begin(store, again, tid, epochs=1))
    # The old one's follower has nothing to do with it.
    follow.round(running)
    assert losses(runs, running, 1) is None
    assert follower(store, again).round(store.searches.get(again.name)) == 0
    assert losses(runs, running, 0)[0] == [1, 2]
    assert losses(runs, again, 0)[0] == [1]
    assert len(list(runs.iterdir())) == 2


def test_a_driver_that_is_killed_leaves_nothing_behind_and_the_next_one_goes_on(
    store, store_uri, running, runs
):
    command = [sys.executable, "-c", DRIVER, store_uri, running.name]
    driver = subprocess.Popen(command)
    trial, lease = begin(store, running, 0, epochs=1)
    try:
        until(lambda: (losses(runs, running, 0) or [[]])[0] == [1])
        (child,) = psutil.Process(driver.pid).children()
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait(timeout=300)
    child.wait(timeout=300)
    # It may have died in the middle of a record.
    (file,) = runs.rglob("events.out.*")
    os.truncate(file, file.stat().st_size - 5)
    report(store, trial, lease, 2)
    end(store, trial, lease)
    store.searches.change(running.name, SearchStatus.COMPLETED, "driver")
    # The next one ends once everything is written; the killed one's lease has to pass first.
    until(
        lambda: (
            store.searches.get(running.name).trackers["tensorboard"].lease.has_passed(store.now())
        )
    )
    subprocess.run(command, check=True, timeout=600)
    assert losses(runs, running, 0) == ([1, 2], ["completed"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_documents_command_fills_both_tools(tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    text = (ROOT / "docs" / "operating.md").read_text()
    (line,) = re.findall(r"^alignsearch (submit .* --mlflow .*)$", text, re.MULTILINE)
    monkeypatch.delenv("ALIGNSEARCH_STORE", raising=False)
    alignsearch = Path(sys.executable).with_name("alignsearch")
    try:
        subprocess.run(
            [alignsearch, *shlex.split(line)],
            check=True,
            cwd=tmp_path,
            timeout=600,
            stdout=subprocess.DEVNULL,
        )
    finally:
        subprocess.run([alignsearch, "store", "stop"], check=True, cwd=tmp_path, timeout=300)
    (folder,) = (tmp_path / "runs").iterdir()
    assert len(list(folder.iterdir())) == 8
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name(folder.name)
    found = client.search_runs([experiment.experiment_id], max_results=100)
    assert len(found) == 8
    assert all(run.info.status in ("FINISHED", "FAILED") for run in found)
    assert all(run.data.params for run in found)
