"""Ask and tell while the store and a process that asks are killed: each trial once."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from command_line import environment_of_a_person
from driving import wait_until
from hyperopt import hp

import alignsearch
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives

TRIALS = 30
LEASE = 60.0
"""Seconds: far more than a restart of the store takes, so that the living keep their trials."""
LOOP = """
import sys
import time
from pathlib import Path

import alignsearch
from alignsearch.search.documents.errors import StoreUnavailableError


def patiently(call, *arguments):
    # The store's outage is the loop's to wait out: it calls again.
    while True:
        try:
            return call(*arguments)
        except StoreUnavailableError:
            time.sleep(0.2)


with alignsearch.open_search("asked", store=sys.argv[1]) as search:
    while patiently(lambda: search.status) not in ("completed", "failed"):
        trial = patiently(search.ask)
        if trial is None:
            time.sleep(0.1)
            continue
        print(trial.number, flush=True)
        while Path(sys.argv[2]).exists():
            time.sleep(0.05)
        patiently(search.tell, trial, trial.config["x"] ** 2)
"""


@pytest.fixture
def server(tmp_path):
    embedded = EmbeddedStore(tmp_path / ".alignsearch")
    yield embedded
    embedded.stop()


def kill_and_restart(server):
    pid = server.status().pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not lives(pid))
    server.ensure()


@pytest.mark.timeout(1800)
def test_asked_trials_outlive_the_store_and_a_process_that_asks(server, tmp_path):
    uri, hold = server.ensure(), tmp_path / "hold"
    space = {"x": hp.uniform("x", -1, 1)}
    alignsearch.Search(space).submit(store=uri, name="asked", trials=TRIALS, lease=LEASE).close()
    hold.touch()
    files = [tmp_path / f"loop-{number}" for number in range(3)]

    def given():
        return [int(line) for file in files for line in file.read_text().split()]

    loops = []
    for file in files:
        with file.open("w") as out:
            command = [sys.executable, "-c", LOOP, uri, str(hold)]
            loops.append(subprocess.Popen(command, env=environment_of_a_person(), stdout=out))
    try:
        wait_until(lambda: sorted(given()) == [0, 1, 2], 480)
        kill_and_restart(server)
        loops[0].kill()
        loops[0].wait()
        hold.unlink()
        # Once more while they ask and tell.
        wait_until(lambda: len(given()) >= 9, 480)
        kill_and_restart(server)
        assert [loop.wait(300) for loop in loops[1:]] == [0, 0]
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    with Store.connect(uri) as store:
        trials = store.trials.all("asked")
        assert store.searches.get("asked").status == "completed"
    assert [trial.tid for trial in trials] == list(range(TRIALS))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert all(trial.loss == trial.point["x"] ** 2 for trial in trials)
    # The dead process's trial, and one whose giving the store's death may have hidden, come again.
    again = [trial.tid for trial in trials if trial.attempt > 1]
    assert int(files[0].read_text()) in again
    repeated = [tid for tid in again if given().count(tid) > 1]
    assert sorted(given()) == sorted([*range(TRIALS), *repeated])
    assert all(
        [each.outcome for each in trial.attempts.values()][:-1] in ([], ["expired"])
        for trial in trials
    )


def test_a_result_whose_answer_was_lost_is_told_again(server):
    """The loop's own view of an outage: an error that says so, and the same call again."""
    uri = server.ensure()
    # It gives up within the outage, and finds a server that is only slow.
    store = Store.connect(uri, timeout=20.0)
    alignsearch.Search({"x": hp.uniform("x", -1, 1)}).submit(
        store=uri, name="asked", trials=2
    ).close()
    with alignsearch.SearchHandle(store, "asked") as search:
        trial = search.ask()
        pid = server.status().pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not lives(pid))
        with pytest.raises(StoreUnavailableError):
            search.tell(trial, 0.5)
        restarted = threading.Thread(target=server.ensure)
        restarted.start()
        restarted.join()
        search.tell(trial, 0.5)
        search.tell(trial, 0.5)
        assert search.trials()["loss"].dropna().tolist() == [0.5]
