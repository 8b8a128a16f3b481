"""Checks of a search that went through faults: each trial has its one result, nothing is lost."""

from pathlib import Path

import pymongo

from alignsearch.search.documents import Search
from alignsearch.search.documents.lease import ATTEMPT_LEASE
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store.processes import lives, wait_until


def check_trials(store, name, trials, searched):
    """Assert that each trial ended once, with the loss that its configuration fixes.

    searched: one of the kind of `searched.SEARCHED`.
    """
    search: Search = store.searches.get(name)
    assert search.status == SearchStatus.COMPLETED, search.error
    known = store.trials.all(name)
    assert [trial.tid for trial in known] == list(range(trials)), "not exactly the budget"
    assert {trial.state for trial in known} == {TrialState.COMPLETED}, [
        (t.tid, t.state, t.error) for t in known if t.state is not TrialState.COMPLETED
    ]
    for trial in known:
        assert trial.result.loss == searched.expected(trial), trial.id
        outcomes = [attempt.outcome for attempt in trial.attempts.values()]
        assert outcomes.count("completed") == 1, (trial.id, outcomes)
        assert trial.attempts[str(trial.attempt)].outcome == "completed"
        told = store.logs.epochs(trial.id, trial.attempt)
        assert [epoch.epoch for epoch in told] == list(searched.steps), trial.id
    return known


def check_is_the_same(alone, disturbed):
    """Assert that a search with one slot had the points and losses of the one left alone."""
    assert len(alone) == len(disturbed)
    for left, right in zip(alone, disturbed, strict=True):
        assert (left.point, left.config) == (right.point, right.config), right.id
        assert (left.result, left.seen) == (right.result, right.seen), right.id


def check_agrees_where_order_allows(alone, disturbed, startup):
    """Assert that a search with many slots gave what the one with one slot gave, left alone.

    Its first `startup` points depend on no result, so they are the same ones in the same order. A
    later point depends on which results were there.
    """
    for left, right in zip(alone[:startup], disturbed[:startup], strict=True):
        assert left.point == right.point, right.id
    losses = {tuple(sorted(trial.point.items())): trial.result.loss for trial in alone}
    for trial in disturbed:
        known = losses.get(tuple(sorted(trial.point.items())), trial.result.loss)
        assert trial.result.loss == known, trial.id


def check_promises(world, name, known):
    """Assert that everything the store has acknowledged is in it."""
    database = pymongo.MongoClient(world.direct).alignsearch
    stored = {
        collection: {document["_id"] for document in database[collection].find({}, ["_id"])}
        for collection in ("trials", "epochs")
    }
    for collection, document in world.proxy.acknowledged["insert"]:
        if collection in stored:
            assert document["_id"] in stored[collection], f"lost: {document['_id']}"
    results = set()
    for collection, update in world.proxy.acknowledged["update"]:
        changes = update["u"].get("$set", {})
        if collection == "trials" and changes.get("state") == TrialState.COMPLETED:
            trial = known.get(update["q"]["_id"])
            if trial is not None:
                assert trial.id not in results, f"two results: {trial.id}"
                results.add(trial.id)
                assert trial.result.loss == changes["result"]["loss"], trial.id
                held = ATTEMPT_LEASE.held_by(trial.attempts[str(trial.attempt)].token)
                assert update["q"] == {"_id": trial.id, **held}
    assert len(results) >= len(known) * 0.9, f"only {len(results)} results seen to be acknowledged"
    database.client.close()


def check_no_orphans(world, trials):
    """Assert that no worker is left once the drivers have gone."""
    pids = {pid_of(trial, number) for trial in trials for number in trial.attempts}
    assert wait_until(lambda: not any(is_worker(pid) for pid in pids), 45), "workers are left"


def pid_of(trial, attempt):
    return int(trial.attempts[str(attempt)].owner.rpartition(":")[2])


def is_worker(pid):
    try:
        return lives(pid) and b"TrialWorker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
