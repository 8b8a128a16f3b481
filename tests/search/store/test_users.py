"""A server with users, rights and TLS: who gets in, who may do what, and what others are told."""

import re
import signal
import threading
import uuid

import mongod
import pymongo
import pytest
from secured_mongod import SecuredMongod
from secured_server import SecuredServer

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Event
from alignsearch.search.documents.errors import StoreRefusedError, StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.search.store.roles import ROLES, apply_roles, apply_users

SECONDS = (0.6, 6.0, 60.0)
"""Seconds within which a server must be found: more where a busy machine comes to no answer."""


@pytest.fixture(
    scope="module", params=["embedded", *(["mongod"] if mongod.missing() is None else [])]
)
def secured(request, tmp_path_factory):
    """A server that asks for users and TLS, of each kind."""
    kind = SecuredMongod if request.param == "mongod" else SecuredServer
    server = kind(tmp_path_factory.mktemp("secured"))
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def uris(secured):
    """The URI of a user for each role, all on one database."""
    root = secured.uri(database=f"roles_{uuid.uuid4().hex[:8]}")
    apply_roles(root)
    return apply_users(root)


def test_a_user_gets_in_over_tls(secured):
    with Store.connect(secured.uri(database="tried"), timeout=300.0) as opened:
        assert opened.searches.all() == []
        assert "p%40ss" not in opened.uri_for_people
        assert "//root:***@127.0.0.1" in opened.uri_for_people


REFUSED = {
    "a wrong password": ({"password": "wr0ng"}, StoreRefusedError, "check the user name, the pass"),
    "an unknown user": ({"user": "ann"}, StoreRefusedError, "refuses this user"),
    "another authSource": ({"authSource": "other"}, StoreRefusedError, "authSource= names"),
    "no user": ({"user": None}, StoreRefusedError, "wants a user: mongodb://USER:PASSWORD@"),
    "no authority": (
        {"tlsCAFile": None},
        StoreUnavailableError,
        "certificate verify failed.*CAFile",
    ),
    "no TLS": ({"tls": None, "tlsCAFile": None}, StoreUnavailableError, "add .tls=true to the URI"),
    "another host's name": (
        {"host": "localhost"},
        StoreUnavailableError,
        "'localhost'.*URI's host",
    ),
    "an authority that is not there": (
        {"tlsCAFile": "/nowhere/ca.pem"},
        ConfigurationError,
        "names a certificate's file that can't be used .*No such file.*'/nowhere/ca.pem'",
    ),
    "a key for an authority": (
        {"tlsCAFile": "server.key"},
        ConfigurationError,
        "names a certificate's file that can't be used",
    ),
}


def refusal(uri, kind, said):
    """Return the error of a connection that is refused, in these words."""
    for seconds in SECONDS:
        with pytest.raises((kind, StoreUnavailableError)) as refused:
            Store.connect(uri, timeout=seconds)
        if re.search(said, str(refused.value)):
            break
    assert re.search(said, str(refused.value))
    assert issubclass(refused.type, kind)
    return refused.value


@pytest.mark.parametrize("case", REFUSED)
def test_who_does_not_get_in_is_told_why_without_the_password(secured, case, monkeypatch):
    monkeypatch.chdir(secured.folder)
    options, kind, said = REFUSED[case]
    words = str(refusal(secured.uri(**options), kind, said))
    assert "\n" not in words
    assert len(words) < 600
    assert not any(secret in words for secret in ("p@ss", "p%40ss", "wr0ng"))


def test_a_server_without_tls_is_told_apart(server_uri, secured):
    plain = f"{server_uri}tried?tls=true&tlsCAFile={secured.authority}"
    refusal(plain, StoreUnavailableError, r"SSL.*both sides must want TLS or neither")


def test_each_role_may_read_what_it_needs_and_no_more(uris):
    for part, uri in uris.items():
        with Store.connect(uri) as store:
            store.searches.all()
            event = Event(search="s", at=store.now(), who=part, what="came")
            if "insert" in ROLES[part].get("events", ()):
                store.logs.add_event(event.search, event.who, event.what)
            else:
                with pytest.raises(StoreRefusedError, match="store roles` says which rights"):
                    store.logs.add_event(event.search, event.who, event.what)
    with pymongo.MongoClient(uris["driver"]) as client:
        database = client.get_default_database()
        for forbidden in (
            database.trials.drop,
            lambda: database.trials.delete_one({}),
            lambda: client.admin.command("usersInfo", 1),
            client["other"].trials.find_one,
        ):
            with pytest.raises(pymongo.errors.OperationFailure, match="not authorized"):
                forbidden()


def test_a_display_that_may_only_read_follows_a_search(uris, make_search_in, make_driver_in):
    with (
        Store.connect(uris["submitter"]) as person,
        Store.connect(uris["driver"]) as driver,
        Store.connect(uris["dashboard"]) as display,
    ):
        make_search_in(person, "watched", trials=4)
        driving = make_driver_in(driver, uris["worker"], "watched")
        driving.run(threading.Event())
        assert display.trials.last_change("watched") > 0
        assert len(display.trials.changes("watched", 0)) == 4
        assert display.totals.best("watched") == person.totals.best("watched")


def test_new_passwords_replace_the_old_ones(secured):
    root = secured.uri(database="renewed")
    apply_roles(root)
    before = apply_users(root)
    apply_roles(root)
    after = apply_users(root)
    assert before["worker"] != after["worker"]
    Store.connect(after["worker"]).close()
    with pytest.raises(StoreRefusedError):
        Store.connect(before["worker"])
    with pytest.raises(StoreRefusedError):
        apply_users(after["operator"])
