"""Connecting to a store: what people are told when that fails, without their passwords."""

import socket
import time

import pymongo
import pytest

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents.errors import (
    StateConflictError,
    StoreCorruptedError,
    StoreUnavailableError,
)
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.store.address import mask


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://host:1/db", "mongodb://host:1/db"),
        ("mongodb://ann:secret@host/db", "mongodb://ann:***@host/db"),
        ("mongodb+srv://ann:se%40cret@host", "mongodb+srv://ann:***@host"),
        ("mongodb://ann:se@cr:et/@host/db", "mongodb://ann:***@host/db"),
        ("mongodb://ann@host/db", "mongodb://ann@host/db"),
        (
            "mongodb://host/?tlsCertificateKeyFilePassword=secret&tls=true",
            "mongodb://host/?tlsCertificateKeyFilePassword=***&tls=true",
        ),
        (
            "mongodb://host/?authMechanismProperties=AWS_SESSION_TOKEN:secret",
            "mongodb://host/?authMechanismProperties=***",
        ),
        ("nonsense", "nonsense"),
        ("ann:secret@host", "ann:***@host"),
        ("ftp://ann:secret@host", "ftp://ann:***@host"),
    ],
)
def test_a_uri_is_shown_without_its_secrets(uri, shown):
    assert mask(uri) == shown


@pytest.mark.parametrize(
    "uri",
    [
        "nonsense",
        "ann:secret@host",
        "http://host/",
        "mongodb://",
        "mongodb://host:port/",
        "mongodb://ann:secret@host:port/",
        "mongodb://ann:se/cret@host/",
    ],
)
def test_what_is_no_uri_is_refused_with_an_example(uri):
    with pytest.raises(ConfigurationError, match="mongodb://user:password@host") as refused:
        Store.connect(uri)
    assert "cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_server_that_is_not_there_is_reported_in_time_without_the_password():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        took = []
        while len(took) < 3:
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="doesn't answer") as failed:
                Store.connect(f"mongodb://ann:secret@127.0.0.1:{port}/db", timeout=0.5)
            took.append(time.monotonic() - started)
    # PyMongo by itself waits for 30 s. A busy machine may hold one of them up.
    assert min(took) < 25
    assert f"mongodb://ann:***@127.0.0.1:{port}/db" in str(failed.value)
    assert "secret" not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_a_server_that_says_nothing_is_reported():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        uri = f"mongodb://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(StoreUnavailableError, match="doesn't answer"):
            Store.connect(uri, timeout=0.5)


def test_a_wrong_password_is_reported_without_it(server_uri):
    uri = server_uri.replace("mongodb://", "mongodb://ann:secret@")
    with pytest.raises(StoreUnavailableError, match="refuses this user") as refused:
        Store.connect(uri)
    assert "secret" not in str(refused.value)


def test_a_store_of_a_newer_version_is_left_alone(store_uri):
    with pymongo.MongoClient(store_uri) as client:
        client.get_default_database().meta.insert_one({"_id": "schema", "version": 99})
        with pytest.raises(StoreCorruptedError, match=r"99.*upgrade alignsearch"):
            Store.connect(store_uri)
        assert client.get_default_database().list_collection_names() == ["meta"]


def test_connecting_twice_finds_the_same_store(store_uri):
    with Store.connect(store_uri) as first, Store.connect(store_uri) as second:
        first.logs.add_event("s", "me", "created")
        assert [event.what for event in second.logs.events("s")] == ["created"]


def test_the_database_is_the_uris_or_alignsearch(server_uri, store_uri):
    with Store.connect(store_uri) as named, Store.connect(server_uri) as unnamed:
        named.logs.add_event("s", "me", "in the named one")
        unnamed.logs.add_event("s", "me", "in the default one")
    with pymongo.MongoClient(server_uri) as client:
        assert client.alignsearch.events.find_one()["what"] == "in the default one"
        named_database = client[store_uri.rpartition("/")[2]]
        assert named_database.events.find_one()["what"] == "in the named one"


def test_a_search_of_a_newer_version_is_named_and_keeps_no_other_from_being_listed(
    store, store_uri, make_search, caplog
):
    make_search("known")
    make_search("newer")
    for changes, field in (
        ({"quantum": 7}, "quantum"),
        ({"status": "archived"}, "status"),
        ({"pending": "gp"}, "pending"),
    ):
        stored = store._db.find_one("searches", {"_id": "newer"})
        store._db.update("searches", {"_id": "newer"}, {"$set": changes})
        with pytest.raises(StoreCorruptedError, match=rf"'newer'.*{field}.*newer version.*upgrade"):
            store.searches.get("newer")
        with Store.connect(store_uri) as other:
            assert [search.name for search in other.searches.all()] == ["known"]
            assert [search.name for search in other.searches.all()] == ["known"]
        assert caplog.text.count("search newer is left out") == 1
        caplog.clear()
        edited = store._db.find_one("searches", {"_id": "newer"})
        assert edited == stored | changes
        store._db.update("searches", {"_id": "newer"}, {"$set": stored, "$unset": {"quantum": ""}})
    assert len(store.searches.all()) == 2


def test_a_full_queue_takes_no_more_until_a_search_is_over(store, make_search, monkeypatch):
    monkeypatch.setattr("alignsearch.search.store.searches.MOST_ACTIVE_SEARCHES", 2)
    make_search("one")
    make_search("two")
    with pytest.raises(StateConflictError, match=r"the queue is full: 2 searches wait or run"):
        make_search("three")
    with pytest.raises(UnknownNameError):
        store.searches.get("three")
    store.searches.change("one", SearchStatus.CANCELLED, "ann")
    make_search("three")
    assert [search.name for search in store.searches.all()] == ["one", "two", "three"]


UNSTORABLE = {
    "half a character in a name": (lambda s: s.searches.get("a\udcff"), "no valid Unicode"),
    "half a character in a trial": (lambda s: s.trials.get("a\udcff", 0), "no valid Unicode"),
    "half a character in a text": (
        lambda s: s.logs.add_event("s", "me", "x\udcff"),
        r"'x\\udcff' has a character",
    ),
    "a number of 400 digits": (
        lambda s: s._db.find_one("trials", {"tid": 10**400}),
        "more than 64 bits",
    ),
    "a document of 17 MB": (
        lambda s: s._db.update("events", {"_id": "x"}, {"$set": {"detail": "y" * 17_000_000}}),
        "too large",
    ),
}


@pytest.mark.parametrize("what", UNSTORABLE)
def test_what_no_store_can_hold_is_refused_in_a_line(store, what):
    call, said = UNSTORABLE[what]
    with pytest.raises(ConfigurationError, match=said) as refused:
        call(store)
    assert "\n" not in str(refused.value)


def test_a_database_that_can_have_no_such_name_is_refused(server_uri):
    with pytest.raises(ConfigurationError, match="no valid Unicode"):
        Store.connect(f"{server_uri}a\udcff", timeout=5.0)
