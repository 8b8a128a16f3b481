"""Stores that earlier versions of the program wrote, documents as they left them.

All of them have schema version 1, the only one so far: fields came, each with a default.
"""

from pathlib import Path

import pymongo
import pytest
from bson import json_util

from alignsearch.search.documents import Result
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.connection import SCHEMA_VERSION
from alignsearch.search.store.dump import check, dump

STORES = sorted(Path(__file__).with_name("stores").glob("*.jsonl"))


def version_of(documents):
    return next(d["document"]["version"] for d in documents if d["collection"] == "meta")


@pytest.fixture(params=STORES, ids=lambda path: path.stem)
def earlier(request, store_uri):
    """A store with the documents of an earlier version, opened."""
    documents = [json_util.loads(line) for line in request.param.read_text().splitlines()]
    assert version_of(documents) <= SCHEMA_VERSION
    with pymongo.MongoClient(store_uri) as client:
        database = client.get_default_database()
        for each in documents:
            database[each["collection"]].insert_one(each["document"])
    with Store.connect(store_uri) as opened:
        yield opened


def test_every_version_that_was_is_among_them():
    versions = {
        version_of([json_util.loads(line) for line in path.read_text().splitlines()])
        for path in STORES
    }
    assert versions == set(range(1, SCHEMA_VERSION + 1))


def test_an_earlier_store_is_read_whole_and_goes_on(earlier, tmp_path):
    search = earlier.searches.get("old")
    assert (search.status, search.created_by) == (SearchStatus.QUEUED, "ann@host")
    done, crashed, lost = earlier.trials.all("old")
    assert (done.state, done.loss, done.chance) == (TrialState.COMPLETED, 0.25, 0.9)
    assert [epoch.epoch for epoch in earlier.logs.epochs(done.id)] == [1, 2]
    assert (crashed.state, crashed.attempts_spent) == (TrialState.QUEUED, 1)
    assert {trial.tid for trial in earlier.trials.changes("old", 0)} == {0, 1, 2}
    assert [event.what for event in earlier.logs.events("old")] == ["created"]
    ended = earlier.attempts.expire(lost.id, 1, max_attempts=3, reason="its worker is gone")
    assert ended.state is TrialState.QUEUED
    for trial in (crashed, ended):
        begun = earlier.attempts.begin(
            trial, "me", ttl=60.0, host="here", accelerator="CPU", versions={}
        )
        result = Result(status="ok", loss=0.2 + trial.tid)
        earlier.attempts.finish(trial.id, 2, begun.lease.token, result)
    assert earlier.totals.counts("old")[TrialState.COMPLETED] == 3
    assert earlier.totals.best("old").tid == 0
    file = tmp_path / "old.jsonl"
    assert dump(earlier, "old", file) > 8
    assert check(file).search["_id"] == "old"
