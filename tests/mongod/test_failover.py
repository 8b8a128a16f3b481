"""A replica set of three loses its primary while searches run: nothing is lost or done twice."""

import signal
import threading

import pytest
from driving import driving, wait_until
from mongod import kill_primary

from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.store import Store

PATIENCE = 300.0
RECOVERY_SECONDS = 300.0
"""Until writing goes on; 15 on a quiet machine, and many times that on a busy one."""


def step_down(trio):
    trio.step_down()


def freeze_primary(trio):
    victim = trio.primary()
    victim.pause()
    return victim


def kill_secondary(trio):
    primary = trio.primary()
    victim = next(member for member in trio.members if member is not primary)
    victim.kill(signal.SIGKILL)
    return victim


FAULTS = {
    "the primary steps down": step_down,
    "the primary is killed": kill_primary,
    "the primary hangs": freeze_primary,
    "a secondary is killed": kill_secondary,
}


def completed(store, name):
    return len(store.trials.all(name, [TrialState.COMPLETED]))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_search_goes_on_through(fault, trio, make_search_in, make_driver_in):
    name = fault.replace(" ", "-")
    uri = trio.uri.format("failover")
    with Store.connect(uri) as store:
        make_search_in(store, name, trials=60, parallel=4, epochs=4, lease_seconds=600.0)
        driver = make_driver_in(store, uri, name, lease_seconds=600.0)
        with driving(driver) as outcome:
            wait_until(lambda: completed(store, name) >= 5, PATIENCE)
            victim = FAULTS[fault](trio)
            wait_until(lambda: writes(store, name), RECOVERY_SECONDS)
            wait_until(lambda: outcome, PATIENCE)
        if victim is not None:
            victim.revive()
        trio.wait_for_all()
        assert store.searches.get(name).status is SearchStatus.COMPLETED
        trials = store.trials.all(name)
        assert [(trial.tid, trial.state) for trial in trials] == [
            (tid, TrialState.COMPLETED) for tid in range(60)
        ]
        for trial in trials:
            done = [each for each in trial.attempts.values() if each.outcome == "completed"]
            assert len(done) == 1, trial
            epochs = [each.epoch for each in store.logs.epochs(trial.id, trial.attempt)]
            assert epochs == [1, 2, 3, 4], trial


def writes(store, name):
    """Return whether a durable write is acknowledged now."""
    try:
        store.logs.add_event(name, "the test", "tried")
    except ConnectionError:
        return False
    return True


def test_what_was_acknowledged_is_there_after_the_primary_was_killed(trio):
    uri = trio.uri.format("acknowledged")
    noted, failed, ended = [], [], threading.Event()

    def write():
        with Store.connect(uri) as store:
            number = 0
            while not ended.is_set():
                number += 1
                try:
                    store.logs.add_event("s", "me", f"number {number}")
                    noted.append(f"number {number}")
                except ConnectionError as error:
                    failed.append(error)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        for _ in range(2):
            before = len(noted)
            wait_until(lambda before=before: len(noted) > before + 20, PATIENCE)
            victim = kill_primary(trio)
            before = len(noted)
            wait_until(lambda before=before: len(noted) > before + 20, PATIENCE)
            victim.revive()
            trio.wait_for_all()
    finally:
        ended.set()
        writer.join(300.0)
    assert not writer.is_alive()
    with Store.connect(uri) as store:
        stored = [event.what for event in store.logs.events("s")]
    assert set(noted) <= set(stored)
