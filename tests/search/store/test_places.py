"""Stores that are told apart: two of one server, a copy, a name used again, and old ones."""

import shutil
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import pymongo
import pytest
from driving import interrupt_after

from alignment_core import files
from alignsearch.search.documents import Attempt, Trial, checkpoint_names
from alignsearch.search.documents.errors import (
    ForeignSearchError,
    StateConflictError,
    StoreCorruptedError,
)
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.documents.transitions import begun
from alignsearch.search.store import Store
from alignsearch.search.store.capabilities import KEPT
from alignsearch.search.store.connection import STORE_ID
from alignsearch.search.store.dump import check, dump, load
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.use_cases.retention import drop, excess
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

NEVER = threading.Event()


def test_two_databases_of_one_server_and_a_name_used_again_are_three_searches(
    store, store_uri, make_search_in
):
    first = make_search_in(store, "walk")
    with Store.connect(f"{store_uri}-second") as second:
        beside = make_search_in(second, "walk")
    for collection in ("searches", "counters", "events"):
        store._db.delete(collection, {})
    again = make_search_in(store, "walk")
    assert len({str(each.identity) for each in (first, beside, again)}) == 3
    with Store.connect(store_uri) as other:
        assert other.searches.get("walk").identity == again.identity
        assert [each.identity for each in other.searches.all()] == [again.identity]


def test_a_worker_refuses_a_trial_of_another_store(store, store_uri, make_search, make_search_in):
    make_search("walk", trials=1)
    with Store.connect(f"{store_uri}-second") as second:
        other = make_search_in(second, "walk", trials=1)
        trial = store.trials.add(a_trial(other))
    dispatcher = ThreadDispatcher(other, store_uri)
    dispatcher.place(0, trial)
    (freed,) = dispatcher.poll(300)
    assert ForeignSearchError.__name__ in freed.error
    assert "nothing was done" in freed.error
    assert store.trials.get(trial.id).state is TrialState.QUEUED


def test_a_worker_leaves_the_trials_of_a_search_that_has_got_its_own_ones_name(
    store, store_uri, make_search_in
):
    first = make_search_in(store, "walk", trials=2)
    for collection in ("searches", "counters", "events"):
        store._db.delete(collection, {})
    make_search_in(store, "walk", trials=2)
    # The first one's driver places a trial of the second, and adds one of its own to it.
    queued = store.trials.add(a_trial(first))
    made = Attempt(
        number=1,
        owner="first",
        token="",
        host="here",
        accelerator="",
        versions={},
        started_at=store.now(),
    )
    own = a_trial(first).model_copy(update={"id": "walk/1", "tid": 1})
    (added,) = store.trials.add_many(
        [begun(own, made, now=store.now(), ttl=60.0, token="1" * 16, slot=1)]
    )
    dispatcher = ThreadDispatcher(first, store_uri)
    for slot, trial in enumerate((queued, added)):
        dispatcher.place(slot, trial)
        (freed,) = dispatcher.poll(300)
        assert "nothing was evaluated" in freed.error
    queued, added = store.trials.all("walk")
    assert (queued.state, queued.attempts_spent) == (TrialState.QUEUED, 0)
    assert (added.state, added.result) == (TrialState.CANCELLED, None)
    assert "belongs to another search" in added.error


def a_trial(search):
    return Trial(id=f"{search.name}/0", search=search.name, tid=0)


@pytest.fixture
def folder(tmp_path):
    """An embedded store's folder with one search, stopped."""
    server = EmbeddedStore(tmp_path / "project" / ".alignsearch")
    yield server
    server.stop()


def identity_in(server, make_search_in=None):
    with Store.connect(server.ensure()) as store:
        if make_search_in is not None:
            make_search_in(store, "walk", checkpoints="/states")
        return store.searches.get("walk")


def test_a_copied_folder_is_another_store_and_a_moved_or_restored_one_is_not(
    folder, tmp_path, make_search_in
):
    first = identity_in(folder, make_search_in).identity
    folder.stop()
    assert identity_in(folder).identity == first
    folder.stop()
    copied = EmbeddedStore(tmp_path / "copy" / ".alignsearch")
    shutil.copytree(folder.folder, copied.folder)
    try:
        # Both run at once, the copy first.
        copy = identity_in(copied)
        assert copy.identity.store != first.store
        assert copy.identity.token == first.token
        assert identity_in(folder).identity == first
        # The copy reads what its original has left, and writes elsewhere.
        assert checkpoint_names.readable(copy) == [
            f"/states/{first}",
            checkpoint_names.of_search(copy),
        ]
    finally:
        copied.stop()
    folder.stop()
    moved = EmbeddedStore(tmp_path / "elsewhere" / ".alignsearch")
    shutil.move(folder.folder.parent, moved.folder.parent)
    try:
        assert identity_in(moved).identity == first
        moved.stop()
        # A backup of the data in the place of the data.
        shutil.copytree(moved.data, tmp_path / "backup")
        shutil.rmtree(moved.data)
        shutil.copytree(tmp_path / "backup", moved.data)
        assert identity_in(moved).identity == first
    finally:
        moved.stop()


def test_a_store_of_an_earlier_version_gets_an_id_and_its_searches_keep_theirs(
    store, store_uri, make_search
):
    make_search("old")
    store._db.delete("meta", {"_id": STORE_ID})
    store._db.update("searches", {"_id": "old"}, {"$unset": {"token": ""}})
    found = []
    with closing(pymongo.MongoClient(store_uri)) as client:
        for _ in range(2):
            with Store.connect(store_uri) as opened:
                found.append(opened.searches.get("old").identity)
        assert client.get_default_database().meta.count_documents({"_id": STORE_ID}) == 1
    assert found[0] == found[1]
    assert len(found[0].store) == len(found[0].token) == 16


def test_what_a_loaded_copy_does_its_original_does_not_notice(
    store, store_uri, make_search, make_driver, make_search_in, tmp_path, make_driver_in
):
    """A copy is cancelled and tidied up: the original's trial goes on from its checkpoint."""
    states = tmp_path / "states"
    make_search("walk", trials=1, parallel=1, epochs=60, checkpoints=str(states), max_attempts=5)
    interrupt_after(store, "walk", 10, partial(make_driver, "walk"))
    (trial,) = store.trials.all("walk")
    assert trial.state is TrialState.QUEUED
    done = trial.progress.epoch if trial.progress else 0
    file = tmp_path / "walk.jsonl"
    dump(store, "walk", file)
    original = store.searches.get("walk")
    kept = files.names(f"{checkpoint_names.of_search(original)}/0")
    assert kept
    copy_uri = f"{store_uri}-copy"
    with Store.connect(copy_uri) as other:
        load(other, check(file))
        copy = other.searches.get("walk")
        assert copy.identity.token != original.identity.token
        # It goes on where the original was, in a folder of its own.
        make_driver_in(other, copy_uri, "walk").run(NEVER)
        (copied,) = other.trials.all("walk")
        assert copied.state is TrialState.COMPLETED
        assert copied.attempts[str(copied.attempt)].resumed >= 10
        for found in excess(other, days=0, keep=0):
            drop(other, found, "me", keep=0)
        assert files.names(checkpoint_names.of_search(copy)) == []
    assert files.names(f"{checkpoint_names.of_search(original)}/0") == kept
    make_driver("walk").run(NEVER)
    (trial,) = store.trials.all("walk")
    assert trial.state is TrialState.COMPLETED
    assert trial.attempts[str(trial.attempt)].resumed >= max(10, done)
    assert {path.name for path in Path(states).iterdir()} == {
        str(original.identity),
        str(copy.identity),
    }
    assert store.searches.get("walk").status is SearchStatus.COMPLETED


DAMAGED_META = {
    "members": ({"members": 5}, True),
    "earlier": ({"earlier": "none"}, True),
    "folder": ({"folder": "here"}, True),
    "id": ({"id": 5}, False),
}
"""Fields of the store's own document, and whether searches can be driven without them."""


@pytest.mark.parametrize("field", DAMAGED_META)
def test_a_damaged_id_of_the_store_hides_no_search(
    field, store, store_uri, make_search, make_driver_in, caplog
):
    make_search("walk", trials=1)
    before = store.place
    damage, is_driven = DAMAGED_META[field]
    assert store._db.update("meta", {"_id": STORE_ID}, {"$set": damage})
    with Store.connect(store_uri) as later:
        assert [each.name for each in later.searches.all()] == ["walk"]
        driver = make_driver_in(later, store_uri, "walk")
        if is_driven:
            assert later.place.store == before.store
            driver.run(NEVER)
            assert later.searches.get("walk").status is SearchStatus.COMPLETED
        else:
            with pytest.raises(StateConflictError, match=r"the id of the store .* is 5"):
                driver.run(NEVER)
            assert caplog.text.count("the id of the store") == 1


def test_a_damaged_version_of_the_schema_is_named(store, store_uri):
    for version in ({"$set": {"version": "many"}}, {"$unset": {"version": ""}}):
        assert store._db.update("meta", {"_id": "schema"}, version)
        with pytest.raises(StoreCorruptedError, match="the version of its schema is"):
            Store.connect(store_uri)


def test_what_the_server_can_do_is_tried_again_where_the_kept_answer_is_damaged(store):
    assert store.lacking() == []
    for damage in ({"lacking": 5}, {"offered": "all"}):
        assert store._db.update("meta", {"_id": KEPT}, {"$set": damage})
        assert store.lacking() == []
        kept = store._db.find_one("meta", {"_id": KEPT})
        assert isinstance(kept["lacking"], list)
        assert isinstance(kept["offered"], list)
