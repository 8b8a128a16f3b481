"""Checks of a search that went through faults: each trial has its one result, nothing is lost."""

from pathlib import Path

import pymongo

from alignsearch.search.documents import Search
from alignsearch.search.documents.lease import ATTEMPT_LEASE
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store.processes import lives, wait_until
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.objectives.rehearsal import final_loss


def check_trials(store, name, trials, epochs):
    """Assert that each trial ended once, with the loss that its configuration fixes."""
    search: Search = store.searches.get(name)
    assert search.status == SearchStatus.COMPLETED, search.error
    known = store.trials.all(name)
    assert [trial.tid for trial in known] == list(range(trials)), "not exactly the budget"
    assert {trial.state for trial in known} == {TrialState.COMPLETED}, [
        (t.tid, t.state, t.error) for t in known if t.state is not TrialState.COMPLETED
    ]
    space = get_space(search.space)
    for trial in known:
        assert trial.result.loss == final_loss(space, trial.point), trial.id
        outcomes = [attempt.outcome for attempt in trial.attempts.values()]
        assert outcomes.count("completed") == 1, (trial.id, outcomes)
        assert trial.attempts[str(trial.attempt)].outcome == "completed"
        told = store.logs.epochs(trial.id, trial.attempt)
        assert [epoch.epoch for epoch in told] == list(range(1, epochs + 1)), trial.id
    return known


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
    results = 0
    for collection, update in world.proxy.acknowledged["update"]:
        changes = update["u"].get("$set", {})
        if collection == "trials" and changes.get("state") == TrialState.COMPLETED:
            trial = known.get(update["q"]["_id"])
            if trial is not None:
                results += 1
                assert trial.result.loss == changes["result"]["loss"], trial.id
                held = ATTEMPT_LEASE.held_by(trial.attempts[str(trial.attempt)].token)
                assert update["q"] == {"_id": trial.id, **held}
    assert results >= len(known) * 0.9, f"only {results} results seen to be acknowledged"
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
