"""Trials in processes of their own: memory given back, crashes counted, nothing left over."""

import os
import threading

import psutil
import pytest
from driving import driving, wait_until
from hyperopt import hp
from own_searches import own_search

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

PRUNED = {"trials": 1, "pruning": Pruning(pruner="median"), "lease_seconds": 30.0}
"""A worker looks for a request to prune at each report, and when it renews its lease."""
SPACE = {"x": hp.uniform("x", -1, 1)}


@pytest.fixture
def drive(store, store_uri, tmp_path):
    """A driver of a search whose trials call a module's function in processes of their own."""

    def make(code, **fields):
        file = tmp_path / "mine.py"
        file.write_text(code)
        own_search(store, SPACE, file=file, own_process=True, **fields)
        return Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")

    return make


def test_each_trial_has_its_own_process_and_reports_through_the_worker(drive, store):
    code = """
import os, sys
known = []
def objective(config, trial):
    known.append(trial.number)
    assert known == [trial.number]
    trial.report(0, loss=2.0)
    print("printed by", os.getpid())
    sys.stderr.write("an odd line\\n")
    trial.log.warning("logged")
    trial.warn("warned")
    return {"loss": config["x"], "pid": os.getpid()}
"""
    assert drive(code, trials=2).run(threading.Event()) is Outcome.FINISHED
    trials = store.trials.all("a-search")
    pids = {int(trial.result.metrics["pid"]) for trial in trials}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert [t.loss for t in trials] == [t.point["x"] for t in trials]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    (epoch,) = store.logs.epochs("a-search/0")
    assert epoch.metrics == {"loss": 2.0}
    lines = {line.text: line.level for line in store.logs.lines("a-search/0", 1)}
    assert any(line.startswith("printed by") for line in lines)
    assert "an odd line" in lines
    assert lines["logged"] == "WARNING"
    details = [each.detail for each in store.logs.events("a-search")]
    assert "trial 0, attempt 1: warned" in details


CRASHES = {
    "an error": ("raise KeyError('a bug')", "KeyError: 'a bug'", 2),
    "a killed process": ("import os; os.kill(os.getpid(), 9)", "was killed (SIGKILL)", 2),
    "sys.exit": ("import sys; sys.exit(4)", "sys.exit(4)", 2),
    "os._exit": ("import os; os._exit(4)", "ended with exit code 4", 2),
    "no loss": ("return None", "returned nothing", 1),
}


@pytest.mark.parametrize(("line", "said", "attempts"), CRASHES.values(), ids=CRASHES)
def test_what_ends_a_process_is_the_attempts_error(drive, store, line, said, attempts):
    code = f"def objective(config):\n    {line}\n"
    drive(code, trials=1, max_attempts=2).run(threading.Event())
    # A failed trial is replaced by another, until too many have failed.
    trials = store.trials.all("a-search")
    assert {(each.state, each.attempt) for each in trials} == {(TrialState.FAILED, attempts)}
    assert all(said in each.error for each in trials)


def test_a_module_that_cannot_be_imported_pauses_the_search(drive, store):
    assert drive("import no_such_module\n", trials=1).run(threading.Event()) is Outcome.PAUSED
    search = store.searches.get("a-search")
    assert search.status is SearchStatus.PAUSED
    assert "No module named 'no_such_module'" in search.error
    (trial,) = store.trials.all("a-search")
    assert (trial.state, trial.attempts_spent) == (TrialState.QUEUED, 0)


HANGS = """
import os, signal, time
def objective(config, trial):
    trial.report(0, loss=3.0, pid=os.getpid())
    while True:
        time.sleep(0.05)
        if {asks} and trial.should_stop():
            return 0.0
"""


def pid_of(store):
    wait_until(lambda: store.logs.epochs("a-search/0"), 300)
    return int(store.logs.epochs("a-search/0")[0].metrics["pid"])


def test_one_that_asks_is_pruned_with_its_last_loss(drive, store):
    driver = drive(HANGS.format(asks=True), **PRUNED)
    with driving(driver):
        pid = pid_of(store)
        trial = store.trials.get("a-search/0")
        lease = trial.lease
        assert store.attempts.request_prune(trial.id, lease.attempt, lease.token, "it is bad")
        wait_until(lambda: store.trials.get(trial.id).state is TrialState.PRUNED, 300)
    assert store.trials.get(trial.id).loss == 3.0
    assert not psutil.pid_exists(pid)


def test_one_that_never_asks_is_ended_and_handed_back(drive, store, monkeypatch):
    monkeypatch.setattr("alignsearch.workers.child.GRACE_SECONDS", 0.5)
    interrupt = threading.Event()
    with driving(drive(HANGS.format(asks=False), trials=1), interrupt) as outcome:
        pid = pid_of(store)
        interrupt.set()
        wait_until(lambda: outcome, 300)
    trial = store.trials.get("a-search/0")
    assert (trial.state, trial.attempts_spent) == (TrialState.QUEUED, 0)
    assert not psutil.pid_exists(pid)
