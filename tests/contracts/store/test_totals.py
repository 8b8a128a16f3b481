"""Totals of searches against a recount of all their trials, on a real server."""

import random
import threading
from collections import Counter

import pymongo
import pytest
from driving import wait_until

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.tally import RECENT, Tally, seconds_of
from alignsearch.search.store import Store
from alignsearch.search.store import totals as totals_part

ENDS = ("completed", "diverged", "failed", "pruned")


class Life:
    """Trials of one search that begin, are handed back and end at random, tids in steps of two."""

    def __init__(self, store, name, seed):
        self.store, self.name = store, name
        self.draw = random.Random(seed)
        self.next_tid = seed % 2
        self.held = []
        self.queued = []

    def step(self):
        what = self.draw.random()
        if what < 0.3 or not (self.held or self.queued):
            tid, self.next_tid = self.next_tid, self.next_tid + 2
            trial = Trial(id=f"{self.name}/{tid}", search=self.name, tid=tid)
            self.queued.append(self.store.trials.add(trial).id)
        elif self.queued and (what < 0.6 or not self.held):
            trial = self.store.attempts.begin(
                self.queued.pop(), "w", ttl=60, host="h", accelerator="cpu", versions={}
            )
            self.held.append((trial.id, trial.attempt, trial.lease.token))
        else:
            held = self.held.pop(self.draw.randrange(len(self.held)))
            if what < 0.7:
                self.store.attempts.hand_back(*held, "stopped")
                self.queued.append(held[0])
            else:
                self.end(held, self.draw.choice(ENDS))

    def end(self, held, how):
        # Few losses, so that some are equal.
        loss = self.draw.randrange(5) / 4
        if how == "completed":
            self.store.attempts.finish(*held, Result(status="ok", loss=loss))
        elif how == "diverged":
            self.store.attempts.finish(*held, Result(status="fail", reason="NaN"))
        elif how == "pruned":
            self.store.attempts.prune(*held, Result(status="ok", loss=loss))
        else:
            self.store.attempts.crash(*held, "OOM", retry=False, max_attempts=3)


def recount(store, name):
    """Counts and best trial as a reader without a tally finds them: all trials are read."""
    trials = store.trials.all(name)
    counts = Counter(trial.state for trial in trials)
    done = [t for t in trials if t.state is TrialState.COMPLETED and t.loss is not None]
    return (
        {state: counts[state] for state in TrialState},
        min(done, key=lambda trial: (trial.loss, trial.tid), default=None),
        [trial for trial in trials if trial.state in LIVE_TRIAL_STATES],
        sorted(seconds_of(trials)),
    )


def as_counted(standing):
    counts, best, live = standing.counts, standing.best, standing.live
    # A live trial that was read before it got its number differs by that number alone.
    return counts, best, [unnumbered(trial) for trial in live], sorted(standing.seconds)


def unnumbered(trial):
    return trial.model_copy(update={"seq": 0})


@pytest.fixture
def counters(store_uri):
    with pymongo.MongoClient(store_uri) as client:
        yield client.get_default_database("alignsearch").counters


@pytest.mark.parametrize("seed", range(3))
def test_any_tally_however_old_leads_to_the_recount(store, new_search, counters, seed):
    name = new_search().name
    draw = random.Random(seed)
    lives = [Life(store, name, 2 * seed), Life(store, name, 2 * seed + 1)]
    kept = [Tally()]
    for _ in range(60):
        draw.choice(lives).step()
        what = draw.random()
        if what < 0.2:
            kept.append(store.totals.update(name))
        elif what < 0.3:
            # A driver that was slow, or had been taken over, writes what it had counted.
            old = draw.choice(kept).to_bson()
            counters.update_one({"_id": name}, {"$set": {"tally": old}})
        if draw.random() < 0.3:
            counts, best, live, seconds = recount(store, name)
            found = as_counted(store.totals.standing(name))
            assert found == (counts, best, [unnumbered(trial) for trial in live], seconds)
            assert store.totals.standing(name).spending.counts == Counter(counts)
            assert store.totals.counts(name) == counts
            assert store.totals.best(name) == best
            diverged = [t for t in store.trials.all(name) if t.result and t.result.status == "fail"]
            assert store.totals.diverged(name) == len(diverged)
    assert len(kept) > 3


def test_two_writers_and_two_who_tally_at_once(store, store_uri, new_search):
    name = new_search().name
    over = threading.Event()
    failed = []

    def run(work):
        try:
            with Store.connect(store_uri) as own:
                work(own)
        except Exception as error:
            failed.append(error)
            raise

    def live(own, seed):
        life = Life(own, name, seed)
        for _ in range(80):
            life.step()

    def tally(own):
        while not over.is_set():
            own.totals.update(name)

    writers = [
        threading.Thread(target=run, args=(lambda own, seed=seed: live(own, seed),))
        for seed in (10, 11)
    ]
    keepers = [threading.Thread(target=run, args=(tally,)) for _ in range(2)]
    for thread in (*writers, *keepers):
        thread.start()
    try:
        before = store.totals.standing(name)
        while any(writer.is_alive() for writer in writers):
            now = store.totals.standing(name)
            ended = [sum(each.counts[s] for s in TERMINAL_TRIAL_STATES) for each in (before, now)]
            assert ended[0] <= ended[1]
            if before.best:
                assert (now.best.loss, now.best.tid) <= (before.best.loss, before.best.tid)
            before = now
    finally:
        over.set()
        for thread in (*writers, *keepers):
            thread.join()
    assert not failed
    counts, best, *_ = recount(store, name)
    for _ in range(2):
        assert (store.totals.counts(name), store.totals.best(name)) == (counts, best)
        store.totals.update(name)


def test_a_reader_far_behind_the_tally_brings_it_up_to_now(
    store, new_search, counters, monkeypatch
):
    name = new_search().name
    life = Life(store, name, 1)
    for _ in range(40):
        life.step()
    last = store.trials.last_change(name)
    assert store.totals.standing(name).counts == recount(store, name)[0]
    assert "tally" not in counters.find_one({"_id": name})
    monkeypatch.setattr(totals_part, "FAR_BEHIND", last - 1)
    assert store.totals.standing(name).counts == recount(store, name)[0]
    assert counters.find_one({"_id": name})["tally"]["seq"] == last


def test_a_tally_keeps_the_times_of_the_latest_trials_only(store, new_search, new_trial, begin):
    trial = new_trial()
    lease = begin(trial).lease
    ended = store.attempts.finish(trial.id, 1, lease.token, Result(status="ok", loss=0.5))
    tally = Tally().with_ended([ended] * (RECENT + 5))
    assert len(tally.seconds) == RECENT
    assert tally.counts == {TrialState.COMPLETED: RECENT + 5}


def test_trials_since_the_best_one_are_counted_by_the_order_of_ends(
    store, new_search, new_trial, begin
):
    name = new_search().name

    def end(tid, loss, kind=None):
        origin = kind and {"kind": kind}
        trial = Trial(id=f"{name}/{tid}", search=name, tid=tid, origin=origin)
        held = (begin(store.trials.add(trial)).id, 1, store.trials.get(name, tid).lease.token)
        diverged = Result(status="fail", reason="NaN")
        store.attempts.finish(*held, diverged if loss is None else Result(status="ok", loss=loss))
        # Two ends in one millisecond are one.
        wait_until(lambda: store.now() > store.trials.get(name, tid).timings["finished"])
        return store.totals.since_best(name)

    assert store.totals.since_best(name) == 0
    assert [end(9, None), end(5, None)] == [1, 2]
    assert [end(7, 0.5), end(8, 0.7), end(3, 0.5), end(1, None)] == [0, 1, 2, 3]
    # A result that others evaluated is no trial of the search itself.
    assert [end(2, 0.1, "imported"), end(4, 0.1, "confirmation")] == [3, 3]
    assert [end(6, 0.4, "enqueued"), end(0, 0.4)] == [0, 1]


def test_a_tally_of_an_older_version_is_summed_up_anew(store, new_search, counters):
    name = new_search().name
    life = Life(store, name, 1)
    for _ in range(40):
        life.step()
    whole = store.totals.update(name)
    # It had less in it, and what it had is not believed.
    counters.update_one({"_id": name}, {"$unset": {"tally.spent": 1, "tally.suggested": 1}})
    counters.update_one({"_id": name}, {"$set": {"tally.counts": {"completed": 1000}}})
    counts = recount(store, name)[0]
    standing = store.totals.standing(name)
    assert standing.counts == counts
    assert standing.spending.counts == Counter(counts)
    assert store.totals.update(name) == whole
    assert sum(whole.counts.values()) > 0


def test_a_tally_changed_by_hand_is_made_anew_and_told_of(store, new_search, counters, caplog):
    name = new_search().name
    Life(store, name, 0).step()
    store.totals.update(name)
    before = store.totals.counts(name)
    counters.update_one({"_id": name}, {"$set": {"tally.seq": "many"}})
    assert store.totals.counts(name) == before
    assert f"the tally of search {name} is made anew" in caplog.text
