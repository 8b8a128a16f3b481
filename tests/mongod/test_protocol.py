"""Reads and writes go to the primary with a majority, and nothing less counts as written."""

import uuid

import mongod
import pymongo
import pytest
from pymongo import monitoring

from alignsearch.search.documents import Trial
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.store import Store


class Noted(monitoring.CommandListener):
    """Notes each command with the server that it went to, while `commands` is a list."""

    commands = None

    def started(self, event):
        if self.commands is not None:
            self.commands.append((event.connection_id, event.command))

    def succeeded(self, event): ...

    def failed(self, event): ...


NOTED = Noted()
monitoring.register(NOTED)


@pytest.fixture
def noted(monkeypatch):
    commands = []
    monkeypatch.setattr(NOTED, "commands", commands)
    return commands


RELAXED = (
    "readPreference=secondaryPreferred&maxStalenessSeconds=120",
    "readPreference=nearest&readConcernLevel=local",
    "w=1&journal=false",
    "w=0&readConcernLevel=available",
    "retryWrites=false&retryReads=false",
)


@pytest.mark.parametrize("options", RELAXED)
def test_the_protocol_reads_and_writes_with_a_majority_at_the_primary(
    options, trio, noted, make_search_in
):
    name = options.replace("=", "-").replace("&", "-")[:40]
    primary = None
    while primary is None or trio.primary() is not primary:
        # Once more where a busy machine has made the members elect another one meanwhile.
        trio.wait_for_all()
        primary = trio.primary()
        noted.clear()
        with Store.connect(f"{trio.uri.format('protocol')}&{options}", timeout=300.0) as store:
            search = make_search_in(store, f"{name}-{uuid.uuid4().hex[:8]}")
            store.trials.add(Trial(id=f"{search.name}/0", search=search.name, tid=0))
            assert [trial.tid for trial in store.trials.changes(search.name, 0)] == [0]
            store.totals.update(search.name)
            store.searches.acquire_driver(search.name, "me", 60.0)
    ours = [(where, each) for where, each in noted if each.get("$db") == "protocol"]
    assert {where for where, _ in ours} == {("127.0.0.1", primary.port)}
    reads = [each for _, each in ours if {"find", "aggregate"} & set(each)]
    writes = [each for _, each in ours if {"insert", "update", "findAndModify"} & set(each)]
    assert len(reads) > 3
    assert len(writes) > 5
    assert {each["readConcern"]["level"] for each in reads} == {"majority"}
    assert {tuple(sorted(each["writeConcern"].items())) for each in writes} == {
        (("j", True), ("w", "majority"))
    }


def fail(member, *commands):
    """Have the next command of this kind answer that too few members have acknowledged it."""
    concern = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "timed out waiting"}
    member.command(
        "configureFailPoint",
        "failCommand",
        mode={"times": 1},
        data={"failCommands": list(commands), "writeConcernError": concern},
    )


@pytest.fixture
def member(mongo):
    return mongo.members[0]


@pytest.fixture
def real(mongo):
    with Store.connect(mongo.uri.format("concerns")) as opened:
        yield opened


def test_what_too_few_members_have_acknowledged_is_not_written(member, real, make_search_in):
    search = make_search_in(real, "unacknowledged")
    new = [Trial(id=f"{search.name}/{tid}", search=search.name, tid=tid) for tid in range(3)]
    fail(member, "insert")
    with pytest.raises(StoreUnavailableError, match="refused a command"):
        real.trials.add_many(new)
    # They are there by now: added again beside a new one, all are.
    fail(member, "insert")
    more = [*new, Trial(id=f"{search.name}/3", search=search.name, tid=3)]
    with pytest.raises(StoreUnavailableError, match="refused a command"):
        real.trials.add_many(more)
    assert [trial.tid for trial in real.trials.add_many(more)] == [0, 1, 2, 3]
    fail(member, "update")
    with pytest.raises(StoreUnavailableError, match="refused a command"):
        real.searches.request_stop(search.name, "me")
    fail(member, "insert")
    with pytest.raises(StoreUnavailableError, match="refused a command"):
        real.logs.add_event(search.name, "me", "noted")


def test_a_document_that_only_a_lost_primary_has_is_not_read(trio):
    """A majority of members doesn't have it, so it can be undone."""
    # A primary that misses its members for so long steps down: later than this test takes.
    trio.set_election_timeout(600.0)
    primary = trio.primary()
    others = [member for member in trio.members if member is not primary]
    uri = trio.uri.format("unread")
    with Store.connect(uri, timeout=300.0) as store, pymongo.MongoClient(uri) as client:
        store.logs.add_event("s", "me", "known to all")
        for member in others:
            member.pause()
        try:
            event = {"search": "s", "at": store.now(), "who": "me", "what": "lost", "detail": ""}
            alone = client.get_default_database().events.with_options(
                write_concern=pymongo.WriteConcern(1)
            )
            alone.insert_one(event)
            assert [each.what for each in store.logs.events("s")] == ["known to all"]
        finally:
            for member in others:
                member.revive()
            trio.set_election_timeout(2.0)
        mongod.wait_for(
            lambda: [each.what for each in store.logs.events("s")] == ["known to all", "lost"],
            "the members have it",
        )
