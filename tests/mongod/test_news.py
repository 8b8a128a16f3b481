"""Change streams of real replica sets: followed through failovers, and refused without a right."""

import signal
import threading
import time

import mongod
import pymongo
import pytest
from driving import wait_until
from secured_mongod import SecuredMongod

from alignsearch.search.store import Store
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.news.feeds import POLLING
from alignsearch.search.store.roles import apply_roles, apply_users, role_name

PATIENCE = 300.0


def step_down(trio):
    trio.step_down()


@pytest.mark.parametrize("strike", [step_down, mongod.kill_primary])
def test_a_stream_goes_on_after_a_failover(strike, trio):
    trio.wait_for_all()
    uri = trio.uri.format(f"news_{strike.__name__}")
    with Store.connect(uri, timeout=300.0) as store, Store.connect(uri, timeout=300.0) as writer:
        store.lacking()
        with store.news.waker("searches") as waker:
            while waker.wait(2.0):
                pass
            victim = strike(trio)
            # A change by which nobody else than the stream could wake anybody.
            wait_until(lambda: written(writer), PATIENCE)
            assert waker.wait(PATIENCE)
            if victim is not None:
                victim.revive()
            trio.wait_for_all()
            while waker.wait(2.0):
                pass
            assert written(writer)
            assert waker.wait(PATIENCE)


def written(store):
    """Write a document that a stream shows; return whether that was acknowledged."""
    try:
        store._db.insert("searches", {"_id": f"number {time.monotonic()}"})
    except ConnectionError:
        return False
    return True


def test_a_stream_whose_collection_is_dropped_begins_anew(trio):
    trio.wait_for_all()
    uri = trio.uri.format("dropped")
    with (
        Store.connect(uri) as store,
        Store.connect(uri) as writer,
        pymongo.MongoClient(uri) as client,
        store.news.waker("searches") as waker,
    ):
        while waker.wait(2.0):
            pass
        client.get_default_database().searches.drop()
        # It tells of the drop, or as it begins anew.
        assert waker.wait(PATIENCE)
        while waker.wait(4.0):
            pass
        assert written(writer)
        assert waker.wait(PATIENCE)


def test_a_server_that_is_no_replica_set_is_polled(tmp_path):
    with mongod.one_member(tmp_path) as member, Store.connect(member.uri) as store:
        assert store.lacking() == []
        assert store.news.kind() == POLLING


def test_a_server_that_becomes_a_replica_set_is_tried_out_again(tmp_path):
    alone = mongod.Mongod(tmp_path / "0")
    try:
        alone.start()
        with StoreConnection.open(alone.uri, 300.0) as connection:
            store = Store(connection)
            store.lacking()
            assert store.news.kind() == POLLING
        alone.kill(signal.SIGTERM)
        alone.start("--replSet", mongod.NAME)
        members = [{"_id": 0, "host": alone.address}]
        alone.command("replSetInitiate", {"_id": mongod.NAME, "members": members})
        mongod.wait_for(lambda: alone.command("hello")["isWritablePrimary"], "it is primary")
        with Store.connect(alone.uri, timeout=300.0) as store:
            store.lacking()
            assert store.news.kind() == "change streams"
    finally:
        alone.stop()


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A MongoDB with users."""
    why = mongod.missing()
    if why is not None:
        pytest.skip(why)
    server = SecuredMongod(tmp_path_factory.mktemp("secured"))
    server.start()
    yield server
    server.stop(signal.SIGKILL)


def following():
    return [each for each in threading.enumerate() if each.name == "news of searches"]


@pytest.mark.parametrize("part", ["driver", "submitter", "dashboard"])
def test_a_role_may_follow_and_one_of_an_earlier_version_polls(part, secured):
    """`store roles --apply` gives roles that an earlier version has made their new right."""
    root = secured.uri(database=f"roles_{part}")
    apply_roles(root)
    uris = apply_users(root)
    with (
        Store.connect(uris[part]) as store,
        Store.connect(uris["submitter"]) as person,
    ):
        with store.news.waker("searches") as waker:
            while waker.wait(2.0):
                pass
            assert written(person)
            assert waker.wait(PATIENCE)
        wait_until(lambda: not following())
        without_the_right(root, part)
        with store.news.waker("searches") as waker:
            wait_until(lambda: not following())
            assert written(person)
            assert not waker.wait(1.0)
    apply_roles(root)
    with Store.connect(uris[part]) as store, store.news.waker("searches") as waker:
        assert waker.wait(PATIENCE)


def without_the_right(root, part):
    """Take a role's right to follow changes, which earlier versions gave to none."""
    with StoreConnection.open(root, 300.0) as connection:
        (role,) = connection.command({"rolesInfo": role_name(part), "showPrivileges": True})[
            "roles"
        ]
        privileges = [
            {**each, "actions": [right for right in each["actions"] if right != "changeStream"]}
            for each in role["privileges"]
        ]
        connection.command({"updateRole": role_name(part), "privileges": privileges})
