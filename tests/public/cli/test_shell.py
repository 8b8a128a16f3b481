"""The program as a shell sees it: its version, its short help, completion of names."""

import os
import pty
import re
import subprocess
import sys

import pytest
from documents_made import a_search, a_trial

from alignsearch.search.documents import Result
from alignsearch.search.documents.states import TrialState

ALIGNSEARCH = os.path.join(os.path.dirname(sys.executable), "alignsearch")


def test_the_version_is_shown(shell):
    assert re.fullmatch(r"alignsearch \d+\.\d+\.\d+, Python 3\.\d+\.\d+\n", shell.ok("--version"))


@pytest.mark.parametrize("command", [[], ["status"], ["store", "stop"], ["report"]], ids=str)
def test_the_short_help_is_the_help(shell, command):
    assert shell.ok(*command, "-h") == shell.ok(*command, "--help")


def test_somebody_at_a_terminal_is_told_what_comes_next(tmp_path):
    mine, theirs = pty.openpty()
    command = [ALIGNSEARCH, "submit", "wm", "--dataset", "rehearsal", "--trials", "2"]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False
    )
    os.close(theirs)
    said = " ".join(os.read(mine, 10_000).decode().split())
    subprocess.run([ALIGNSEARCH, "store", "stop"], cwd=tmp_path, check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (0, "wm-rehearsal-1\n")
    assert "`alignsearch serve` drives it" in said
    assert "`alignsearch status wm-rehearsal-1 --watch`" in said


def test_no_name_is_cut_off_on_a_narrow_terminal(store, store_uri):
    name = "wm-ad-ops-on-cifar10-2026-11-30-second-try"
    store.searches.create(a_search(name=name))
    environment = {**os.environ, "COLUMNS": "80", "ALIGNSEARCH_STORE": store_uri}
    done = subprocess.run(
        [ALIGNSEARCH, "status"], env=environment, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(line.split(" ")[0] for line in lines[2:]) == name


def test_a_diverged_trial_is_called_so(store, store_uri):
    store.searches.create(a_search())
    failed = Result(status="fail", metrics={}, reason="the loss became nan in epoch 1")
    store.trials.add(a_trial(0, TrialState.COMPLETED, result=failed))
    for command in (["trials", "ia"], ["show", "ia", "0"], ["status", "ia"]):
        done = subprocess.run(
            [ALIGNSEARCH, *command, "--store", store_uri],
            capture_output=True,
            text=True,
            check=False,
        )
        assert re.search(r"\bdiverged\b", done.stdout), done.stderr
        said = " ".join(done.stdout.replace("│", " ").split())
        assert "1 of 1 diverged: 1 because the loss became nan in epoch 1 (trial 0)" in said


def completed(*words, folder, store=None):
    """Return the words that bash would offer for the last one."""
    environment = {
        **os.environ,
        "_ALIGNSEARCH_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
        **({"ALIGNSEARCH_STORE": store} if store else {}),
    }
    done = subprocess.run(
        [ALIGNSEARCH], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_names_of_commands_and_searches_are_completed(store, store_uri, tmp_path):
    for name in ("mirror-1", "mirror-2", "other"):
        store.searches.create(a_search(name=name))
    asked = {"folder": tmp_path, "store": store_uri}
    assert completed("alignsearch", "st", **asked) == ["status", "stop", "store"]
    assert completed("alignsearch", "status", "mi", **asked) == ["mirror-1", "mirror-2"]
    # A name that is given already isn't offered again.
    assert completed("alignsearch", "export", "mirror-1", "m", **asked) == ["mirror-2"]


def test_completion_starts_no_store_and_says_nothing_without_one(tmp_path):
    assert completed("alignsearch", "status", "x", folder=tmp_path) == []
    assert [*tmp_path.iterdir()] == []
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
    assert completed("alignsearch", "status", "x", folder=tmp_path, store=nowhere) == []
