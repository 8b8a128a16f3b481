"""The rules' table with driver, worker and store killed in the middle: no figure changes."""

import os
import signal

import pytest
from command_line import end_command
from driving import wait_until
from experiment_output import Output

from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

COMMAND = (
    *("experiment", "rules", "--rules", "bp,fa,kp", "--trials", "2", "--epochs", "9"),
    *("--seeds", "2", "--variances", "0.1", "--model", "dense", "--width", "4", "--out", "out"),
)
TABLES = ("rules", "robustness", "layers", "best", "pairs", "checklist")
"""Tables without a duration in them."""


class Killed:
    """A run of the experiment in a shell's folder, and its store."""

    def __init__(self, shell):
        self.shell = shell
        self.server = EmbeddedStore(shell.folder / ".alignsearch")

    def start(self, number):
        return self.shell.start(*COMMAND, log=self.shell.folder / f"run{number}.log")

    def kill_worker(self, after):
        """Kill the worker of a trial that runs once there are more than `after` searches."""
        found = []
        wait_until(lambda: (trial := self.running(after)) and not found.append(trial))
        try:
            os.kill(int(found[0].lease.owner.rpartition(":")[2]), signal.SIGKILL)
        except ProcessLookupError:
            # Its search has ended meanwhile; there are more.
            self.kill_worker(after)

    def running(self, after):
        """Return a trial that runs and has an epoch, once there are more than `after` searches."""
        try:
            with Store.connect(self.server.ensure(), timeout=5.0) as store:
                names = [each.name for each in store.searches.all()]
                for name in names if len(names) > after else ():
                    for trial in store.trials.all(name, [TrialState.RUNNING]):
                        if trial.progress and trial.lease:
                            return trial
        except StoreUnavailableError:
            pass
        return None


@pytest.mark.timeout(3600)
def test_kills_of_driver_worker_and_store_change_no_figure_of_the_table(shell_in, tmp_path):
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    whole, shell = (shell_in(folder) for folder in folders)
    try:
        undisturbed = whole.start(*COMMAND, log=whole.folder / "run.log")
        assert undisturbed.wait(1500) == 0
        run = Killed(shell)
        first = run.start(1)
        wait_until(lambda: run.running(0))
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        second = run.start(2)
        try:
            run.kill_worker(1)
            wait_until(lambda: run.running(3))
            os.kill(run.server.status().pid, signal.SIGKILL)
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
        assert errors.keys() == {"bp", "fa", "kp"}
    finally:
        whole.end_store()
        shell.end_store()
