"""Tests of what only a real MongoDB has: they say so where it can't run."""

import shutil
import signal

import mongod
import pymongo
import pytest


@pytest.fixture(scope="module")
def trio(tmp_path_factory):
    """A replica set of three members."""
    why = mongod.missing()
    if why is not None:
        pytest.skip(why)
    with mongod.replica_set(tmp_path_factory.mktemp("trio"), 3) as running:
        yield running


def hot_backup(member, to):
    """Copy a running member's data as a snapshot of its file system does."""
    member.command("fsync", lock=True)
    try:
        shutil.copytree(
            member.folder / "data", to / "data", ignore=shutil.ignore_patterns("*.lock")
        )
    finally:
        member.command("fsyncUnlock")


@pytest.fixture
def restored(mongo, tmp_path):
    """Restore a backup of the set into a set of its own, as its handbook says; yields that."""
    made = mongod.ReplicaSet(tmp_path / "restored")
    (member,) = made.members
    hot_backup(mongo.members[0], member.folder)
    alone = mongod.Mongod(member.folder)
    try:
        # The set that it was a member of is forgotten, and a new one made of it.
        alone.start()
        with pymongo.MongoClient(alone.uri) as client:
            client.drop_database("local")
        # In order: a server that is killed now may have the set's configuration again.
        alone.kill(signal.SIGTERM)
        made.start()
        yield made
    finally:
        alone.stop()
        made.stop()
