"""A few faults of each store while a driver of this process drives: what `make test` has of all."""

import os
import signal
import time

import mongod
import pytest
from driving import driving, wait_until
from namespaces import OneHost

from alignsearch.search.store import Store
from alignsearch.search.store.processes import lives
from alignsearch.search.use_cases.defined import objective_of, stored_definition
from alignsearch.spaces.definitions import find_definition
from campaign import clocks
from campaign.oracle import Expected, Stored, judge
from campaign.searches import rehearsal_loss
from campaign.stores import STORES

EPOCHS = 4
TRIALS = 48
HOSTS = ("head", "member-0", "member-1", "member-2")
PATIENCE = 300.0


def rehearsal(name):
    """Return the definition of a rehearsal as `submit` stores it."""
    definition = find_definition(name)
    objective = objective_of(definition, name, definition.space, dataset="rehearsal")
    return stored_definition(definition, definition.space, objective)


def end(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not lives(pid), PATIENCE)


def kill(server):
    end(server.victim("primary"))


def stop(server):
    os.kill(server.victim("primary"), signal.SIGSTOP)


def kill_a_secondary(server):
    end(server.victim("secondary"))


def step_down(server):
    server.step_down()


def set_the_clock(server):
    server.clock.set(clocks.TWO_HOURS)


FAULTS = {
    "embedded": (kill, stop),
    "mongod": (kill, stop, set_the_clock),
    "members": (step_down, kill_a_secondary),
}
"""Faults by store, in turn; a clock stays off until the end."""


def results(client):
    return client.struck.trials.count_documents({"state": "completed"})


@pytest.mark.parametrize("kind", STORES)
def test_a_search_outlives_a_few_faults_of_its_store(
    kind, tmp_path, make_search_in, make_driver_in
):
    if kind != "embedded" and (why := mongod.missing()):
        pytest.skip(why)
    clock = clocks.Clock(tmp_path / "clock", clocks.compiled(tmp_path))
    server = STORES[kind](tmp_path, OneHost(HOSTS), clock)
    try:
        with Store.connect(server.uri.format("struck")) as store, server.client() as client:
            known = {"trials": TRIALS, "parallel": 8, "epochs": EPOCHS, "lease_seconds": 30.0}
            make_search_in(store, "s", definition=rehearsal("wm"), **known)
            driver = make_driver_in(store, server.uri.format("struck"), "s", lease_seconds=30.0)
            with driving(driver) as outcome:
                for number, fault in enumerate(FAULTS[kind]):
                    # Each fault strikes a search that runs: results came after the one before.
                    wait_until(
                        lambda least=8 * number: results(client) > least or outcome, PATIENCE
                    )
                    assert not outcome, "the search was over before all faults had struck"
                    fault(server)
                    server.revive()
                wait_until(lambda: outcome, PATIENCE)
            moved = set_the_clock in FAULTS[kind]
            expected = Expected(rehearsal_loss, range(1, EPOCHS + 1))
            assert judge(Stored.read(client.struck), "s", expected, clock_moved=moved) == []
    finally:
        server.stop()


def test_members_whose_clocks_were_set_elect_a_primary_once_they_are_started_again(tmp_path):
    if why := mongod.missing():
        pytest.skip(why)
    clock = clocks.Clock(tmp_path / "clock", clocks.compiled(tmp_path))
    server = STORES["members"](tmp_path, OneHost(HOSTS), clock)
    try:
        set_the_clock(server)
        # Heartbeats and elections that are planned while the clock is ahead are due in two hours.
        time.sleep(4.0)
        clock.set(0)
        server.after_clock()
        killed = server.member("primary")
        killed.kill()
        wait_until(server.takes_writes, PATIENCE)
        assert server.member("primary") is not killed
    finally:
        server.stop()
