"""A hot backup of a replica set that runs beside its original is another store."""

import threading
from functools import partial

import mongod
import pytest
from driving import interrupt_after

from alignsearch.search.documents import checkpoint_names
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store

NEVER = threading.Event()


@pytest.fixture
def uri(mongo):
    return mongo.uri.format("copied")


@pytest.fixture
def original(uri, make_search_in, make_driver_in, tmp_path):
    """A search that was interrupted in its only trial, with checkpoints."""
    with Store.connect(uri) as store:
        states = str(tmp_path / "states")
        make_search_in(store, "walk", trials=1, parallel=1, epochs=60, checkpoints=states)
        interrupt_after(store, "walk", 10, partial(make_driver_in, store, uri, "walk"))
        assert store.trials.get("walk", 0).state is TrialState.QUEUED
        yield store


def test_it_reads_its_originals_checkpoints_and_writes_its_own(
    original, uri, restored, make_driver_in
):
    before = original.searches.get("walk")
    folder = checkpoint_names.of_search(before)
    copied_uri = restored.uri.format("copied")
    with Store.connect(copied_uri) as copy:
        search = copy.searches.get("walk")
        assert search.identity.store != before.identity.store
        assert search.identity.token == before.identity.token
        assert checkpoint_names.readable(search) == [folder, checkpoint_names.of_search(search)]
        make_driver_in(copy, copied_uri, "walk").run(NEVER)
        trial = copy.trials.get("walk", 0)
        assert trial.state is TrialState.COMPLETED
        assert trial.attempts[str(trial.attempt)].resumed >= 10
        # A later connection finds the same id, by any of its names.
        with Store.connect(f"{restored.members[0].uri}".replace("/?", "/copied?")) as again:
            assert again.place == copy.place
    assert original.searches.get("walk").identity == before.identity
    make_driver_in(original, uri, "walk").run(NEVER)
    trial = original.trials.get("walk", 0)
    assert trial.state is TrialState.COMPLETED
    assert trial.attempts[str(trial.attempt)].resumed >= 10


def test_new_members_make_no_copy(trio):
    """A set whose members are replaced one by one is the same store all along."""
    name = "renewed"
    with Store.connect(trio.uri.format(name)) as store:
        first = store.place
        known = store._db.find_one("meta", {"_id": "store"})["members"]
        assert len(known) == 3
        # As it was noted when the set had one of these members, and two others.
        older = [known[0], *(f"{mongod.NAME}/old-{number}:27017" for number in range(2))]
        store._db.update("meta", {"_id": "store"}, {"$set": {"members": older}})
    with Store.connect(trio.uri.format(name)) as store:
        assert store.place == first
        assert store._db.find_one("meta", {"_id": "store"})["members"] == known
