"""Searches that move between the two kinds of store, and indexes of many trials."""

import threading

import pymongo
import pytest
from bson import json_util

from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.connection import INDEXES
from alignsearch.search.store.dump import check, dump, load

MANY = 100_000


@pytest.fixture
def real(mongo):
    """A store on a MongoDB."""
    with Store.connect(mongo.uri.format("moves")) as opened:
        yield opened


def everything(store, name):
    """All that a store holds of a search, in the types of BSON."""
    return [
        (collection, json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS))
        for collection, document in store.copies.documents(name)
        if collection != "searches"
    ]


def test_a_search_moves_to_a_mongodb_and_back_and_ends_there(
    store, store_uri, real, mongo, make_search, make_driver, make_driver_in, tmp_path
):
    make_search("moved", trials=8, epochs=2, space="ia")
    driver = make_driver("moved")
    interrupt = threading.Event()
    driver.run(
        interrupt, lambda: driver.history.count(TrialState.COMPLETED) >= 4 and interrupt.set()
    )
    there, back = tmp_path / "there.jsonl.gz", tmp_path / "back.jsonl.gz"
    dump(store, "moved", there)
    load(real, check(there))
    assert everything(real, "moved") == everything(store, "moved")
    dump(real, "moved", back)
    again = f"{store_uri}-again"
    with Store.connect(again) as third:
        load(third, check(back))
        assert everything(third, "moved") == everything(store, "moved")
        make_driver_in(third, again, "moved").run(threading.Event())
        make_driver_in(real, mongo.uri.format("moves"), "moved").run(threading.Event())
        make_driver("moved").run(threading.Event())
        results = [
            [(trial.tid, trial.state, trial.loss) for trial in each.trials.all("moved")][:4]
            for each in (store, real, third)
        ]
    assert results[0] == results[1] == results[2]
    assert len(real.trials.all("moved", [TrialState.COMPLETED])) == 8


def test_indexes_of_many_trials_are_built_by_those_who_connect_first(mongo):
    uri = mongo.uri.format("many")
    one = Trial(
        id="s/0",
        search="s",
        tid=0,
        state=TrialState.COMPLETED,
        config={"sigma": 0.1, "gamma": 1.0, "alpha": 2.0},
        point={"sigma": 0.1, "gamma": 1.0, "alpha": 2.0},
        result=Result(status="ok", loss=0.5),
    ).to_bson()
    with pymongo.MongoClient(uri) as client:
        trials = client.get_default_database().trials
        for first in range(0, MANY, 10_000):
            trials.insert_many(
                [
                    {
                        **one,
                        "_id": f"s/{tid}",
                        "tid": tid,
                        "seq": tid + 1,
                        "result": {**one["result"], "loss": (tid * 7919 % MANY) / MANY},
                    }
                    for tid in range(first, first + 10_000)
                ]
            )
        client.get_default_database().counters.insert_one({"_id": "s", "seq": MANY})
        errors = []

        def connect():
            try:
                Store.connect(uri).close()
            except Exception as error:
                errors.append(error)

        connecting = [threading.Thread(target=connect) for _ in range(4)]
        for thread in connecting:
            thread.start()
        for thread in connecting:
            thread.join()
        # A command that takes too long counts as a server that is gone, and is an error.
        assert errors == []
        built = client.get_default_database().trials.index_information()
        keys = {tuple(name for name, _ in each["key"]) for each in built.values()}
        assert {fields for fields, _ in INDEXES["trials"]} <= keys
    with Store.connect(uri) as store:
        # From the index: a sort in memory of this many documents would be refused.
        assert [trial.loss for trial in store.trials.best("s", 3)] == [0.0, 1e-05, 2e-05]
        assert store.trials.last_change("s") == MANY
        store.totals.update("s")
        assert store.totals.counts("s")[TrialState.COMPLETED] == MANY
