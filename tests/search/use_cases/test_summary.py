"""Summaries of searches in every situation."""

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from threading import Event

import pytest
from rich.console import Console

from alignsearch.progress import duration, line, panel
from alignsearch.search.documents import Attempt, AttemptLease, Lease, Recipe, Result, Search, Trial
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.use_cases.summary import read_summary, summarize

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


def standing_of(trials):
    history = History(None, "ia")
    for trial in trials:
        history.update(trial)
    return history.standing()


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def a_search(**fields):
    known = {
        "name": "ia",
        "space": "ia",
        "space_hash": "",
        "recipe": Recipe(dataset="rehearsal", width=1, stem="none", epochs=2),
        "trials": 300,
        "parallel": 60,
        "seed": 0,
        "startup": 1,
        "resources": {"TPU": 4.0},
        "status": SearchStatus.RUNNING,
        "driver": Lease(owner="ann@host:7", token="t", expires_at=at(20)),
        "created_by": "ann",
    }
    return Search(**{**known, **fields})


def a_trial(tid, state, **fields):
    return Trial(id=f"ia/{tid}", search="ia", tid=tid, state=state, **fields)


def running(tid, expires_in=30.0):
    lease = AttemptLease(owner="w", attempt=1, token="t", expires_at=at(expires_in))
    return a_trial(tid, TrialState.RUNNING, lease=lease)


def placed(tid, **fields):
    return a_trial(tid, TrialState.QUEUED, timings={"queued": at(-9), "placed": at(-5)}, **fields)


BUSY = [running(tid) for tid in range(58)]

SITUATIONS = {
    "hosts": (
        a_search(),
        [*BUSY[1:], running(0, expires_in=12.3), placed(58), placed(59)],
        "workers to begin their trials: 58 of 60 slots busy; 2 waiting for TPU hosts; "
        "next lease expires in 12 s",
    ),
    "parts of hosts": (
        a_search(parallel=1, resources={"CPU": 0.5}),
        [placed(0)],
        "workers to begin their trials: 0 of 1 slots busy; 1 waiting for CPU=0.5 hosts",
    ),
    "trials": (
        a_search(parallel=2),
        [running(0), running(1)],
        "the end of a running trial: 2 of 2 slots busy; next lease expires in 30 s",
    ),
    "last trials": (
        a_search(trials=61),
        [running(tid) for tid in range(1)]
        + [a_trial(tid, TrialState.COMPLETED) for tid in range(1, 61)],
        "the end of a running trial: 1 of 60 slots busy; next lease expires in 30 s",
    ),
    "dead worker": (
        a_search(parallel=2),
        [running(0), running(1, expires_in=-4)],
        "the end of a running trial: 2 of 2 slots busy; a lease expired 4 s ago, and its trial "
        "will be tried again",
    ),
    "suggestions": (
        a_search(parallel=3),
        [running(0), a_trial(1, TrialState.QUEUED)],
        "the driver to place 2 trials: 1 of 3 slots busy; next lease expires in 30 s",
    ),
    "paused": (
        a_search(status=SearchStatus.PAUSED),
        BUSY[:1],
        "`alignsearch resume ia`: it is paused, and still runs 1 trial",
    ),
    "stopped": (
        a_search(stop_requested=True),
        BUSY[:2],
        "the end of 2 trials, for it was stopped: 2 of 60 slots busy; next lease expires in 30 s",
    ),
    "never driven": (
        a_search(status=SearchStatus.QUEUED, driver=None),
        [],
        "a driver: start one with `alignsearch serve`, unless one runs and has no slot free",
    ),
    "dead driver": (
        a_search(driver=Lease(owner="ann@host:7", token="t", expires_at=at(-90))),
        BUSY[:2],
        "a driver: none is alive since 2024-05-01 11:58:30 UTC (90 s ago, ann@host:7); start one "
        "with `alignsearch serve` (2 trials may still run)",
    ),
    "failed": (
        a_search(status=SearchStatus.FAILED, error="no trial finished"),
        [],
        "nothing: the search is failed (no trial finished)",
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_summary_says_what_the_search_waits_for_and_why(situation):
    search, trials, expected = SITUATIONS[situation]
    assert summarize(search, standing_of(trials), NOW).waits_for == expected


def test_a_summary_knows_whether_a_serve_waits_for_the_search():
    search = a_search(status=SearchStatus.QUEUED, driver=None)

    def waits_for(servers):
        return summarize(search, standing_of([]), NOW, servers=servers).waits_for

    assert waits_for(()) == "a driver: start one with `alignsearch serve`"
    assert waits_for(("ann@host:7",)) == (
        "a driver: ann@host:7 (`alignsearch serve`) takes it up when a slot is free for it, and "
        "`alignsearch events ia` says what is in the way"
    )
    assert "ann@host:7 and 1 more (`alignsearch serve`)" in waits_for(("ann@host:7", "bob@host:8"))


def test_a_slow_store_is_named():
    quick, slow = (summarize(a_search(), standing_of(BUSY), NOW, it) for it in (0.01, 1.23))
    assert slow.waits_for == f"{quick.waits_for}; the store is slow: it answers in 1.2 s"


DONE = [
    a_trial(tid, TrialState.COMPLETED, timings={"started": at(-100), "finished": at(0)})
    for tid in range(60)
]
LEFT = {
    "going on": (a_search(), DONE, 400.0),
    "nothing finished": (a_search(), BUSY, None),
    "paused": (a_search(status=SearchStatus.PAUSED), DONE, None),
    "undriven": (a_search(driver=None), DONE, None),
    "dead driver": (
        a_search(driver=Lease(owner="ann", token="t", expires_at=at(-1))),
        DONE,
        None,
    ),
    "stopped": (a_search(stop_requested=True), [*DONE, running(60)], 100.0),
    "stopped while paused": (
        a_search(status=SearchStatus.PAUSED, stop_requested=True),
        [*DONE, running(60)],
        100.0,
    ),
    "over": (a_search(status=SearchStatus.CANCELLED, driver=None), DONE, 0.0),
}


@pytest.mark.parametrize("situation", LEFT)
def test_the_time_left_is_told_where_it_is_known_and_nowhere_else(situation):
    search, trials, expected = LEFT[situation]
    summary = summarize(search, standing_of(trials), NOW)
    left = summary.seconds_left
    assert left == (None if expected is None else pytest.approx(expected))
    assert summary.to_json()["seconds_left"] == left
    in_a_line = line(DONE[0], summary, 60).partition("; left ")[2]
    assert in_a_line == ("" if expected is None else duration(expected))
    shown = Console(width=200, file=StringIO())
    shown.print(panel(summary))
    told = re.search(r"time left +(.*?) *│", shown.file.getvalue())[1]
    assert told == ("not known" if expected is None else duration(expected))


def test_a_trial_that_was_tried_again_waits_for_hosts_only_once_it_is_placed_again():
    known = {"number": 1, "owner": "w", "token": "t", "host": "h", "accelerator": "TPU"}
    ended_after = Attempt(**known, started_at=at(-5), ended_at=at(-1), outcome="crashed")
    ended_before = Attempt(**known, started_at=at(-9), ended_at=at(-6), outcome="crashed")
    for attempt, slots in ((ended_after, (0, 60)), (ended_before, (1, 59))):
        trials = [placed(0, attempt=1, attempts={"1": attempt})]
        summary = summarize(a_search(), standing_of(trials), NOW)
        assert (summary.slots.placing, summary.slots.free) == slots


def test_the_document_for_programs_names_slots_lease_and_driver():
    trials = [running(0, expires_in=8), placed(1)]
    document = summarize(a_search(trials=3), standing_of(trials), NOW, 0.002).to_json()
    assert document["slots"] == {"total": 60, "busy": 1, "placing": 1, "free": 1}
    assert (document["lease_seconds"], document["store_seconds"]) == (8.0, 0.002)
    assert (document["driver"], document["driven"]) == ("ann@host:7", True)


def test_what_is_read_of_the_store_sums_up_as_all_trials_do(store, make_search, make_driver):
    make_search(trials=8, epochs=2)
    make_driver().run(Event())
    all_of_it = summarize(
        store.searches.get("a-search"), standing_of(store.trials.all("a-search")), store.now()
    )
    read = read_summary(store, "a-search")
    differ = {"store_seconds"}
    assert {k: v for k, v in read.to_json().items() if k not in differ} == {
        k: v for k, v in all_of_it.to_json().items() if k not in differ
    }
    assert read.finished == 8


def test_diverged_trials_are_counted_apart():
    failed = Result(status="fail", metrics={}, reason="the loss became nan in epoch 1")
    well = Result(status="ok", loss=0.25, metrics={})
    trials = [
        a_trial(0, TrialState.COMPLETED, result=well),
        *(a_trial(tid, TrialState.COMPLETED, result=failed) for tid in (1, 2, 3)),
    ]
    summary = summarize(a_search(), standing_of(trials), NOW)
    assert summary.diverged == summary.to_json()["diverged"] == 3
    # Programs count states as the store has them.
    assert summary.to_json()["counts"]["completed"] == 4
    shown = Console(file=StringIO(), width=100)
    shown.print(panel(summary))
    assert "1 completed, 3 diverged" in shown.file.getvalue()
    assert "`alignsearch trials ia` says when" in shown.file.getvalue()
