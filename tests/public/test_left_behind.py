"""What a killed process of this machine left is taken over at once; what lives is left alone."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from alignsearch.left_behind import LeftBehind, is_gone
from alignsearch.search.documents import Trial
from alignsearch.search.documents.states import TrialState

HOST = socket.gethostname()


@pytest.fixture(scope="module")
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def begin(store, tid, owner):
    """Add a trial, and begin an attempt of this owner."""
    trial = store.trials.add(Trial(id=Trial.key("a-search", tid), search="a-search", tid=tid))
    return store.attempts.begin(trial, owner, ttl=600, host=HOST, accelerator="", versions={})


def test_only_dead_processes_of_this_machine_are_gone(dead):
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    later = datetime.now(UTC) + timedelta(days=1)
    assert is_gone(f"{HOST}:{dead}", None)
    assert is_gone(f"ann@{HOST}:{dead}", None)
    assert not is_gone(f"{HOST}:{os.getpid()}", None)
    assert not is_gone(f"{HOST}:{os.getpid()}", later)
    # Another process has its number since.
    assert is_gone(f"{HOST}:{os.getpid()}", long_ago)
    assert not is_gone(f"elsewhere:{dead}", None)
    assert not is_gone(f"{HOST}:{dead}:thread-1", None)
    assert not is_gone("somebody", None)


def test_trials_of_dead_workers_are_tried_again_and_others_go_on(store, make_search, dead):
    make_search(max_attempts=2)
    begin(store, 0, f"{HOST}:{dead}")
    begin(store, 1, f"{HOST}:{os.getpid()}")
    begin(store, 2, f"elsewhere:{dead}")
    left = LeftBehind(store, "a-search")
    for _ in range(2):
        left.crash_trials()
        states = [trial.state for trial in store.trials.all("a-search")]
        assert states == [TrialState.QUEUED, TrialState.RUNNING, TrialState.RUNNING]
    crashed = store.trials.get("a-search", 0)
    assert crashed.attempts_spent == 1
    assert crashed.attempts["1"].error == "its worker was killed"


def test_trials_that_were_ended_with_their_cluster_are_queued_at_no_cost(store, make_search, dead):
    make_search()
    begin(store, 0, f"{HOST}:{dead}")
    LeftBehind(store, "a-search").hand_back_trials(0.0)
    back = store.trials.get("a-search", 0)
    assert (back.state, back.attempts_spent) == (TrialState.QUEUED, 0)


def test_a_dead_drivers_lease_is_free_at_once(store, make_search, dead):
    make_search()
    for owner, free in ((f"ann@{HOST}:{os.getpid()}", False), (f"ann@{HOST}:{dead}", True)):
        token = store.searches.acquire_driver("a-search", owner, 600)
        assert token
        LeftBehind(store, "a-search").free_driver()
        assert (store.searches.get("a-search").driver is None) == free
        store.searches.release_driver("a-search", token)
