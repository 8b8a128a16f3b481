"""Ray's head dies under a `serve`, or none can be started: a line, an exit code, and on it goes."""

import contextlib
import re

import psutil
import pytest
from command_line import end_command
from driving import wait_until
from ray_cluster import ray_head

from alignsearch.driving import EXIT_HEAD_GONE
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore

PATIENCE = 300.0
SEARCH = ("--parallel", "2", "--resources", "CPU=0.5", "--lease", "20", "--max-attempts", "9")


def gcs_of(address):
    """The process of the head that keeps the cluster's state."""
    port = address.rpartition(":")[2]
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        line = process.info["cmdline"] or []
        if process.info["name"] == "gcs_server" and f"--gcs_server_port={port}" in line:
            found.append(process)
    (gcs,) = found
    return gcs


def kill_gcs(address):
    gcs_of(address).kill()


def kill_head(address):
    """Kill all of the head's host at once: its state, its raylet and its workers."""
    head = gcs_of(address).parent()
    for process in [head, *head.children(recursive=True)]:
        # Some of them end with the one that was killed before.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def set_pace(store, name, seconds):
    """Let an epoch of the trials that a driver begins from now on take so many seconds."""
    assert store._db.update("searches", {"_id": name}, {"$set": {"recipe.epoch_seconds": seconds}})


def progressing(store, name):
    running = store.trials.all(name, [TrialState.RUNNING])
    return [trial for trial in running if trial.progress is not None]


@pytest.mark.parametrize("kill", [kill_gcs, kill_head], ids=["its GCS", "its host"])
def test_a_serve_whose_head_dies_says_so_and_the_next_one_goes_on(kill, shell, tmp_path):
    uri = EmbeddedStore(shell.folder / ".alignsearch").ensure()
    states = tmp_path / "states"
    log = tmp_path / "serve.log"
    name = "headless"
    shell.submit(name, "--trials", "4", "--epochs", "400", "--checkpoints", str(states), *SEARCH)
    with Store.connect(uri) as store, ray_head(tmp_path / "head.log") as address:
        # No trial ends by itself before the head is killed, however busy the machine is.
        set_pace(store, name, 1.0)
        serve = shell.start("serve", "--ray", address, log=log)
        try:
            wait_until(lambda: len(progressing(store, name)) == 2, PATIENCE)
            before = {trial.tid for trial in progressing(store, name)}
            kill(address)
            # Ray's native code ends the process after a minute, with another code.
            code = serve.wait(PATIENCE)
        finally:
            end_command(serve)
        said = log.read_text().splitlines()
        assert code == EXIT_HEAD_GONE, said
        told = [line for line in said if line.startswith("alignsearch: ")]
        assert len(told) == 1, said
        # By the address that Ray gives the host, which may be another one.
        assert re.search(rf"Ray's head at [\d.]+:{address.rpartition(':')[2]} is gone", told[0])
        assert not any("Traceback" in line or "core_worker" in line for line in said), said
    log_after = tmp_path / "after.log"
    with Store.connect(uri) as store, ray_head(tmp_path / "next.log") as address:
        set_pace(store, name, 0.02)
        serve = shell.start("serve", "--ray", address, log=log_after)
        try:
            wait_until(lambda: shell.json("status", name)["status"] == "completed", 2 * PATIENCE)
        finally:
            end_command(serve)
        trials = store.trials.all(name)
        assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 4
        for trial in trials:
            done = [each for each in trial.attempts.values() if each.outcome == "completed"]
            assert len(done) == 1
            epochs = [each.epoch for each in store.logs.epochs(trial.id, trial.attempt)]
            assert epochs == list(range(1, 401))
        assert all(len(trial.attempts) > 1 for trial in trials if trial.tid in before)


def test_a_ray_that_cannot_start_here_is_one_line_and_nothing_is_lost(shell):
    shell.environment["RAY_TMPDIR"] = "/proc/nowhere"
    options = ("--trials", "1", "--name", "unplaced")
    ended = shell.run_anew("submit", "wm", "--dataset", "rehearsal", *options, "--wait")
    said = ended.stderr.strip().splitlines()
    assert ended.returncode == 2, said
    told = [line for line in said if line.startswith("alignsearch: ")]
    assert len(told) == 1, said
    assert "Ray can't be started on this machine: " in told[0]
    assert "/proc/nowhere" in told[0]
    assert not any("Traceback" in line for line in said), said
    waiting = shell.json("status", "unplaced")
    assert (waiting["status"], waiting["driver"]) == ("queued", None)
