"""Reading commands over a store whose texts would command a terminal."""

import json
import os
import pty
import re
import subprocess
from datetime import UTC, datetime

import pytest
from documents_made import a_search

from alignsearch.search.documents import Attempt, Result, Trial
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

HOSTILE = "x\x1b]0;owned\x07\x1b[2J\x9b31m\rall is well\x08\u202eback"
SENT = {"\x07", "\x08", "\x9b", "\u202e", "\x1b]", "\x1b[2J"}
"""Texts that must not reach a terminal; it has our own colours, and lines that end with CR LF."""


@pytest.fixture(scope="module")
def hostile(shell_in, tmp_path_factory):
    """A shell in a folder whose store holds a search with such texts wherever one fits."""
    here = shell_in(tmp_path_factory.mktemp("hostile"))
    uri = EmbeddedStore(here.folder / ".alignsearch").ensure()
    with Store.connect(uri) as store:
        _seed(store)
    yield here
    here.end_store()


def _seed(store):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    store.searches.create(
        a_search(
            name="ia",
            direction="minimize",
            space=HOSTILE,
            created_by=HOSTILE,
            checkpoints=f"/{HOSTILE}",
        )
    )
    # By hand, as whoever may write to the store could.
    store.searches._db.update(
        "searches", {"_id": "ia"}, {"$set": {"note": HOSTILE, "tags": [HOSTILE]}}
    )
    store.searches.change("ia", SearchStatus.RUNNING, HOSTILE)
    attempt = Attempt(
        number=1,
        owner=HOSTILE,
        token="t",
        host=HOSTILE,
        accelerator=HOSTILE,
        versions={"numpy": HOSTILE},
        slot=0,
        started_at=at,
        outcome="crashed",
        ended_at=at,
        error=HOSTILE,
    )
    for tid, state in enumerate([TrialState.FAILED, TrialState.COMPLETED]):
        good = state is TrialState.COMPLETED
        store.trials.add(
            Trial(
                id=f"ia/{tid}",
                search="ia",
                tid=tid,
                state=state,
                config={"kind": HOSTILE, HOSTILE: 1.5},
                point={"kind": 0.0},
                attempt=1,
                attempts={"1": attempt.model_copy(update={"outcome": "completed"} if good else {})},
                result=Result(status="ok", loss=0.5, metrics={HOSTILE: 1.0}) if good else None,
                error=None if good else HOSTILE,
                timings={"queued": at, "started": at, "finished": at},
            )
        )
    store.logs.add_event("ia", HOSTILE, "changed", HOSTILE)
    store.searches.change("ia", SearchStatus.PAUSED, HOSTILE, detail=HOSTILE)


READING = {
    "status": ["status"],
    "status of one": ["status", "ia"],
    "trials": ["trials", "ia"],
    "show of a failed one": ["show", "ia", "0"],
    "show": ["show", "ia", "1"],
    "best": ["best", "ia"],
    "events": ["events", "ia"],
    "logs": ["logs", "ia", "0"],
    "logs to the end": ["logs", "ia", "0", "--follow"],
    "export": ["export", "ia"],
}


@pytest.mark.parametrize("command", [name for name in READING if name != "export"])
def test_hostile_texts_are_shown(hostile, command):
    done = hostile.run(*READING[command])
    assert done.returncode == 0, done.stderr
    printed = done.stdout + done.stderr
    wrapped = re.sub(r"[\s│┃]+", "", printed)
    assert r"\x1b]0;owned" in wrapped
    assert not re.search(r"[^\x20-\x7e\n\u2500-\u257f\u2026]", printed)


@pytest.mark.parametrize("command", READING.values(), ids=READING)
def test_a_terminal_gets_no_command_of_theirs(hostile, command):
    printed = in_a_terminal(hostile, *command)
    assert r"\x1b]0;owned" in re.sub(r"\x1b\[[\d;]*m|[\s│┃]+", "", printed)
    assert [each for each in SENT if each in printed] == []
    assert "\r" not in printed.replace("\r\n", "\n")


def in_a_terminal(shell, *command):
    """Return what a command writes to a terminal."""
    here, there = pty.openpty()
    environment = {**shell.environment, "TERM": "xterm-256color", "COLUMNS": "200"}
    with subprocess.Popen(
        shell.commands.line(*command),
        cwd=shell.folder,
        env=environment,
        stdin=there,
        stdout=there,
        stderr=there,
    ) as process:
        os.close(there)
        written = b""
        while True:
            try:
                more = os.read(here, 65536)
            except OSError:
                # As Linux says that nobody writes any more.
                break
            if not more:
                break
            written += more
    os.close(here)
    assert process.returncode == 0, written
    return written.decode()


@pytest.mark.parametrize("command", [["status"], ["show", "ia", "0"], ["events", "ia"]])
def test_programs_get_the_texts_as_they_are(hostile, command):
    printed = hostile.ok(*command, "--json")
    assert not re.search(r"[^\x20-\x7e\n]", printed)
    assert json.dumps(HOSTILE, ensure_ascii=False)[1:-1] in json.dumps(
        json.loads(printed), ensure_ascii=False
    )


def test_a_table_for_a_program_is_the_tables_own(hostile):
    # Python reads a pipe's CR as an end of a line.
    assert HOSTILE.replace("\r", "\n") in hostile.ok("export", "ia", "--format", "csv")


@pytest.mark.parametrize("arguments", [["show", HOSTILE, "1"], ["status", HOSTILE], [HOSTILE]])
def test_an_error_names_what_was_given_and_sends_nothing(hostile, arguments):
    said = hostile.refused(*arguments)
    assert r"\x1b]0;owned" in said
    assert not any(each in said for each in SENT)
