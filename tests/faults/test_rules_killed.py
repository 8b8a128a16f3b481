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
    *("experiment", "rules", "--rules", "bp,fa,kp", "--trials", "2", "--epochs", "3"),
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

    def of(self, rule, number):
        """Return a running trial with an epoch, of the `number`th search of a rule or a later."""
        try:
            with Store.connect(self.server.ensure(), timeout=5.0) as store:
                names = sorted(
                    (s for s in store.searches.all() if s.name.startswith(f"rules-{rule}-")),
                    key=lambda search: search.created_at,
                )
                for search in names[number:]:
                    running = store.trials.all(search.name, [TrialState.RUNNING])
                    found = [trial for trial in running if trial.progress is not None]
                    if found:
                        return found[0]
        except StoreUnavailableError:
            pass
        return None


@pytest.mark.timeout(1800)
def test_kills_of_driver_worker_and_store_change_no_figure_of_the_table(shell_in, tmp_path):
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    whole, shell = (shell_in(folder) for folder in folders)
    try:
        done = whole.run(*COMMAND)
        assert done.returncode == 0, done.stderr
        run = Killed(shell)
        first = run.start(1)
        wait_until(lambda: run.of("bp", 0))
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        second = run.start(2)
        try:
            wait_until(lambda: run.of("bp", 1))
            worker = run.of("bp", 1).lease
            if worker is not None:
                os.kill(int(worker.owner.rpartition(":")[2]), signal.SIGKILL)
            wait_until(lambda: run.of("fa", 0))
            os.kill(run.server.status().pid, signal.SIGKILL)
            assert second.wait(900) == 0
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
