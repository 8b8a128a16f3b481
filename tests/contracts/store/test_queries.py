"""Every query that the store issues is served by an index, as the server itself explains."""

import inspect
import re
import time
from pathlib import Path
from typing import ClassVar

import pymongo
import pytest
from epoch_maker import an_epoch
from pymongo import monitoring

import alignsearch.search
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, SearchStatus
from alignsearch.search.store.connection import INDEXES
from alignsearch.search.store.roles import COLLECTIONS, ROLES
from alignsearch.search.store.store import Store

ISSUED = "find aggregate findAndModify update delete"


class Recorder(monitoring.CommandListener):
    """Notes each command that any client sends from now on, once a shape."""

    def __init__(self):
        self.commands = {}
        self.names = set()
        self.rights = set()

    def started(self, event):
        self.names.add(event.command_name)
        for right in RIGHTS.get(event.command_name, ()):
            self.rights.add((Noting.now_used, event.command[event.command_name], right))
        if any(update.get("upsert") for update in event.command.get("updates", ())):
            self.rights.add((Noting.now_used, event.command["update"], "insert"))
        if event.command_name in ISSUED.split():
            command = {k: v for k, v in event.command.items() if k not in PRIVATE}
            shape = (*list(command.items())[:1], str(shape_of(command)))
            self.commands[shape] = command

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


RIGHTS = {
    "find": ("find",),
    "aggregate": ("find",),
    "insert": ("insert",),
    "update": ("update",),
    "findAndModify": ("find", "update"),
    "delete": ("remove",),
    "createIndexes": ("createIndex",),
}
"""The privilege actions that MongoDB asks for a command on its collection."""

PRIVATE = {"lsid", "$db", "$clusterTime", "txnNumber", "writeConcern", "$readPreference"}


def shape_of(value):
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape_of(item) for item in value[:1]]
    return type(value).__name__


class Noting(Store):
    """A store that notes which of its methods are called, and from outside."""

    used: ClassVar[set[str]] = set()
    now_used: ClassVar[str | None] = None

    def __getattribute__(self, name):
        Noting.used.add(name)
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or Noting.now_used:
            return found

        def noted(*args, **kwargs):
            Noting.now_used = name
            try:
                answer = found(*args, **kwargs)
                return list(answer) if inspect.isgenerator(answer) else answer
            finally:
                Noting.now_used = None

        return noted


def use_everything(store, new_search, new_trial):
    def begin(trial, ttl=60.0):
        return store.begin_attempt(
            trial.id, "worker", ttl=ttl, host="node-1", accelerator="cpu", versions={}, slot=0
        )

    template = new_search()
    name = f"{template.name}-again"
    store.create_search(template.model_copy(update={"name": name}))
    store.ping()
    assert store.uri_for_people
    store.searches_named([name])
    store.list_searches()
    store.active_searches()
    store.change_search(name, SearchStatus.RUNNING, "tester")
    store.request_stop(name, "tester")
    token = store.acquire_driver(name, "driver", 60.0)
    store.renew_driver(name, token, 60.0)
    store.release_driver(name, token)
    store.events(name)
    store.events_since(name, store.now())
    crashed, expired, kept, finished = (new_trial(name, tid) for tid in range(4))
    for wrong in (lambda: store.get_search("no"), lambda: store.get_trial("no")):
        with pytest.raises(LookupError):
            wrong()
    with pytest.raises(LookupError):
        store.get_trial(name, 99)
    store.place_trials([finished.id, kept.id])
    store.note_start_failure(kept.id, 0, "no numpy here")
    store.trials_by_id([finished.id, kept.id])
    assert len(store.changed([finished.id, kept.id], {})) == 2
    lease = begin(crashed).lease
    store.crash(crashed.id, 1, lease.token, "OOM", retry=True, max_attempts=3)
    begin(expired, ttl=0.01)
    time.sleep(0.05)
    store.expire(expired.id, 1, max_attempts=3, reason="gone")
    lease = begin(kept).lease
    store.hand_back(kept.id, 1, lease.token, "SIGTERM")
    lease = begin(finished).lease
    store.renew(finished.id, 1, lease.token, 60.0)
    store.record_epoch(finished.id, 1, lease.token, an_epoch(finished.id))
    store.finish(finished.id, 1, lease.token, Result(status="ok", loss=0.1))
    store.epochs(finished.id)
    store.epochs(finished.id, 1)
    store.trials(name)
    store.trials(name, LIVE_TRIAL_STATES)
    store.add_trials([Trial(id=f"{name}/6", search=name, tid=6)])
    pruned = store.add_trial(Trial(id=f"{name}/7", search=name, tid=7))
    lease = begin(pruned).lease
    store.resume(pruned.id, 1, lease.token, [an_epoch(pruned.id)])
    store.request_prune(pruned.id, 1, lease.token, "the worst")
    store.prune(pruned.id, 1, lease.token, Result(status="ok", loss=0.9))
    store.release(begin(store.add_trial(Trial(id=f"{name}/8", search=name, tid=8))).id, "stuck")
    store.epoch_records(finished.id)
    store.record_log(finished.id, 1, [])
    store.log(finished.id, 1)
    store.add_event(name, "tester", "looked")
    assert list(store.change_pages(name, 0))
    store.changes(name, 0)
    store.changed_records(name, 0, store.last_change(name))
    store.keep_tally(name)
    store.standing(name)
    store.counts(name)
    store.best(name)
    store.best_trials(name, 3)
    store.cancel_trials(name)
    assert list(store.documents(name))
    copy = f"{name}-loaded"
    event = {"search": copy, "at": store.now(), "who": "tester", "what": "x", "detail": ""}
    store.begin_load({"_id": copy, "seq": 0}, "a file")
    store.load_each("events", [event])
    assert store.count_epochs(finished.id) == 1
    store.drop_epochs(finished.id)
    assert store.count_epochs(finished.id) == 0
    assert store.log(finished.id, 1) == ()
    store.finish_load({**template.to_bson(), "_id": copy, "change": "0"})


@pytest.fixture(scope="module")
def recorder():
    listener = Recorder()
    monitoring.register(listener)
    return listener


@pytest.fixture
def issued(recorder, store_uri, new_search, new_trial):
    """What a new connection sends when every method is used."""
    with Noting.connect(store_uri) as watched:
        use_everything(watched, new_search, new_trial)
    return recorder


def stages_of(plan):
    """All stage names of an explained plan."""
    if isinstance(plan, dict):
        found = {plan["stage"]} if isinstance(plan.get("stage"), str) else set()
        return found.union(*(stages_of(item) for item in plan.values()))
    if isinstance(plan, list):
        return set().union(*(stages_of(item) for item in plan))
    return set()


def explained(command):
    """The finds whose plans tell how a command finds its documents."""
    for query in finds_of(command):
        # One document by its `_id`: what else it must fulfil needs no index.
        condition = query.get("filter", {})
        yield {**query, "filter": {"_id": condition["_id"]}} if "_id" in condition else query


def finds_of(command):
    collection = next(iter(command.values()))
    if "find" in command:
        return [command]
    if "aggregate" in command:
        return [{"find": collection, "filter": command["pipeline"][0]["$match"]}]
    if "findAndModify" in command:
        return [{"find": collection, "filter": command["query"]}]
    written = command.get("updates") or command["deletes"]
    return [{"find": collection, "filter": each["q"]} for each in written]


def test_no_method_of_the_store_is_left_out(issued):
    public = {name for name in vars_of(Store) if not name.startswith("_")}
    assert public - Noting.used - {"connect"} == set()


def vars_of(cls):
    return set().union(*(vars(parent) for parent in cls.mro() if parent is not object))


def test_every_query_is_served_by_an_index(issued, store_uri):
    # A listing of names for an error message may read the collection, up to its limit.
    queries = [
        query
        for command in issued.commands.values()
        for query in explained(command)
        if query["filter"] or "sort" in query
    ]
    assert len(queries) >= 20
    with pymongo.MongoClient(store_uri) as client:
        database = client.get_default_database("alignsearch")
        for query in queries:
            plan = database.command({"explain": query, "verbosity": "queryPlanner"})
            stages = stages_of(plan["queryPlanner"]["winningPlan"])
            assert "COLLSCAN" not in stages, (query, plan["queryPlanner"])
            assert stages & {"IXSCAN", "IDHACK", "EXPRESS_IXSCAN"}, (query, stages)


def test_find_and_modify_is_left_to_the_counters(issued):
    # The embedded server reads the whole collection for it.
    modified = {c["findAndModify"] for c in issued.commands.values() if "findAndModify" in c}
    assert modified == {"counters"}


def test_only_commands_of_every_mongodb_wire_server_are_sent(issued):
    allowed = {
        *("insert", "find", "getMore", "update", "delete", "findAndModify", "aggregate"),
        *("createIndexes", "hello", "endSessions", "explain", "saslStart", "saslContinue"),
    }
    assert issued.names
    assert issued.names <= allowed


SOURCES = Path(alignsearch.search.__file__).parents[1]
READING = ("search/best.py", "search/summary.py", "search/history.py", "search/hyperopt_trials.py")
STEERING = ("search/steering.py", "dashboards/api_changing.py", "search/cli/submission.py")
PARTS = {
    "driver": [
        *("search/driver.py", "search/ready.py", "search/slots.py", "search/watch.py"),
        *("search/service.py", "search/history.py", "search/warm_start.py"),
        *("search/metrics.py", "search/checkpoint_folders.py", "search/summary.py"),
        *("search/starts.py", "search/cli/drive.py"),
    ],
    "worker": ["workers/*.py", "search/checkpoint_folders.py"],
    "submitter": [
        *("search/cli/*.py", "search/warm_start.py", "search/copy_store.py", "dashboards/*.py"),
        "search/runs.py",
        *READING,
        *STEERING,
    ],
    "dashboard": ["dashboards/*.py", *READING],
    "operator": ["search/*.py"],
}
"""The files with what each part asks of the store."""


def methods_of(part):
    """The store's methods that a part's files name."""
    files = {path for pattern in PARTS[part] for path in SOURCES.glob(pattern)}
    assert files
    if part == "dashboard":
        files -= {SOURCES / "dashboards/api_changing.py"}
    named = re.findall(
        r"(?:store|opened)\.(\w+)", "".join(path.read_text() for path in sorted(files))
    )
    return set(named) & {name for name in vars_of(Store) if not name.startswith("_")}


@pytest.mark.parametrize("part", PARTS)
def test_a_role_allows_what_its_part_does_and_no_more(issued, part):
    needed = {
        (collection, right)
        for method, collection, right in issued.rights
        if method in methods_of(part) | {"get_search"}
    }
    needed.add(("meta", "find"))
    if part == "dashboard":
        # A reader that may not write leaves the numbering to the driver.
        needed -= {("trials", "update"), ("counters", "update")}
    if part == "operator":
        # Who keeps a store tidy may do by hand what the program does.
        by_hand = ("find", "insert", "update", "remove")
        needed |= {(collection, right) for collection in COLLECTIONS for right in by_hand}
        needed |= {(collection, "createIndex") for collection in INDEXES}
    allowed = {
        (collection, right) for collection, rights in ROLES[part].items() for right in rights
    }
    assert needed == allowed
