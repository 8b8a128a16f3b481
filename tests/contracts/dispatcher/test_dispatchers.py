"""The promises of `Dispatcher`, kept by every dispatcher of the table."""

import os
import signal
import time

import pytest
from driving import wait_until

from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.transitions import begun
from alignsearch.workers.dispatchers import DISPATCHERS

SECONDS = 300.0
"""How long anything may take on a loaded machine; nothing waits for it in vain."""


def poll_until(dispatcher, number=1):
    """Poll until so many slots were told of, and no longer; they are returned in order."""
    freed = []
    deadline = time.monotonic() + SECONDS
    while len(freed) < number:
        assert time.monotonic() < deadline, f"only {freed} became free"
        freed += dispatcher.poll(1.0)
    assert len(freed) == number
    return freed


def wait_until_running(store, trial):
    wait_until(lambda: store.trials.get(trial.id).state is TrialState.RUNNING, SECONDS)
    return store.trials.get(trial.id)


def test_the_table_says_what_each_is():
    assert set(DISPATCHERS) == {"ray", "threads"}
    for entry in DISPATCHERS.values():
        assert entry.help.endswith(".")


def test_a_placed_trial_is_made_and_its_slot_told_of_once(store, brief, add, dispatch):
    dispatcher = dispatch(brief)
    assert dispatcher.held() == set()
    trial = add(brief, 0)
    dispatcher.place(1, trial)
    assert dispatcher.held() == {1}
    (freed,) = poll_until(dispatcher)
    assert (freed.slot, freed.trial_id, freed.error) == (1, trial.id, None)
    stored = store.trials.get(trial.id)
    assert (stored.state, stored.attempt, stored.attempts["1"].slot) == (TrialState.COMPLETED, 1, 1)
    # The worker tells of the trial as the store has it.
    assert (freed.trial.state, freed.trial.result) == (stored.state, stored.result)
    assert dispatcher.poll(0.0) == []
    assert dispatcher.held() == {1}


def test_an_idle_worker_makes_the_slots_next_trial(store, brief, add, dispatch):
    dispatcher = dispatch(brief)
    for tid in range(2):
        dispatcher.place(0, add(brief, tid))
        poll_until(dispatcher)
    owners = {trial.attempts["1"].owner for trial in store.trials.all(brief.name)}
    assert len(owners) == 1


def test_a_trial_that_was_begun_for_the_slots_worker_is_made_under_that_lease(
    store, brief, add, dispatch
):
    dispatcher = dispatch(brief)
    dispatcher.place(0, add(brief, 0))
    (freed,) = poll_until(dispatcher)
    worker = freed.trial.attempts["1"]
    queued = add(brief, 1).model_copy(update={"id": f"{brief.name}/2", "tid": 2})
    known = begun(queued, worker, now=store.now(), ttl=600.0, token="the driver's", slot=0)
    (added,) = store.trials.add_many([known], placed=True)
    dispatcher.place(0, added)
    poll_until(dispatcher)
    made = store.trials.get(queued.id)
    assert (made.state, made.attempt) == (TrialState.COMPLETED, 1)
    assert (made.attempts["1"].token, made.attempts["1"].owner) == ("the driver's", worker.owner)


def test_slots_are_told_of_in_the_order_in_which_their_trials_end(
    store, search, brief, add, dispatch, kind, store_uri
):
    """Not in that in which they were placed: nobody waits for the first one."""
    dispatcher = dispatch(search)
    slow, ends = add(search, 0), add(search, 1)
    dispatcher.place(0, slow)
    wait_until_running(store, slow)
    # This one isn't queued any more, so that its worker has nothing to do.
    assert store.attempts.begin(
        ends.id, "elsewhere", ttl=600.0, host="h", accelerator="none", versions={}
    )
    dispatcher.place(1, ends)
    (freed,) = poll_until(dispatcher)
    assert (freed.slot, freed.trial_id, freed.error) == (1, ends.id, None)
    dispatcher.hand_back()
    (freed,) = poll_until(dispatcher)
    assert (freed.slot, freed.trial_id) == (0, slow.id)


def test_a_trial_placed_twice_is_made_once_and_both_slots_become_free(store, brief, add, dispatch):
    dispatcher = dispatch(brief)
    trial = add(brief, 0)
    dispatcher.place(0, trial)
    dispatcher.place(1, trial)
    freed = poll_until(dispatcher, 2)
    assert {each.slot for each in freed} == {0, 1}
    assert {(each.trial_id, each.error) for each in freed} == {(trial.id, None)}
    stored = store.trials.get(trial.id)
    assert (stored.state, stored.attempt) == (TrialState.COMPLETED, 1)


def test_hand_back_queues_the_running_trials_again_and_those_still_placed(
    store, search, add, dispatch
):
    dispatcher = dispatch(search)
    trial = add(search, 0)
    dispatcher.place(0, trial)
    wait_until_running(store, trial)
    dispatcher.hand_back()
    (freed,) = poll_until(dispatcher)
    assert (freed.slot, freed.error) == (0, None)
    back = store.trials.get(trial.id)
    assert (back.state, back.attempts["1"].outcome) == (TrialState.QUEUED, "handed_back")
    assert back.attempts_spent == 0
    dispatcher.place(0, back)
    poll_until(dispatcher)
    assert store.trials.get(trial.id).state is TrialState.QUEUED


def test_a_killed_worker_is_told_of_no_more_and_the_slot_gets_another(store, search, add, dispatch):
    dispatcher = dispatch(search)
    first, second = add(search, 0), add(search, 1)
    dispatcher.place(0, first)
    lease = wait_until_running(store, first).lease
    # As a driver does: the trial is taken from the worker first.
    store.attempts.crash(first.id, lease.attempt, lease.token, "a test", retry=True, max_attempts=3)
    dispatcher.kill(0)
    assert dispatcher.held() == set()
    dispatcher.place(0, second)
    wait_until_running(store, second)
    dispatcher.hand_back()
    (freed,) = poll_until(dispatcher)
    assert (freed.slot, freed.trial_id) == (0, second.id)
    assert store.trials.get(first.id).attempts["1"].outcome == "crashed"
    # No worker, no error.
    dispatcher.kill(7)


def test_close_ends_every_worker(store, search, add, dispatch):
    dispatcher = dispatch(search)
    trial = add(search, 0)
    dispatcher.place(0, trial)
    lease = wait_until_running(store, trial).lease
    store.attempts.crash(trial.id, lease.attempt, lease.token, "a test", retry=True, max_attempts=3)
    dispatcher.close()
    assert dispatcher.held() == set()
    assert dispatcher.poll(0.1) == []
    wait_until(lambda: dispatch(search).held() == set(), SECONDS)


def test_a_worker_that_dies_is_told_of_with_the_reason(
    store, search, add, dispatch, kind, store_uri
):
    trial = add(search, 0)
    if kind.outlives_driver:
        dispatcher = dispatch(search)
        dispatcher.place(0, trial)
        owner = wait_until_running(store, trial).attempts["1"].owner
        os.kill(int(owner.rpartition(":")[2]), signal.SIGKILL)
    else:

        def dies(search, trial, link):
            raise SystemExit("its worker was killed by a test")

        dispatcher = kind.load()(search, store_uri, dies)
        dispatcher.place(0, trial)
    (freed,) = poll_until(dispatcher)
    assert (freed.slot, freed.trial_id, freed.trial) == (0, trial.id, None)
    assert "its worker was killed" in freed.error
    # The attempt is the driver's to end; the slot has no worker until the next trial.
    assert store.trials.get(trial.id).state is TrialState.RUNNING
    assert dispatcher.held() == set()


def test_a_worker_that_cannot_reach_the_store_says_so(search, add, dispatch, kind):
    """Before it has begun, so that the driver counts a failed start."""
    dispatcher = kind.load()(search, "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100")
    dispatcher.place(0, add(search, 0))
    (freed,) = poll_until(dispatcher)
    assert "127.0.0.1:1" in freed.error
    assert dispatcher.held() == set()


def test_the_next_dispatcher_adopts_workers_that_outlive_their_driver(
    store, search, add, dispatch, kind
):
    first = dispatch(search)
    trial = add(search, 0)
    first.place(0, trial)
    wait_until_running(store, trial)
    heir = dispatch(search)
    if not kind.outlives_driver:
        assert heir.held() == set()
        return
    assert heir.held() == {0}
    # The trial goes on; who has not placed it isn't told of it, but can have it handed back.
    heir.hand_back()
    wait_until(lambda: store.trials.get(trial.id).state is TrialState.QUEUED, SECONDS)
    assert heir.poll(0.0) == []
    heir.close()
    wait_until(lambda: dispatch(search).held() == set(), SECONDS)


@pytest.mark.parametrize("closed", [False, True])
def test_other_searches_keep_their_workers(store, search, brief, add, dispatch, closed):
    theirs = dispatch(search)
    trial = add(search, 0)
    theirs.place(0, trial)
    wait_until_running(store, trial)
    ours = dispatch(brief)
    assert ours.held() == set()
    if closed:
        ours.close()
    assert theirs.held() == {0}
    assert store.trials.get(trial.id).state is TrialState.RUNNING
