"""The rules' table with driver, worker and store killed in the middle: no figure changes."""

import os
import signal

import pytest
from command_line import end_command
from driving import wait_until
from experiment_output import Output

from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives

COMMAND = (
    *("experiment", "rules", "--rules", "bp,held.py:Held,kp", "--trials", "2", "--epochs", "9"),
    *("--seeds", "2", "--variances", "0.1", "--model", "dense", "--width", "4", "--out", "out"),
)
TABLES = ("rules", "robustness", "layers", "best", "pairs", "checklist")
"""Tables without a duration in them."""

HELD = """\
\"\"\"A rule that waits in its worker while a file says so, and is there to be killed.\"\"\"

import os
import sys
import time
from itertools import count
from pathlib import Path

from alignment_core import Alignment


class Held(Alignment):
    primitives = ("decay",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        folder = Path(os.environ.get("HELD_FOLDER", "none"))
        if "default_worker" not in sys.argv[0] or not folder.exists():
            return
        number = next(each for each in count() if began(folder / f"began-{each}"))
        while number >= int((folder / "from").read_text()):
            time.sleep(0.1)


def began(mark):
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
"""


class Killed:
    """A run of the experiment in a shell's folder, its store, and the hold on its second rule."""

    def __init__(self, shell):
        self.shell = shell
        shell.environment["HELD_FOLDER"] = str(shell.folder / "held")
        self.server = EmbeddedStore(shell.folder / ".alignsearch")
        self.holds = shell.folder / "held"
        self.holds.mkdir()

    def start(self, number):
        return self.shell.start(*COMMAND, log=self.shell.folder / f"run{number}.log")

    def hold_from(self, number):
        """Let each `Held` go on that was made as one of the first `number`; hold the others."""
        draft = self.holds / "draft"
        draft.write_text(str(number))
        draft.rename(self.holds / "from")

    def held(self, command, attempt=1):
        """Return a trial whose training is held; fail if the command ends before.

        attempt: the least number of the attempt that trains it.
        """
        found = []

        def is_held():
            assert command.poll() is None, "the command ended before a training was held"
            found[:] = [each for each in self.running() if each.attempt >= attempt]
            return found

        wait_until(is_held, 1500)
        return found[0]

    def running(self):
        """Return the trials that are held: they run, and their process is there."""
        made = len(list(self.holds.glob("began-*")))
        if made <= int((self.holds / "from").read_text()):
            return []
        with Store.connect(self.server.ensure(), timeout=60.0) as store:
            trials = [
                trial
                for search in store.searches.all()
                for trial in store.trials.all(search.name, [TrialState.RUNNING])
            ]
        return [each for each in trials if each.lease and lives(worker_of(each))]

    def is_over(self, trial):
        """Return whether the store has noted that the trial's attempt is over."""
        with Store.connect(self.server.ensure(), timeout=60.0) as store:
            return store.trials.get(trial.id).attempts[str(trial.attempt)].outcome is not None


def worker_of(trial):
    """Return the number of the process that trains the trial."""
    return int(trial.lease.owner.rpartition(":")[2])


@pytest.mark.timeout(3600)
def test_kills_of_driver_worker_and_store_change_no_figure_of_the_table(shell_in, tmp_path):
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
        (folder / "held.py").write_text(HELD)
    whole, shell = (shell_in(folder) for folder in folders)
    try:
        undisturbed = whole.start(*COMMAND, log=whole.folder / "run.log")
        assert undisturbed.wait(1500) == 0
        run = Killed(shell)
        run.hold_from(0)
        first = run.start(1)
        try:
            run.held(first)
        finally:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
        second = run.start(2)
        try:
            struck = run.held(second, attempt=2)
            os.kill(worker_of(struck), signal.SIGKILL)
            wait_until(lambda: run.is_over(struck), 600)
            run.hold_from(8)
            run.held(second)
            os.kill(run.server.status().pid, signal.SIGKILL)
            run.hold_from(1000)
            assert second.wait(1500) == 0
        finally:
            end_command(second)
        left, right = (Output(folder / "out") for folder in folders)
        for table in TABLES:
            name = f"{table}.csv"
            assert (right.folder / name).read_text() == (left.folder / name).read_text()
        errors, others = (each.run["numbers"]["digits-dense"]["rules"] for each in (left, right))
        for rule, found in errors.items():
            assert found["losses"] == others[rule]["losses"]
            assert found["errors"] == others[rule]["errors"]
            assert found["noisy"] == others[rule]["noisy"]
        assert errors.keys() == {"bp", "held.py:Held", "kp"}
    finally:
        whole.end_store()
        shell.end_store()
