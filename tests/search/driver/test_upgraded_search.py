"""A search that an earlier version began goes on, in its store or from its dump.

`cut_off` has what commit 7cbc928 left when its `serve` and workers were killed, with two of six
trials running.
"""

import gzip
import shutil
from pathlib import Path

import pymongo
from bson import json_util
from driving import driving, wait_until

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store.dump import check, load

CUT_OFF = Path(__file__).with_name("cut_off")
FOLDER = "/searches/.alignsearch/checkpoints"
"""The checkpoints' folder at that time, as the documents name it."""
EPOCHS = {2: 23, 3: 21}
"""Epochs in the checkpoint of each trial that ran."""


def goes_on(store, make_driver, resumed):
    """Drive the search to its end, and hold it to what was there before."""
    before = {trial.tid: trial for trial in store.trials.all("cut")}
    done = {tid for tid, trial in before.items() if trial.state is TrialState.COMPLETED}
    assert done == {0, 1}
    with driving(make_driver("cut")) as outcome:
        wait_until(lambda: store.searches.get("cut").status is SearchStatus.COMPLETED, 300)
        wait_until(lambda: outcome, 300)
    trials = {trial.tid: trial for trial in store.trials.all("cut")}
    assert sorted(trials) == list(range(6))
    assert {trial.state for trial in trials.values()} == {TrialState.COMPLETED}
    for tid in done:
        assert trials[tid].result == before[tid].result
        assert trials[tid].attempt == before[tid].attempt
    for tid, epochs in resumed.items():
        latest = trials[tid].attempts[str(trials[tid].attempt)]
        assert (latest.resumed, latest.outcome) == (epochs, "completed")
        # No epoch twice, and none lost.
        shown = [each.epoch for each in store.logs.epochs(trials[tid].id)]
        assert sorted(set(shown)) == list(range(1, 81))


def test_its_store_goes_on(store, store_uri, make_driver, tmp_path):
    folder = tmp_path / "checkpoints"
    shutil.copytree(CUT_OFF / "checkpoints", folder)
    text = gzip.decompress((CUT_OFF / "store.jsonl.gz").read_bytes()).decode()
    with pymongo.MongoClient(store_uri) as client:
        database = client.get_default_database()
        database["meta"].delete_many({})
        for line in text.replace(FOLDER, str(folder)).splitlines():
            each = json_util.loads(line)
            database[each["collection"]].insert_one(each["document"])
    goes_on(store, make_driver, EPOCHS)


def test_its_dump_goes_on_where_its_checkpoints_are_not(store, make_driver):
    load(store, check(CUT_OFF / "search.dump.gz"))
    goes_on(store, make_driver, dict.fromkeys(EPOCHS, 0))
