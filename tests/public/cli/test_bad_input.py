"""Bad input is refused in a line or two, with exit code 2, and nothing is written."""

import json
import time

import pytest

LISTENS_NOWHERE = "127.0.0.1:1"
SUBMIT = ("submit", "wm", "--dataset", "rehearsal")

# A command, and the words that its answer must have: the mistake, and the way on.
UNUSABLE = {
    "unknown space": (["submit", "wmm"], ["'wmm'", "did you mean wm"]),
    "space unlike any": (["submit", "zzz"], ["'zzz'", "ia, pfa, usf, wm, wm_ad, wm_ad_ops"]),
    "no trials": (["submit", "wm", "--trials", "0"], ["--trials", "at least 1", "not 0"]),
    "negative trials": (["submit", "wm", "--trials", "-3"], ["--trials", "at least 1", "not -3"]),
    "trials in words": (["submit", "wm", "--trials", "abc"], ["--trials", "'abc'"]),
    "no slots": (["submit", "wm", "--parallel", "0"], ["--parallel", "at least 1"]),
    "endless slots": (
        [*SUBMIT, "--parallel", "10001", "--resources", "TPU=4", "--store", "mongodb://db"],
        ["--parallel", "at most 10000"],
    ),
    "silence without an end": (
        ["submit", "wm", "--stalled-after", "nan"],
        ["--stalled-after must be a number, not nan"],
    ),
    "endless path": (
        ["submit", "wm", "--data-dir", "d" * 5000],
        ["--data-dir is longer than 4096 characters"],
    ),
    "no epochs": (["submit", "wm", "--epochs", "0"], ["--epochs", "at least 1"]),
    "negative seed": (["submit", "wm", "--seed", "-1"], ["--seed", "at least 0"]),
    "endless seed": (["submit", "wm", "--seed", f"{10**20}"], ["--seed", "at most 2147483647"]),
    "unknown data": (["submit", "wm", "--dataset", "digit"], ["'digit'", "did you mean digits"]),
    "unknown algorithm": (["submit", "wm", "--algo", "tpee"], ["'tpee'", "did you mean tpe"]),
    "unknown algorithm of Optuna's": (
        ["submit", "wm", "--algo", "optuna:gpp"],
        ["'optuna:gpp'", "did you mean optuna:gp"],
    ),
    "export to a tool that isn't known": (
        ["export", "x", "--to", "mlflow", "sqlite:///x.db"],
        ["--to mlflow", "optuna"],
    ),
    "a table's format for a study": (
        ["export", "x", "--to", "optuna", "sqlite:///x.db", "--format", "csv"],
        ["--format has no use with --to optuna"],
    ),
    "export of no search to a study": (["export", "--to", "optuna", "sqlite:///x.db"], ["one se"]),
    "a study for a table": (["export", "x", "--study", "s"], ["--study belongs to --to optuna"]),
    "unknown order": (["submit", "wm", "--weights-order", "pap"], ["'pap'", "paper"]),
    "unknown precision": (["submit", "wm", "--precision", "half"], ["'half'", "float32"]),
    "unknown strategy": (["submit", "wm", "--strategy", "mirror"], ["did you mean mirrored"]),
    "sized digits": (["submit", "wm", "--image-size", "32"], ["digits", "imagenet only"]),
    "name with a space": (["submit", "wm", "--name", "a b"], ["--name", "'a b'", "letters"]),
    "no name": (["submit", "wm", "--name", ""], ["--name", "letters"]),
    "resources": (["submit", "wm", "--resources", "chips"], ["--resources", "'chips'", "TPU=8"]),
    "checkpoints in S3": (
        ["submit", "wm", "--dataset", "digits", "--checkpoints", "s3://b/x"],
        ["s3://b/x", "mount the bucket"],
    ),
    "images in S3": (
        ["submit", "wm", "--dataset", "cifar10", "--data-dir", "s3://b/x"],
        ["s3://b/x", "mount the bucket"],
    ),
    "absent resources": (["submit", "wm", "--resources", "TPU=8"], ["TPU=8", "doctor"]),
    "unknown option": (["submit", "wm", "--trial", "3"], ["--trial", "--trials", "submit --help"]),
    "missing argument": (["submit"], ["'space'", "submit --help"]),
    "verb unlike any": (["frobnicate"], ["'frobnicate'", "alignsearch --help"]),
    "misspelt verb": (["statsu"], ["'statsu'", "'status'"]),
    "misspelt verb of a verb": (["store", "stat"], ["'stat'", "'status'"]),
    "space to show": (["spaces", "wn"], ["'wn'", "did you mean wm"]),
    "nothing to export": (["export"], ["at least one search", "--published"]),
    "unknown format": (["export", "--published", "--format", "txt"], ["'txt'", "latex"]),
    "watching all": (["status", "--watch"], ["--watch", "one named search"]),
    "two formats": (["trials", "any", "--csv", "--json"], ["--csv or --json"]),
    "number in words": (["show", "any", "first"], ["'tid'", "'first'"]),
    "no store here": (["show", "any", "0"], ["no store", "submit", "--store"]),
    "no store to steer": (["pause", "any"], ["no store", "submit", "--store"]),
    "no URI": (["status", "--store", "http://db"], ["'http://db'", "mongodb://user"]),
    "unknown log format": (["serve", "--log-format", "jsn"], ["'jsn'", "did you mean json"]),
    "unknown log level": (["serve", "--log-level", "loud"], ["'loud'", "warning"]),
    "impossible port": (["serve", "--metrics-port", "70000"], ["--metrics-port", "70000"]),
    "two ways to follow": (["events", "any", "--follow", "--json"], ["--follow or --json"]),
    "no dump": (["load", "absent.jsonl"], ["absent.jsonl can't be loaded", "nothing was loaded"]),
    "start from nothing": (["submit", "wm", "--warm-start", "any"], ["no search is named 'any'"]),
    "a prior of nothing": (
        ["submit", "wm", "--prior", "search:any"],
        ["no search is named 'any'"],
    ),
    "no host": (["serve", "--store", "mongodb://"], ["'mongodb://'", "mongodb://user"]),
    "no port": (
        ["submit", "wm", "--dataset", "rehearsal", "--store", "mongodb://u:secret@db:port/"],
        ["u:***@db:port", "mongodb://user"],
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_used_is_refused_before_anything_is_made(shell, case):
    asked, named = UNUSABLE[case]
    said = shell.refused(*asked)
    assert [word for word in named if word not in said] == [], said
    assert "secret" not in said
    assert list(shell.folder.iterdir()) == []


def test_more_slots_than_fit_are_refused_with_the_number_that_fits(shell):
    said = shell.refused(*SUBMIT, "--parallel", "9999")
    room = next(f["found"] for f in shell.json("doctor") if f["what"].startswith("ray ("))
    assert "--parallel 9999" in said
    assert f"room for {room.removesuffix(' CPU')} trials of CPU=1" in said
    assert list(shell.folder.iterdir()) == []


def test_a_missing_data_set_comes_with_the_way_to_get_it(shell):
    (shell.folder / "images").mkdir()
    said = shell.refused("submit", "wm", "--dataset", "fashion_mnist", "--data-dir", "images")
    assert "train-images-idx3-ubyte" in said
    assert "dataset-fashion-mnist" in said
    assert [path.name for path in shell.folder.iterdir()] == ["images"]


def test_a_store_that_does_not_answer_is_named_without_its_password(shell):
    began = time.monotonic()
    said = shell.refused(*SUBMIT, "--store", f"mongodb://user:secret@{LISTENS_NOWHERE}/")
    assert time.monotonic() - began < 120
    assert f"mongodb://user:***@{LISTENS_NOWHERE}/" in said
    assert "secret" not in said
    assert "Connection refused" in said
    assert list(shell.folder.iterdir()) == []


def test_a_cluster_that_does_not_answer_is_named(shell):
    said = shell.refused(*SUBMIT, "--ray", LISTENS_NOWHERE)
    assert f"no Ray at {LISTENS_NOWHERE}" in said
    assert "HOST:PORT" in said
    store = f"mongodb://user:secret@{LISTENS_NOWHERE}/"
    looked = shell.run("doctor", "--json", "--ray", LISTENS_NOWHERE, "--store", store)
    assert looked.returncode == 1
    assert "secret" not in looked.stdout + looked.stderr
    failed = {each["what"]: each for each in json.loads(looked.stdout) if not each["ok"]}
    assert failed.keys() >= {"store", f"ray at {LISTENS_NOWHERE}"}
    assert f"no Ray at {LISTENS_NOWHERE}" in failed[f"ray at {LISTENS_NOWHERE}"]["found"]
    assert all(each["remedy"] for each in failed.values())
    assert list(shell.folder.iterdir()) == []


@pytest.mark.parametrize("asked", [SUBMIT, ("status",), ("store", "status")], ids=" ".join)
def test_a_file_in_the_stores_place_is_left_alone(shell, asked):
    file = shell.folder / ".alignsearch"
    file.write_text("mine")
    said = shell.refused(*asked)
    assert str(file) in said
    assert "move away what is there" in said
    assert file.read_text() == "mine"


def test_a_port_file_of_garbage_is_left_alone_until_it_is_deleted(shell):
    folder = shell.folder / ".alignsearch"
    folder.mkdir()
    file = folder / "store.json"
    file.write_text("{garbage")
    for asked in (SUBMIT, ("status",), ("store", "status"), ("store", "stop")):
        said = shell.refused(*asked)
        assert str(file) in said
        assert "delete this file" in said
    assert file.read_text() == "{garbage"
    file.unlink()
    assert shell.ok("status").startswith(f"no search yet in the folder {shell.folder}: ")


def test_damaged_data_are_left_alone(shell):
    shell.submit("kept")
    shell.ok("store", "stop")
    data = shell.folder / ".alignsearch" / "data"
    content = {}
    for file in data.glob("*.wt"):
        content[file] = b"\x00garbage" * 512
        file.write_bytes(content[file])
    said = shell.refused("status", "kept")
    assert str(data) in said
    assert "backup" in said
    assert "move it away" in said
    assert {file: file.read_bytes() for file in content} == content
    assert shell.json("store", "status")["running"] is False
