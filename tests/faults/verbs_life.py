"""Verbs of a search as a whole, for `verbs.py`."""

import json
from pathlib import Path

from digits_search import finished_training
from verb_cases import STATE_FILE, Case, Verb, documents, finished_search, new_search

from alignment_core import files
from alignsearch.search.documents import WarmStart, checkpoint_names
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import dump
from alignsearch.search.store.whole import renamed

COLLECTIONS = ("searches", "trials", "epochs", "logs", "points", "counters")


def folder_of(case, name):
    folder = checkpoint_names.of_search(case.store.searches.get(name))
    assert folder is not None
    return Path(folder)


def states_in(folder):
    return sorted(path.read_text() for path in Path(folder).rglob(STATE_FILE))


def is_there(case, name):
    return bool(case.store.searches.named([name]))


def events(case, name):
    return [(each.who, each.what, each.detail) for each in case.store.logs.events(name)]


def said(case, name, what):
    """Details of the events of a kind by the person who gives the commands."""
    return [detail for who, kind, detail in events(case, name) if kind == what and "@" in who]


def plain(case, name, *, without=("events",)):
    """All that the store has of a search, without its events."""
    return [(kind, each) for kind, each in documents(case.store, name) if kind not in without]


def two_finished(case):
    for name in ("a", "other"):
        finished_search(case, name)
    case.known["other"] = documents(case.store, "other")
    case.known["documents"] = documents(case.store, "a")
    case.known["folder"] = folder_of(case, "a")


def other_is_untouched(case):
    assert documents(case.store, "other") == case.known["other"]
    assert len(states_in(folder_of(case, "other"))) == 3


def whole_or_gone(case):
    if is_there(case, "a"):
        assert documents(case.store, "a") == case.known["documents"]
        assert len(states_in(case.known["folder"])) == 3


def deleted(case):
    for collection in COLLECTIONS:
        found = case.store._db.find(collection, {})
        assert not [each for each in found if each["_id"].partition("/")[0] == "a"], collection
    # One event tells who it was.
    assert said(case, "a", "deleted") == ["3 trials"]
    assert len(events(case, "a")) == 1
    assert not case.known["folder"].exists()
    other_is_untouched(case)


def prepare_rename(case):
    two_finished(case)
    new_search(case, "follower", warm_start=WarmStart(search="a", trials=3))


def one_of_both_is_whole(case):
    assert not (is_there(case, "a") and is_there(case, "b"))
    whole_or_gone(case)
    if is_there(case, "b"):
        is_renamed(case, finished=False)


def is_renamed(case, *, finished=True):
    # Numbers of changes are the store's own affair, as long as none is given twice.
    before = {
        (kind, each["_id"]): each
        for kind, each in case.known["documents"]
        if kind not in ("events", "counters")
    }
    expected = {(kind, each["_id"]): each for kind, each in plain_renamed(before)}
    found = {
        (kind, each["_id"]): each
        for kind, each in documents(case.store, "b")
        if kind not in ("events", "counters")
    }
    found["searches", "b"] = {**found["searches", "b"], "checkpoint_folder": None}
    assert found == expected
    assert said(case, "b", "renamed") == ["from a"]
    before_events = [each for kind, each in case.known["documents"] if kind == "events"]
    assert len(events(case, "b")) == len(before_events) + 1
    assert folder_of(case, "b") == case.known["folder"]
    assert states_in(folder_of(case, "b")) == [f"a/{tid}" for tid in range(3)]
    assert case.store.totals.best("b").tid == 0
    other_is_untouched(case)
    if finished:
        assert not is_there(case, "a")
        assert documents(case.store, "a") == []
        assert case.store._db.find("trials", {"search": "a"}) == []
        assert case.store._db.find_one("counters", {"_id": "a"}) is None
        assert said(case, "a", "renamed") == ["to b"]
        assert case.store.searches.get("follower").warm_start.search == "b"
        assert case.store.renames.unfinished() == []


def plain_renamed(before):
    return [(kind, renamed(kind, each, "a", "b")) for (kind, _), each in before.items()]


def prepare_load(case):
    finished_search(case)
    dump.dump(case.store, "a", case.folder / "a.json")
    case.known["documents"] = plain(case, "a")
    case.known["events"] = events(case, "a")
    case.known["folder"] = folder_of(case, "a")


def prepare_load_elsewhere(case):
    prepare_load(case)
    for collection in (*COLLECTIONS, "events"):
        case.store._db.delete(collection, {})


def but_identity(documents):
    """The documents without the fields by which a copy is told from its original."""
    own = ("token", "inherits", "checkpoint_folder")
    return [
        (kind, {key: value for key, value in each.items() if key not in own})
        for kind, each in documents
    ]


def is_loaded(case, name="a"):
    expected = [(kind, renamed_or_counter(kind, each, name)) for kind, each in all_but_folder(case)]
    assert but_identity(plain(case, name)) == but_identity(expected)
    assert said(case, name, "loaded") == ["a.json" if name == "a" else "a from a.json"]
    others = [each for each in events(case, name) if each[1] != "loaded"]
    assert sorted(others) == sorted(case.known["events"])
    # The copy owns nothing of its original.
    assert folder_of(case, name) != case.known["folder"]
    assert len(states_in(case.known["folder"])) == 3


def all_but_folder(case):
    return [(kind, dict(each)) for kind, each in case.known["documents"]]


def renamed_or_counter(kind, each, name):
    return {**each, "_id": name} if kind == "counters" else renamed(kind, each, "a", name)


def nothing_or_all_is_loaded(case):
    if is_there(case, "a"):
        is_loaded(case)


def nothing_or_all_is_loaded_beside(case):
    assert plain(case, "a") == case.known["documents"]
    if is_there(case, "b"):
        is_loaded(case, "b")


def loaded_beside(case):
    assert plain(case, "a") == case.known["documents"]
    is_loaded(case, "b")


def retained(case):
    kept = case.store.totals.best("a")
    folder = folder_of(case, "a")
    for trial in case.store.trials.all("a"):
        best = trial.id == kept.id
        assert bool(case.store.logs.epochs(trial.id)) == best
        assert bool(case.store.logs.lines(trial.id, 1)) == best
        left = files.names(f"{folder}/{trial.tid}/1")
        assert left == ([STATE_FILE] if best else [])


def has_note(case):
    assert case.store.searches.get("a").note == "to be repeated"
    # A command that was given twice is an event twice, if the first one came that far.
    assert said(case, "a", "note") in (["to be repeated"], ["to be repeated"] * 2)


def has_tags(case):
    assert case.store.searches.get("a").tags == ("kept", "new")
    assert said(case, "a", "tagged") in (["+new -old"], ["+new -old"] * 2)


def prepare_tags(case: Case) -> None:
    finished_search(case, tags=("kept", "old"))


SEEDS = (3, 8)


def prepare_best(case: Case) -> None:
    # A short lease: a repeated command waits for the one that a killed worker has left. One slot:
    # its worker imports TensorFlow and compiles the network once, for both seeds.
    finished_training(case.store, "a", lease_seconds=20.0, parallel=1)
    case.known["documents"] = plain(case, "a")


def nothing_or_all_is_listed(case):
    for made in longer_searches(case):
        assert [trial.config["seed"] for trial in case.store.trials.all(made.name)] == list(SEEDS)


def longer_searches(case):
    return [each for each in case.store.searches.all() if each.name != "a"]


def is_trained_for_longer(case):
    (made,) = longer_searches(case)
    assert made.status is SearchStatus.COMPLETED
    trials = case.store.trials.all(made.name)
    assert [trial.config["seed"] for trial in trials] == list(SEEDS)
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    for trial in trials:
        assert [each.epoch for each in case.store.logs.epochs(trial.id)] == [1]
    left = json.loads((case.folder / "runs" / made.name / "results.json").read_text())
    assert [run["value"] for run in left["runs"]] == [trial.loss for trial in trials]
    # The search itself is as it was.
    assert plain(case, "a") == case.known["documents"]


def prepare_dump(case):
    finished_search(case)
    case.known["documents"] = plain(case, "a", without=())


def nothing_or_all_is_dumped(case):
    if (case.folder / "a.json").exists():
        assert dump.check(case.folder / "a.json").search["_id"] == "a"


def dumped(case):
    """The file has all, the store is as it was, and no part of a file is left."""
    lines = (case.folder / "a.json").read_text().splitlines()[1:-1]
    assert [dump._parsed(each) for each in lines] == case.known["documents"]
    assert plain(case, "a", without=()) == case.known["documents"]
    dump.check(case.folder / "a.json")
    assert [path.name for path in case.folder.iterdir() if path.is_file()] == ["a.json"]


ROWS = (
    Verb(
        "delete",
        two_finished,
        lambda case: ["delete", "a", "--yes"],
        deleted,
        between=whole_or_gone,
        codes=(2,),
    ),
    Verb(
        "rename",
        prepare_rename,
        lambda case: ["rename", "a", "b"],
        is_renamed,
        between=one_of_both_is_whole,
        codes=(2,),
    ),
    Verb("note", finished_search, lambda case: ["note", "a", "to be repeated"], has_note),
    Verb("tag", prepare_tags, lambda case: ["tag", "a", "+new", "-old"], has_tags),
    Verb(
        "dump",
        prepare_dump,
        lambda case: ["dump", "a", "a.json"],
        dumped,
        between=nothing_or_all_is_dumped,
        codes=(2,),
        # It writes nothing to the store.
        in_process=False,
    ),
    Verb(
        "load",
        prepare_load_elsewhere,
        lambda case: ["load", "a.json"],
        is_loaded,
        between=nothing_or_all_is_loaded,
        codes=(2,),
    ),
    Verb(
        "load-as",
        prepare_load,
        lambda case: ["load", "a.json", "--as", "b"],
        loaded_beside,
        between=nothing_or_all_is_loaded_beside,
        codes=(2,),
    ),
    Verb(
        "retain",
        lambda case: finished_search(case, keep_checkpoints=2),
        lambda case: ["retain", "--days", "0", "--keep", "1", "--yes"],
        retained,
    ),
    Verb(
        "train-from",
        prepare_best,
        lambda case: ["train", "--from", "a", "--epochs", "1", "--seeds", "3,8"],
        is_trained_for_longer,
        between=nothing_or_all_is_listed,
        in_process=False,
        costly=True,
    ),
)
