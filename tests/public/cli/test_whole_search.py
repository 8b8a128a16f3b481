"""Verbs on a search as a whole, as people give them: delete, rename, note, tag, load, logs."""

from pathlib import Path

import pytest
from driving import wait_until
from verb_cases import STATE_FILE, Case, finished_search, new_search

from alignsearch.search.attempts.checkpoint_folders import earlier_attempts
from alignsearch.search.documents import LogLine, Recipe, Result, Trial, WarmStart, checkpoint_names
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.store.dump import dump
from alignsearch.search.store.whole import renamed
from alignsearch.search.use_cases import whole_search


@pytest.fixture
def case(store, store_uri, shell, tmp_path):
    shell.environment["ALIGNSEARCH_STORE"] = store_uri
    return Case(store, store_uri, tmp_path)


def everything(store):
    collections = ("searches", "trials", "epochs", "logs", "events", "counters")
    return {each: store._db.find(each, {}) for each in collections}


def begin(store, name, tid, lease=600.0):
    store.trials.add(Trial(id=f"{name}/{tid}", search=name, tid=tid))
    return store.attempts.begin(
        f"{name}/{tid}", "w", ttl=lease, host="h", accelerator="cpu", versions={}
    )


def test_delete_asks_and_takes_everything_with_it(case, shell):
    finished_search(case)
    before = everything(case.store)
    said = shell.refused("delete", "a")
    assert "trials: 3" in said
    assert "nothing is deleted without --yes" in said
    assert everything(case.store) == before
    folder = checkpoint_names.of_search(case.store.searches.get("a"))
    assert folder in said
    assert "trials that went with it: 3" in shell.ok("delete", "a", "--yes")
    assert not Path(folder).exists()
    assert shell.json("status") == []
    # Who did it is all that is left.
    assert [each["what"] for each in shell.json("events", "a")] == ["deleted"]
    assert "no search is named 'a'" in shell.refused("delete", "a", "--yes")
    # Its name is free.
    finished_search(case)
    assert len(shell.json("trials", "a")) == 3


REFUSED_WHILE_ALIVE = (["delete", "a", "--yes"], ["rename", "a", "b"])


@pytest.mark.parametrize("command", REFUSED_WHILE_ALIVE, ids=lambda each: each[0])
def test_a_search_that_is_driven_or_runs_stays(case, shell, command):
    new_search(case)
    token = case.store.searches.acquire_driver("a", "ann@lab:7", 600)
    before = everything(case.store)
    said = shell.refused(*command)
    for words in ("ann@lab:7 drives it", "alignsearch pause a", "alignsearch cancel a"):
        assert words in said
    assert everything(case.store) == before
    case.store.searches.release_driver("a", token)
    begin(case.store, "a", 0)
    before = everything(case.store)
    assert "while w runs its trial 0" in (said := shell.refused(*command))
    assert "alignsearch release a 0" in said
    assert everything(case.store) == before
    shell.ok("release", "a", "0")
    shell.ok(*command)
    assert not case.store.searches.named(["a"])


def test_results_that_another_search_goes_on_from_stay(case, shell):
    finished_search(case)
    new_search(case, "next", warm_start=WarmStart(search="a", trials=3))
    assert "'next' starts from its results" in shell.refused("delete", "a", "--yes")
    case.store.searches.change("next", SearchStatus.CANCELLED, "a test")
    shell.ok("delete", "a", "--yes")


UNUSABLE = {
    "rename to a taken name": (["rename", "a", "b"], ["a search named 'b'", "another name"]),
    "rename to itself": (["rename", "a", "a"], ["has this name already"]),
    "rename to no name": (["rename", "a", "a/b"], ["'a/b'", "letters, digits"]),
    "rename of nothing": (["rename", "none", "c"], ["no search is named 'none'"]),
    "delete of nothing": (["delete", "none", "--yes"], ["no search is named 'none'"]),
    "note on nothing": (["note", "none", "x"], ["no search is named 'none'"]),
    "endless note": (["note", "a", "n" * 4097], ["4096 characters at most", "4097"]),
    "note that moves the cursor": (["note", "a", "\x1b[2J"], ["character '\\x1b'"]),
    "note of bytes": (["note", "a", "\udcff"], ["'\\udcff'"]),
    "tag with a space": (["tag", "a", "+a b"], ["'a b' can't be a tag", "letters"]),
    "tag with odd letters": (["tag", "a", "+\u202ex"], ["can't be a tag"]),
    "empty tag": (["tag", "a", "+"], ["'' can't be a tag"]),
    "tag without a sign": (["tag", "a", "x"], ["neither + nor -", "+x"]),
    "tag both ways": (["tag", "a", "+x", "-x"], ["'x' can't be added and removed"]),
    "too many tags": (["tag", "a", *(f"+t{n}" for n in range(51))], ["51 tags", "50"]),
    "load as a taken name": (["load", "a.jsonl", "--as", "b"], ["named 'b' already", "--as"]),
    "load as no name": (["load", "a.jsonl", "--as", "../b"], ["'../b'", "letters"]),
    "log of no trial": (["logs", "a", "7"], ["'7'"]),
    "log of no attempt": (["logs", "a", "0", "--attempt", "4"], ["attempt at trial 0", "'4'"]),
    "log both ways": (["logs", "a", "0", "--follow", "--json"], ["--follow or --json"]),
    "tags of one": (["status", "a", "--tag", "x"], ["leave out the name"]),
    "submitted tag": (["submit", "wm", "--tag", "a b"], ["--tag", "'a b' can't be a tag"]),
    "submitted note": (["submit", "wm", "--note", "n" * 5000], ["--note", "4096"]),
    "longer than nothing": (["train", "--from", "none"], ["no search is named 'none'"]),
    "longer rehearsal": (["train", "--from", "a"], ["'a' trains no network of ours"]),
    "longer without a best": (["train", "--from", "begun"], ["no finished trial yet"]),
    "longer of no trial": (["train", "--from", "begun:9"], ["'9'"]),
    "longer of what": (["train", "--from", "a:b"], ["NAME or NAME:TID", "'a:b'"]),
    "longer with a model": (
        ["train", "--from", "begun", "--model", "dense"],
        ["--model has no use with --from"],
    ),
    "seeds of a rule": (["train", "--rule", "bp", "--seeds", "3"], ["--seeds has no use without"]),
    "no rule": (["train"], ["--rule is missing", "--from"]),
}


@pytest.fixture(scope="module")
def refusing(shell_in, server_uri, tmp_path_factory):
    """A shell with two finished searches, a training that has just begun, and a dump."""
    shell = shell_in(tmp_path_factory.mktemp("refusing"))
    uri = f"{server_uri.rstrip('/')}/test_refusing"
    shell.environment["ALIGNSEARCH_STORE"] = uri
    with Store.connect(uri) as store:
        case = Case(store, uri, shell.folder)
        finished_search(case)
        finished_search(case, "b")
        begun = new_search(case, "template").model_copy(
            update={
                "name": "begun",
                "recipe": Recipe(dataset="digits", width=2, stem="none", epochs=1),
            }
        )
        store.searches.create(begun)
        store.trials.add(Trial(id="begun/0", search="begun", tid=0))
        dump(store, "a", shell.folder / "a.jsonl")
        yield shell, store


@pytest.mark.parametrize("name", UNUSABLE)
def test_bad_input_is_refused_in_a_line_and_nothing_is_written(refusing, name):
    shell, store = refusing
    command, words = UNUSABLE[name]
    before = everything(store)
    said = shell.refused(*command)
    assert [each for each in words if each not in said] == [], said
    assert everything(store) == before
    assert not (shell.folder / "runs").exists()


def test_a_note_of_ten_megabytes_is_refused_by_its_length(case):
    finished_search(case)
    with pytest.raises(ValueError, match="10000000"):
        whole_search.note(case.store, "a", "n" * 10_000_000, "ann")
    assert case.store.searches.get("a").note == ""


def test_note_and_tags_are_found_again(case, shell):
    finished_search(case)
    finished_search(case, "b")
    marks = ("--tag", "baseline", "--tag", "late", "--note", "with the new data")
    shell.ok("submit", "wm", "--dataset", "rehearsal", "--name", "c", *marks)
    shell.ok("note", "a", "to be repeated")
    assert "a has the tags: baseline" in shell.ok("tag", "a", "+baseline", "-old")
    assert [each["name"] for each in shell.json("status", "--tag", "baseline")] == ["a", "c"]
    assert [
        each["name"] for each in shell.json("status", "--tag", "baseline", "--tag", "late")
    ] == ["c"]
    assert "no search has this tag" in shell.ok("status", "--tag", "none")
    listed = shell.ok("status")
    assert "baseline, late" in listed
    shown = shell.ok("status", "c")
    assert "with the new data" in shown
    assert shell.json("status", "a")["note"] == "to be repeated"
    assert shell.json("status", "c")["tags"] == ["baseline", "late"]
    said = [(each["what"], each["detail"]) for each in shell.json("events", "a")]
    assert ("note", "to be repeated") in said
    assert ("tagged", "+baseline -old") in said
    shell.ok("note", "a", "")
    assert "note" not in shell.ok("status", "a")


def test_a_renamed_search_goes_on_from_its_checkpoints(case, shell):
    search = finished_search(case)
    lost = begin(case.store, "a", 7, lease=-1.0)
    folder = Path(checkpoint_names.of_attempt(search, lost, 1))
    folder.mkdir(parents=True)
    (folder / STATE_FILE).write_text("half")
    shell.ok("rename", "a", "b")
    found = case.store.searches.get("b")
    trial = case.store.trials.get("b", 7)
    assert earlier_attempts(found, trial, 2) == [str(folder)]
    # A new search of the old name has another folder.
    assert checkpoint_names.of_search(new_search(case)) != checkpoint_names.of_search(found)
    assert {each["detail"] for each in shell.json("events", "b") if each["what"] == "renamed"} == {
        "from a"
    }


def test_a_rename_that_was_broken_off_is_told_of(case, shell):
    finished_search(case)
    case.store.renames.reserve("a", "b")
    case.store.renames.copy("a", "b")
    assert case.store.renames.switch("a", "b")
    listed = shell.run("status")
    assert listed.returncode == 0
    assert "finish it with `alignsearch rename a b`" in listed.stderr
    assert "`alignsearch rename a b`" in shell.refused("rename", "a", "c")
    again = ("submit", "wm", "--dataset", "rehearsal", "--name", "a")
    assert "is being given up" in shell.refused(*again)
    shell.ok("rename", "a", "b")
    assert [each["name"] for each in shell.json("status")] == ["b"]


def test_a_loaded_copy_owns_nothing_of_its_original(case, shell):
    search = finished_search(case)
    trials = case.store._db.find("trials", {"search": "a"})
    states = sorted(Path(checkpoint_names.of_search(search)).rglob(STATE_FILE))
    dump(case.store, "a", case.folder / "a.jsonl")
    shell.ok("load", "a.jsonl", "--as", "copy")
    copied = case.store._db.find("trials", {"search": "copy"})
    assert copied == [renamed("trials", each, "a", "copy") for each in trials]
    shell.ok("delete", "copy", "--yes")
    assert case.store._db.find("trials", {"search": "a"}) == trials
    assert sorted(Path(checkpoint_names.of_search(search)).rglob(STATE_FILE)) == states
    # As an older version loaded it: its folder is its original's, and named after a date.
    case.store._db.update("searches", {"_id": "a"}, {"$unset": {"token": ""}})
    older = Path(search.checkpoints) / checkpoint_names.old_name(search)
    Path(checkpoint_names.of_search(search)).rename(older)
    states = sorted(older.rglob(STATE_FILE))
    assert states
    shell.ok("retain", "--days", "0", "--keep", "0", "--yes")
    shell.ok("delete", "a", "--yes")
    assert sorted(older.rglob(STATE_FILE)) == states


def log_line(store, text):
    return LogLine(at=store.now(), level="INFO", text=text)


def test_a_log_is_shown_and_sends_no_commands_to_the_terminal(case, shell):
    new_search(case)
    begun = begin(case.store, "a", 0)
    lines = [log_line(case.store, text) for text in ("\x1b[31mred\x07", "two\nlines", "grün")]
    case.store.logs.record_lines("a/0", 1, lines)
    case.store.attempts.crash("a/0", 1, begun.lease.token, "it broke", retry=False, max_attempts=3)
    said = shell.ok("logs", "a", "0")
    assert "\\x1b[31mred\\x07" in said
    assert "\x1b" not in said
    assert "two\n    lines" in said
    assert "grün" in said
    assert said.splitlines()[0].endswith("begun on h (cpu) by w")
    assert "ERROR  it broke" in said
    found = shell.json("logs", "a", "0", "--attempt", "1")
    assert found["attempt"] == 1
    assert [each["text"] for each in found["lines"]][1:3] == ["\x1b[31mred\x07", "two\nlines"]
    shell.ok("logs", "a", "0", "--follow")


def test_a_log_is_followed_over_the_next_attempt_to_the_trials_end(case, shell):
    new_search(case)
    store = case.store
    begun = begin(store, "a", 0)
    kept = [log_line(store, "first")]
    store.logs.record_lines("a/0", 1, kept)
    log = case.folder / "followed"
    process = shell.start_forked("logs", "a", "0", "--follow", log=log)
    wait_until(lambda: "first" in log.read_text())
    store.logs.record_lines("a/0", 1, [*kept, log_line(store, "second")])
    wait_until(lambda: "second" in log.read_text())
    store.attempts.hand_back("a/0", 1, begun.lease.token, "preempted")
    again = store.attempts.begin("a/0", "w", ttl=600, host="h2", accelerator="cpu", versions={})
    store.logs.record_lines("a/0", 2, [log_line(store, "third")])
    wait_until(lambda: "third" in log.read_text())
    assert process.poll() is None
    store.attempts.finish("a/0", 2, again.lease.token, Result(status="ok", loss=0.5))
    assert process.wait(300.0) == 0
    said = log.read_text()
    for text in ("first", "second", "attempt 2", "begun on h2", "third", "completed"):
        assert said.count(text) == 1, said
