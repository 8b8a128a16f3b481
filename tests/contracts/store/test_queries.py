"""Every query that the store issues is served by an index, as the server itself explains."""

import inspect
import re
from pathlib import Path
from typing import ClassVar

import pymongo
import pytest
from clock_ahead import with_lease_ahead
from epoch_maker import an_epoch
from pymongo import monitoring
from store_calls import drive_and_track, give_points, rename_and_delete, serve_for_a_moment

import alignsearch.search
from alignsearch.search.documents import Confirmation, Result, Trial
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.store.connection import INDEXES
from alignsearch.search.store.roles import COLLECTIONS, ROLES

PASSED = -1.0
"""Seconds of a lease that has passed as it is taken."""

ISSUED = "find aggregate findAndModify update delete"


class Recorder(monitoring.CommandListener):
    """Notes each command that any client sends while it listens, once a shape."""

    def __init__(self):
        self.listening = False
        self.commands = {}
        self.names = set()
        self.rights = set()

    def started(self, event):
        if not self.listening:
            # Servers are set up by commands that no store sends.
            return
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


PARTS_OF_STORE = (
    *("searches", "trials", "attempts"),
    "points",
    "totals",
    "logs",
    "copies",
    "renames",
    "deletions",
    "tracking",
    "services",
)


class Noting(Store):
    """A store that notes which of its parts' methods are called, and from outside."""

    used: ClassVar[set[str]] = set()
    now_used: ClassVar[str | None] = None

    def __init__(self, connection):
        super().__init__(connection)
        for part in PARTS_OF_STORE:
            setattr(self, part, NotingPart(part, getattr(self, part)))


class NotingPart:
    """A part of the store, whose methods' calls are noted as `PART.METHOD`."""

    def __init__(self, name, part):
        self._name, self._part = name, part

    def __getattr__(self, method):
        found = getattr(self._part, method)
        name = f"{self._name}.{method}"

        def noted(*args, **kwargs):
            assert Noting.now_used is None
            Noting.used.add(name)
            Noting.now_used = name
            try:
                answer = found(*args, **kwargs)
                return list(answer) if inspect.isgenerator(answer) else answer
            finally:
                Noting.now_used = None

        return noted


def use_everything(store, new_search, new_trial):
    def begin(trial, ttl=60.0):
        return store.attempts.begin(
            trial.id, "worker", ttl=ttl, host="node-1", accelerator="cpu", versions={}, slot=0
        )

    template = new_search()
    name = f"{template.name}-again"
    store.searches.create(template.model_copy(update={"name": name}))
    store.ping()
    assert store.uri_for_people
    store.searches.named([name])
    store.searches.all()
    store.searches.active()
    store.searches.change(name, SearchStatus.RUNNING, "tester")
    store.searches.request_stop(name, "tester")
    store.searches.extend(name, {"trials": 400}, "tester", detail="trials 400")
    store.searches.confirm(name, Confirmation(), "tester")
    store.searches.adjust(name, {"parallel": 4}, "tester", detail="parallel 4")
    store.searches.end(*store.searches.decide(name), SearchStatus.COMPLETED, "x", detail="enough")
    store.searches.reopen(name, "tester", "to try trial 1 again")
    store.logs.events(name)
    store.logs.events_since(name, store.now())
    crashed, expired, kept, finished = (new_trial(name, tid) for tid in range(4))
    for wrong in (lambda: store.searches.get("no"), lambda: store.trials.get("no")):
        with pytest.raises(LookupError):
            wrong()
    with pytest.raises(LookupError):
        store.trials.get(name, 99)
    store.trials.place([finished.id, kept.id])
    store.trials.note_start_failure(kept.id, 0, "no numpy here")
    store.trials.by_id([finished.id, kept.id])
    assert len(store.trials.unnumbered(name)) == 4
    assert len(store.trials.changed([finished.id, kept.id], {})) == 2
    lease = begin(crashed).lease
    store.attempts.crash(crashed.id, 1, lease.token, "OOM", retry=True, max_attempts=3)
    begin(expired, ttl=PASSED)
    store.attempts.expire(expired.id, 1, max_attempts=3, reason="gone")
    lease = begin(kept).lease
    store.attempts.hand_back(kept.id, 1, lease.token, "SIGTERM")
    lease = (begun := begin(finished)).lease
    store.attempts.pull_back(with_lease_ahead(begun, "lease"))
    store.attempts.renew(finished.id, 1, lease.token, 60.0)
    store.attempts.record_epoch(finished.id, 1, lease.token, an_epoch(finished.id))
    store.attempts.finish(finished.id, 1, lease.token, Result(status="ok", loss=0.1))
    store.logs.epochs(finished.id)
    store.logs.epochs(finished.id, 1)
    store.trials.all(name)
    store.trials.all(name, LIVE_TRIAL_STATES)
    store.trials.all_readable(name, LIVE_TRIAL_STATES)
    assert store.trials.unreadable(name) == set()
    store.trials.find(name, 0)
    store.trials.add_many([Trial(id=f"{name}/6", search=name, tid=6)])
    pruned = store.trials.add(Trial(id=f"{name}/7", search=name, tid=7))
    lease = begin(pruned).lease
    store.attempts.resume(pruned.id, 1, lease.token, [an_epoch(pruned.id)])
    store.attempts.request_prune(pruned.id, 1, lease.token, "the worst")
    store.attempts.prune(pruned.id, 1, lease.token, Result(status="ok", loss=0.9))
    store.attempts.release(
        begin(store.trials.add(Trial(id=f"{name}/8", search=name, tid=8))).id, "stuck"
    )
    store.logs.epoch_records(finished.id)
    store.logs.record_lines(finished.id, 1, [])
    store.logs.lines(finished.id, 1)
    store.logs.add_event(name, "tester", "looked")
    assert list(store.trials.change_pages(name, 0))
    store.trials.changes(name, 0)
    assert list(store.trials.numbered(name, 0, store.trials.last_change(name)))
    assert list(store.trials.numbered_records(name, 0, store.trials.last_change(name)))
    store.trials.changed_records(name, 0, store.trials.last_change(name))
    store.totals.update(name)
    store.totals.standing(name)
    store.totals.since_best(name)
    store.totals.counts(name)
    store.totals.best(name)
    store.totals.diverged(name)
    store.trials.best(name, 3)
    for tid, end in ((9, store.attempts.cancel), (10, store.attempts.withdraw)):
        trial = store.trials.add(Trial(id=f"{name}/{tid}", search=name, tid=tid))
        end(trial.id if tid == 9 else trial, "it is not wanted")
    give_points(store, name)
    store.attempts.cancel_all(name)
    assert list(store.copies.documents(name))
    copy = f"{name}-loaded"
    event = {"search": copy, "at": store.now(), "who": "tester", "what": "x", "detail": ""}
    mark = store.copies.begin_load({"_id": copy, "seq": 0}, "a file")
    store.copies.load_each("events", [event], mark)
    store.copies.note_load(copy, mark, "tester", "a file")
    assert store.logs.count_epochs(finished.id) == 1
    store.logs.drop_epochs(finished.id)
    assert store.logs.count_epochs(finished.id) == 0
    assert store.logs.lines(finished.id, 1) == ()
    store.copies.finish_load({**template.to_bson(), "_id": copy, "change": "0"}, mark)
    store.searches.edit(name, lambda _: {"note": "looked at"}, "tester", "note", "looked at")
    drive_and_track(store, name)
    rename_and_delete(store, name)
    serve_for_a_moment(store)


@pytest.fixture(scope="module")
def recorder():
    listener = Recorder()
    monitoring.register(listener)
    return listener


@pytest.fixture
def issued(recorder, store_uri, new_search, new_trial):
    """The commands that a new connection sends when every method is used."""
    recorder.listening = True
    with Noting.connect(store_uri) as watched:
        use_everything(watched, new_search, new_trial)
    recorder.listening = False
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


def test_no_method_of_the_store_is_left_out(issued, store):
    assert methods(store) == Noting.used


def methods(store):
    """The public methods of the store's parts, as `PART.METHOD`."""
    return {
        f"{part}.{name}"
        for part in PARTS_OF_STORE
        for name in vars(type(getattr(store, part)))
        if not name.startswith("_")
    }


def test_every_part_of_the_store_is_known(store):
    parts = {name for name in vars(store) if not name.startswith("_")}
    assert parts - {"news"} == set(PARTS_OF_STORE)


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
READING = (
    *("search/reports/best.py", "search/use_cases/summary.py", "search/driver/history.py"),
    *("search/use_cases/hyperopt_trials.py", "search/use_cases/sampler_failures.py"),
)
CHANGING = tuple(f"dashboards/web/api/{name}.py" for name in ("points", "steering", "submissions"))
PARTS = {
    "driver": [
        *("search/driver/*.py", "search/use_cases/summary.py", "public/driving.py"),
        *("search/use_cases/tracking*.py", "search/use_cases/beside_driving.py"),
    ],
    "worker": ["workers/**/*.py", "search/attempts/*.py", "search/driver/state_retention.py"],
    "submitter": [
        *("public/*.py", "public/cli/*.py", "dashboards/**/*.py", "experiments/*.py"),
        *(
            f"search/use_cases/{name}.py"
            for name in ("new_search", "priors", "steering", "warm_start")
        ),
        *(f"search/use_cases/{name}.py" for name in ("budget", "giving", "retrying")),
        "search/driver/intake.py",
        *READING,
    ],
    "dashboard": ["dashboards/**/*.py", *READING],
    "operator": ["search/**/*.py"],
}
"""The files in which each part of the program calls the store."""


def sources_of(part):
    """The text of a part's files."""
    files = set()
    for pattern in PARTS[part]:
        found = set(SOURCES.glob(pattern))
        assert found, f"{pattern} names no file any more"
        files |= found
    if part == "dashboard":
        for name in CHANGING:
            files.remove(SOURCES / name)
    return "".join(path.read_text() for path in sorted(files))


def methods_of(part, store):
    """The store's methods that a part's files name."""
    named = re.findall(r"(?:store|opened)\.(\w+\.\w+)", sources_of(part))
    return set(named) & methods(store)


def followed_by(part):
    """The collections whose changes a part's files wait for."""
    calls = re.findall(r"waker\(([^)]*)\)", sources_of(part))
    return {name for call in calls for name in re.findall(r'"(\w+)"', call)}


@pytest.mark.parametrize("part", PARTS)
def test_a_role_allows_what_its_part_does_and_no_more(issued, store, part):
    needed = {
        (collection, right)
        for method, collection, right in issued.rights
        if method in methods_of(part, store) | {"searches.get"}
    }
    needed.add(("meta", "find"))
    if part != "operator":
        needed |= {(collection, "changeStream") for collection in followed_by(part)}
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
