"""Trials, and how readers follow their changes, on a real server."""

import threading
from datetime import timedelta

import pymongo
import pytest

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store import trials as trials_part


def complete(store, begin, trial, **result):
    lease = begin(trial).lease
    return store.attempts.finish(trial.id, lease.attempt, lease.token, Result(**result), 1)


def test_a_trial_comes_back_as_it_was_stored(store, new_trial):
    added = new_trial()
    assert store.trials.get(added.id) == added
    assert store.trials.get(added.search, added.tid) == added
    assert added.state is TrialState.QUEUED
    assert added.config == {
        "train_batch_size": 2048,
        "sigma": 0.1,
        "fo_relu": True,
        "gamma": None,
    }
    assert abs(added.timings["queued"] - store.now()) < timedelta(seconds=120)


def test_adding_a_trial_again_returns_the_stored_one(store, new_trial, begin):
    added = new_trial()
    begin(added)
    again = store.trials.add(added)
    assert again.state is TrialState.RUNNING
    assert len(store.trials.all(added.search)) == 1


def test_a_tid_is_used_once_in_a_search(store, new_trial):
    added = new_trial()
    with pytest.raises(ValueError, match="trial 0"):
        Trial(id=f"{added.id}-other", search=added.search, tid=0)
    stored = store.trials.add(Trial(id=added.id, search=added.search, tid=0, seen=7))
    assert stored == added
    assert store.trials.all(added.search) == [added]


def test_unknown_trials_are_named(store, new_trial):
    added = new_trial()
    with pytest.raises(UnknownNameError, match="trial"):
        store.trials.get(f"{added.id}9")
    with pytest.raises(UnknownNameError, match=f"{added.search}.*'7'.*known: 0"):
        store.trials.get(added.search, 7)


def test_trials_come_by_tid_and_state(store, new_search, new_trial, begin):
    name = new_search().name
    for tid in (2, 0, 1):
        new_trial(name, tid)
    begin(store.trials.get(name, 1))
    assert [t.tid for t in store.trials.all(name)] == [0, 1, 2]
    assert [t.tid for t in store.trials.all(name, [TrialState.RUNNING])] == [1]
    assert [t.tid for t in store.trials.all(name, LIVE_TRIAL_STATES)] == [0, 1, 2]
    counts = store.totals.counts(name)
    assert set(counts) == set(TrialState)
    assert {state: n for state, n in counts.items() if n} == {
        TrialState.QUEUED: 2,
        TrialState.RUNNING: 1,
    }


def test_the_best_trial_has_the_lowest_loss_and_of_equals_the_lowest_tid(
    store, new_search, new_trial, begin
):
    name = new_search().name
    assert store.totals.best(name) is None
    outcomes = [
        {"status": "fail", "reason": "diverged"},
        {"status": "ok", "loss": 0.5},
        {"status": "ok", "loss": 0.25},
        {"status": "ok", "loss": 0.25},
    ]
    for tid, outcome in enumerate(outcomes):
        complete(store, begin, new_trial(name, tid), **outcome)
    new_trial(name, 9)
    assert store.totals.best(name).tid == 2


def test_trials_are_placed_while_they_are_queued(store, new_search, new_trial, begin):
    name = new_search().name
    begun, queued = new_trial(name, 0), new_trial(name, 1)
    begin(begun)
    store.trials.place([begun.id, queued.id])
    running, placed = store.trials.by_id([begun.id, queued.id])
    assert "placed" not in running.timings
    assert placed.state is TrialState.QUEUED
    assert placed.timings["placed"] >= placed.timings["queued"]


def test_many_trials_are_added_at_once_and_what_was_there_comes_back(store, new_search, begin):
    name = new_search().name
    trials = [Trial(id=f"{name}/{tid}", search=name, tid=tid) for tid in range(5)]
    begin(store.trials.add_many(trials[:2], placed=True)[1])
    added = store.trials.add_many(trials, placed=True)
    assert [(t.tid, t.state) for t in added] == [
        (tid, TrialState.RUNNING if tid == 1 else TrialState.QUEUED) for tid in range(5)
    ]
    assert all("placed" in trial.timings for trial in added)
    assert store.trials.all(name) == added
    assert store.trials.by_id([f"{name}/3", "no such trial", f"{name}/0"]) == [added[3], added[0]]


def test_an_attempt_at_a_trial_that_was_begun_since_it_was_read_is_refused(store, new_trial, begin):
    read = new_trial()
    lease = begin(read).lease
    options = {"ttl": 60.0, "host": "h", "accelerator": "cpu", "versions": {}}
    assert store.attempts.begin(read, "late", **options) is None
    store.attempts.hand_back(read.id, lease.attempt, lease.token, "stopped")
    assert store.attempts.begin(read, "late", **options) is None
    begun = store.attempts.begin(store.trials.get(read.id), "in time", **options)
    assert store.trials.get(read.id) == begun


def test_changes_are_each_seen_once_and_in_order(store, new_search, new_trial, begin):
    name = new_search().name
    assert store.trials.changes(name, 0) == []
    first, second = new_trial(name, 0), new_trial(name, 1)
    seen = store.trials.changes(name, 0)
    assert {t.id for t in seen} == {first.id, second.id}
    assert [t.seq for t in seen] == [1, 2]
    assert store.trials.changes(name, seen[-1].seq) == []
    begin(first)
    changed = store.trials.changes(name, seen[-1].seq)
    assert [(t.tid, t.state) for t in changed] == [(0, TrialState.RUNNING)]
    assert changed[0].seq > seen[-1].seq


def test_changes_of_another_search_are_not_seen(store, new_trial):
    here, there = new_trial(), new_trial()
    assert [t.id for t in store.trials.changes(here.search, 0)] == [here.id]
    assert [t.id for t in store.trials.changes(there.search, 0)] == [there.id]


def test_a_change_without_a_number_is_seen_at_once(store, store_uri, new_search, new_trial):
    name = new_search().name
    abandoned, other = new_trial(name, 0), new_trial(name, 1)
    after = store.trials.changes(name, 0)[-1].seq
    with pymongo.MongoClient(store_uri) as client:
        # A change without its number, as a writer leaves it to the readers.
        client.get_default_database("alignsearch").trials.update_one(
            {"_id": abandoned.id}, {"$set": {"state": "cancelled", "seq": 2**52 + 12345}}
        )
    assert store.trials.get(abandoned.id).seq == 0
    seen = store.trials.changes(name, after)
    assert [(t.tid, t.state) for t in seen] == [(0, TrialState.CANCELLED)]
    assert seen[0].seq > other.seq


def test_a_reader_that_races_with_writers_misses_no_change(store, store_uri, new_search, new_trial):
    name = new_search().name
    trials = [new_trial(name, tid) for tid in range(12)]

    def work(mine):
        with Store.connect(store_uri) as own:
            for trial in mine:
                for _ in range(3):
                    lease = own.attempts.begin(
                        trial.id, "w", ttl=60, host="h", accelerator="cpu", versions={}
                    ).lease
                    own.attempts.hand_back(trial.id, lease.attempt, lease.token, "again")
                lease = own.attempts.begin(
                    trial.id, "w", ttl=60, host="h", accelerator="cpu", versions={}
                ).lease
                own.attempts.finish(
                    trial.id, lease.attempt, lease.token, Result(status="ok", loss=float(trial.tid))
                )

    workers = [threading.Thread(target=work, args=(trials[n::4],)) for n in range(4)]
    for worker in workers:
        worker.start()
    known, after = {}, 0
    while True:
        ended = not any(worker.is_alive() for worker in workers)
        for trial in store.trials.changes(name, after):
            assert trial.seq > after
            known[trial.tid], after = trial, trial.seq
        if ended:
            break
    for worker in workers:
        worker.join()
    assert known == {trial.tid: trial for trial in store.trials.all(name)}
    assert {trial.state for trial in known.values()} == {TrialState.COMPLETED}


def test_a_trial_changed_by_hand_into_nonsense_is_reported(store, store_uri, new_trial):
    added = new_trial()
    with pymongo.MongoClient(store_uri) as client:
        client.get_default_database("alignsearch").trials.update_one(
            {"_id": added.id}, {"$set": {"tid": "first"}}
        )
    with pytest.raises(StoreCorruptedError, match=rf"{added.id}.*tid"):
        store.trials.get(added.id)


def test_a_search_without_its_counter_is_reported(store):
    with pytest.raises(StoreCorruptedError, match="'nowhere'"):
        store.trials.changes("nowhere", 0)


def test_of_trials_looked_at_again_only_those_that_changed_are_returned(store, new_trial, begin):
    trials = [new_trial(tid=tid) for tid in range(3)]
    ids, seen = [trial.id for trial in trials], {}
    assert {trial.id for trial in store.trials.changed(ids, seen)} == set(ids)
    assert store.trials.changed(ids, seen) == []
    begun = begin(trials[1])
    (changed,) = store.trials.changed(ids, seen)
    assert (changed.id, changed.state, changed.lease) == (begun.id, TrialState.RUNNING, begun.lease)
    assert store.trials.changed(ids, seen) == []
    assert store.trials.changed(["unknown"], seen) == []


def test_more_trials_than_one_command_may_ask_for_are_read_alike(
    store, new_search, begin, monkeypatch
):
    monkeypatch.setattr(trials_part, "IDS_AT_ONCE", 2)
    name = new_search().name
    added = store.trials.add_many([Trial(id=f"{name}/{n}", search=name, tid=n) for n in range(5)])
    ids = [trial.id for trial in reversed(added)]
    assert store.trials.by_id(ids) == added[::-1]
    seen = {}
    assert len(store.trials.changed(ids, seen)) == 5
    begin(added[4])
    assert [trial.tid for trial in store.trials.changed(ids, seen)] == [4]
