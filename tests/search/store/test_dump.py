"""Searches that move between stores as files, whole or not at all."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from bson import json_util

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import AttemptLease, LogLine
from alignsearch.search.documents.errors import NameTakenError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store
from alignsearch.search.store.copies import Copies
from alignsearch.search.store.dump import check, dump, load
from alignsearch.search.use_cases.enqueueing import Wanted, enqueue

NEVER = threading.Event()
POINT = {"sigma": 0.5, "alpha_over_beta": 15.0, "beta": 1e-3}


@pytest.fixture
def other_uri(server_uri):
    return f"{server_uri.rstrip('/')}/other_{uuid.uuid4().hex}"


@pytest.fixture
def other(other_uri):
    """A second, empty store."""
    with Store.connect(other_uri) as opened:
        yield opened


@pytest.fixture
def dumped(store, make_search, make_driver, tmp_path):
    """A search that was stopped by an interrupt after some of its trials, and its file."""
    make_search("moved", trials=8, parallel=2, epochs=2, space="ia")
    driver = make_driver("moved")
    interrupt = threading.Event()
    driver.run(
        interrupt, lambda: driver.history.count(TrialState.COMPLETED) >= 4 and interrupt.set()
    )
    assert store.searches.get("moved").status == SearchStatus.RUNNING
    store.logs.record_lines("moved/0", 1, [LogLine(at=store.now(), level="INFO", text="begun")])
    file = tmp_path / "moved.jsonl.gz"
    dump(store, "moved", file)
    return file


OF_A_COPY = ("token", "inherits")
"""Fields by which a copy is told from its original: `test_places.py` has tests of them."""


def everything(store, name):
    """All that a store holds of a search and its copy has too, in the types of BSON."""
    found = []
    for collection, document in store.copies.documents(name):
        same = {key: value for key, value in document.items() if key not in OF_A_COPY}
        text = json_util.dumps(same, json_options=json_util.CANONICAL_JSON_OPTIONS)
        found.append((collection, text))
    return found


def test_a_search_moves_without_loss_and_goes_on_as_it_would_have(
    store, store_uri, other, other_uri, dumped, make_driver, make_driver_in
):
    assert load(other, check(dumped)) == "moved"
    assert everything(other, "moved") == everything(store, "moved")
    assert {collection for collection, _ in everything(other, "moved")} == {
        *("searches", "trials", "epochs", "events", "logs", "counters"),
    }
    assert other.trials.all("moved") == store.trials.all("moved")
    assert other.logs.events("moved") == store.logs.events("moved")
    seen = History(other, "moved")
    seen.sync()
    make_driver("moved").run(NEVER)
    make_driver_in(other, other_uri, "moved").run(NEVER)
    ends = [[(t.tid, t.state) for t in each.trials.all("moved")] for each in (store, other)]
    assert ends[0] == ends[1] == [(tid, TrialState.COMPLETED) for tid in range(8)]
    # A reader that had followed the loaded search misses none of what came after.
    assert {trial.tid for trial in seen.sync()} >= set(range(6, 8))


def test_a_running_trial_and_odd_numbers_move_too(store, other, make_search, tmp_path, make_driver):
    make_search("odd", trials=1)
    make_driver("odd").run(NEVER)
    trial = store.trials.get("odd", 0)
    exact = {"result.metrics": {"chance_error": 0.1 + 0.2, "whole": 1.0, "none": float("nan")}}
    lease = AttemptLease(owner="w", attempt=1, token="t", expires_at=store.now())
    changed = {**exact, "state": "running", "lease": lease.to_bson(), "progress": None}
    store._db.update("trials", {"_id": trial.id}, {"$set": changed})
    file = tmp_path / "odd.jsonl"
    dump(store, "odd", file)
    load(other, check(file))
    assert everything(other, "odd") == everything(store, "odd")
    assert other.trials.get("odd", 0).lease == lease


def test_a_dump_of_a_running_search_has_no_epoch_that_its_trials_had_not_told(
    store, make_search, make_driver, other, tmp_path
):
    make_search("busy", trials=12, parallel=4, epochs=6)
    dumps = []

    def dump_it():
        file = tmp_path / f"{len(dumps)}.jsonl"
        dump(store, "busy", file)
        dumps.append(file)

    make_driver("busy").run(NEVER, lambda: len(dumps) < 5 and dump_it())
    went_on = 0
    for file in dumps:
        search = file.stem
        documents = [json_util.loads(line) for line in file.read_text().splitlines()[1:-1]]
        of = {
            kind: [d["document"] for d in documents if d["collection"] == kind]
            for kind in ("trials", "epochs", "events")
        }
        progress = {
            (trial["_id"], trial["attempt"]): trial["progress"]["epoch"] if trial["progress"] else 0
            for trial in of["trials"]
        }
        live = {trial["_id"] for trial in of["trials"] if trial["lease"]}
        went_on += len(live)
        for epoch in of["epochs"]:
            assert epoch["epoch"] <= progress[epoch["trial"], epoch["attempt"]], search
        assert all(event["what"] != "completed" for event in of["events"])
    assert went_on > 4
    load(other, check(dumps[-1]))


def test_a_name_that_is_taken_is_kept(store, other, dumped, make_search_in):
    taken = make_search_in(other, "moved")
    with pytest.raises(NameTakenError, match="there is a search named 'moved' already"):
        load(other, check(dumped))
    assert other.searches.get("moved") == taken
    assert other.trials.all("moved") == []
    with pytest.raises(NameTakenError):
        load(store, check(dumped))


def test_a_load_that_broke_off_shows_nothing_and_goes_on(
    other, dumped, monkeypatch, make_search_in
):
    with monkeypatch.context() as patched:
        patched.setattr(Copies, "finish_load", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            load(other, check(dumped))
    assert other.searches.all() == []
    with pytest.raises(UnknownNameError):
        other.searches.get("moved")
    # Nobody's search gets the trials that are there already.
    with pytest.raises(NameTakenError, match="is being loaded"):
        make_search_in(other, "moved")
    assert load(other, check(dumped)) == "moved"
    assert (
        len(other.trials.all("moved"))
        == len({trial.seq for trial in other.trials.all("moved")})
        >= 4
    )


def lines_of(file):
    return gzip.decompress(file.read_bytes()).decode().splitlines(keepends=True)


def sealed(lines):
    """The lines with the end that belongs to them."""
    text = "".join(lines)
    end = {"documents": len(lines) - 1, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return text + json.dumps(end) + "\n"


def edited(lines, collection, **changes):
    """The first document of a collection with other fields, under a right checksum."""
    at = next(n for n, line in enumerate(lines) if f'"collection": "{collection}"' in line)
    line = json.loads(lines[at])
    line["document"] |= changes
    return sealed([*lines[:at], json.dumps(line) + "\n", *lines[at + 1 : -1]])


DAMAGED = {
    "empty": (lambda _: "", "line 1: "),
    "something else": (lambda _: '{"a": 1}\n', "not made by `alignsearch dump`"),
    "words": (lambda _: "once upon a time\n", "not made by `alignsearch dump`"),
    "slots without end": (
        lambda lines: edited(lines, "searches", parallel=10_001),
        "parallel: a search has 10000 slots at most",
    ),
    "newer": (
        lambda lines: sealed([lines[0].replace('"schema": 1', '"schema": 2'), *lines[1:-1]]),
        "schema version 2, and this program knows versions up to 1: upgrade",
    ),
    "truncated": (lambda lines: "".join(lines[:-3]), "it is truncated"),
    "cut in a line": (lambda lines: "".join(lines)[:-200], "line "),
    "a line less": (lambda lines: "".join([*lines[:-4], *lines[-3:]]), "checksum"),
    "another number": (
        lambda lines: "".join(lines).replace('"seed": {"$numberInt": "0"}', '"seed": 1', 1),
        "checksum",
    ),
    "more at the end": (lambda lines: "".join([*lines, lines[2]]), "checksum"),
    "code": (
        lambda lines: edited(lines, "trials", error={"$code": "while(1){}"}),
        "no document",
    ),
    "operators": (
        lambda lines: edited(lines, "trials", config={"a": {"b": 1}, "$where": "1"}),
        "no document",
    ),
    "another collection": (
        lambda lines: sealed([*lines[:-1], '{"collection": "meta", "document": {"_id": "x"}}\n']),
        "a search has no 'meta'",
    ),
    "another's trial": (lambda lines: edited(lines, "trials", search="yours"), "has the id"),
    "a trial twice": (lambda lines: sealed([*lines[:3], *lines[2:-1]]), "doesn't belong"),
    "a path for a name": (lambda lines: edited(lines, "searches", _id="../../x"), "no name"),
    "a path for a trial": (
        lambda lines: edited(lines, "trials", _id="moved/../../x"),
        "has the id",
    ),
    "a path for a trial's number": (lambda lines: edited(lines, "trials", tid="../0"), "tid"),
    "a path for an attempt": (
        lambda lines: edited(lines, "epochs", attempt="../1"),
        "attempt",
    ),
    "an unknown field": (lambda lines: edited(lines, "searches", root=True), "root"),
    "an epoch of nobody": (lambda lines: edited(lines, "epochs", trial="x/0"), "doesn't belong"),
    "a late counter": (
        lambda lines: edited(lines, "counters", seq={"$numberInt": "1"}),
        "counter is behind",
    ),
    "a path for a checkpoint folder": (
        lambda lines: sealed(
            [
                lines[0].replace('"checkpoint_folders": [', '"checkpoint_folders": ["../x", '),
                *lines[1:-1],
            ]
        ),
        "names no checkpoint folders",
    ),
    "a path for an inherited folder": (
        lambda lines: edited(lines, "searches", inherits=["../../x"]),
        "inherits",
    ),
    "depth": (lambda lines: sealed([lines[0], "[" * 100_000 + "\n"]), "line 2: "),
    "no search": (lambda lines: sealed(lines[:1]), "lacks the search"),
}


def test_what_is_no_whole_search_is_refused_before_anything_is_written(dumped):
    file = dumped.with_name("damaged.jsonl")
    for damage, (change, said) in DAMAGED.items():
        file.write_text(change(lines_of(dumped)))
        with pytest.raises(ConfigurationError) as refused:
            check(file)
        words = str(refused.value)
        assert words.startswith(f"{file} can't be loaded: "), damage
        assert said in words, (damage, words)
        assert words.endswith("; nothing was loaded"), damage


def test_a_broken_archive_is_refused(dumped):
    file = dumped.with_name("broken.jsonl.gz")
    for broken in (dumped.read_bytes()[:-60], b"no archive", b""):
        file.write_bytes(broken)
        with pytest.raises(ConfigurationError, match="nothing was loaded"):
            check(file)
    with pytest.raises(ConfigurationError, match="can't be read"):
        check(dumped.with_name("absent"))


def test_a_dump_overwrites_nothing_and_leaves_no_half(store, dumped, tmp_path):
    before = dumped.read_bytes()
    with pytest.raises(ConfigurationError, match="exists already"):
        dump(store, "moved", dumped)
    assert dumped.read_bytes() == before
    with pytest.raises(ConfigurationError, match="can't be written"):
        dump(store, "moved", tmp_path / "no folder" / "file")
    with pytest.raises(UnknownNameError):
        dump(store, "mover", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == [dumped.name]


def test_a_link_is_read_but_never_written_through(store, other, dumped, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    link = tmp_path / "link.jsonl"
    link.symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="can't be written"):
        dump(store, "moved", link)
    assert not elsewhere.exists()
    elsewhere.write_text("mine")
    with pytest.raises(ConfigurationError, match="exists already"):
        dump(store, "moved", link)
    assert elsewhere.read_text() == "mine"
    whole = tmp_path / "whole.jsonl.gz"
    whole.symlink_to(dumped)
    assert load(other, check(whole)) == "moved"


def test_what_is_no_file_or_has_no_end_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    too_long = tmp_path / ("x" * 300)
    for place in (tmp_path, pipe, too_long, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(ConfigurationError, match="nothing was loaded"):
            check(place)


DUMP = """
import sys
from pathlib import Path
from alignsearch.search.store import Store
from alignsearch.search.store.copies import Copies
from alignsearch.search.store.dump import dump

whole = Copies.documents

def slow(self, name):
    for number, found in enumerate(whole(self, name)):
        yield found
        if number == 3:
            print("writing", flush=True)
            sys.stdin.readline()

Copies.documents = slow
with Store.connect(sys.argv[1]) as store:
    dump(store, "moved", Path(sys.argv[2]))
"""


def test_what_a_killed_dump_has_left_goes_with_the_next_one(store, store_uri, dumped, tmp_path):
    file = tmp_path / "again.jsonl.gz"
    with subprocess.Popen(
        [sys.executable, "-c", DUMP, store_uri, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as dumping:
        assert dumping.stdout.readline() == "writing\n"
        dumping.kill()
    left = {path.name for path in tmp_path.iterdir()} - {dumped.name}
    assert len(left) == 1
    mine = tmp_path / f".another.{os.getpid()}.notes"
    mine.write_text("mine")
    dump(store, "moved", file)
    assert {path.name for path in tmp_path.iterdir()} == {dumped.name, file.name, mine.name}
    assert check(file).search["_id"] == "moved"


def test_a_name_that_no_file_can_have_is_refused(store, dumped, tmp_path):
    for name in ("x" * 300, "x" * 250 + ".jsonl"):
        with pytest.raises(ConfigurationError, match="can't be written: File name too long"):
            dump(store, "moved", tmp_path / name)
    longest = tmp_path / ("x" * 255)
    dump(store, "moved", longest)
    assert {path.name for path in tmp_path.iterdir()} == {dumped.name, longest.name}


def test_points_that_wait_go_with_their_search_and_are_tried_once(
    store, other, other_uri, make_search, make_driver_in, tmp_path
):
    make_search("moved", trials=2)
    enqueue(store, "moved", [Wanted(POINT), Wanted({**POINT, "sigma": 0.75})], "ann")
    file = tmp_path / "moved.jsonl"
    dump(store, "moved", file)
    load(other, check(file))
    assert other.points.all("moved") == store.points.all("moved")
    make_driver_in(other, other_uri, "moved").run(NEVER)
    assert [trial.point["sigma"] for trial in other.trials.all("moved")] == [0.5, 0.75]
    again = enqueue(other, "moved", [Wanted(POINT)], "bob")
    assert again.left_out == ("the point: trial 0 (completed) has this point already",)
    assert store.trials.all("moved") == []
