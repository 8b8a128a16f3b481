"""Attempts at trials: leases, fencing, retries and outcomes, on a real server."""

import itertools
import subprocess
import sys
from datetime import timedelta

import pytest
from epoch_maker import an_epoch

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Result
from alignsearch.search.documents.errors import StaleAttemptError
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TRIAL_TRANSITIONS, TrialState
from alignsearch.search.documents.transitions import begun, record_epoch

PASSED = -1.0
"""Seconds of a lease that has passed as it is taken."""

OK = Result(status="ok", loss=0.25, metrics={"validation_accuracy": 0.75})


# Each way to end a running trial's attempt, and the state that it leads to.
ENDINGS = {
    "finish": (lambda s, t, n, k: s.attempts.finish(t, n, k, OK, 2), TrialState.COMPLETED),
    "hand back": (lambda s, t, n, k: s.attempts.hand_back(t, n, k, "SIGTERM"), TrialState.QUEUED),
    "crash": (
        lambda s, t, n, k: s.attempts.crash(t, n, k, "OOM", retry=True, max_attempts=3),
        TrialState.QUEUED,
    ),
    "prune": (lambda s, t, n, k: s.attempts.prune(t, n, k, OK), TrialState.PRUNED),
    "fail": (
        lambda s, t, n, k: s.attempts.crash(t, n, k, "no data", retry=False, max_attempts=3),
        TrialState.FAILED,
    ),
}
WRITES = {
    **{name: call for name, (call, _) in ENDINGS.items()},
    "resume": lambda s, t, n, k: s.attempts.resume(t, n, k, [an_epoch(t, attempt=n)]),
    "renew": lambda s, t, n, k: s.attempts.renew(t, n, k, 60.0),
    "record": lambda s, t, n, k: s.attempts.record_epoch(t, n, k, an_epoch(t, attempt=n, epoch=3)),
}


@pytest.fixture
def trial_in(store, new_trial, begin):
    """A function that brings a trial to a state; with the attempt and token it had, if any."""

    def bring(state):
        trial = new_trial()
        if state is TrialState.QUEUED:
            return trial, 1, "none"
        lease = begin(trial).lease
        if state is TrialState.COMPLETED:
            store.attempts.finish(trial.id, 1, lease.token, OK, 2)
        elif state is TrialState.PRUNED:
            store.attempts.prune(trial.id, 1, lease.token, OK)
        elif state is TrialState.FAILED:
            store.attempts.crash(trial.id, 1, lease.token, "bad", retry=False, max_attempts=3)
        elif state is TrialState.CANCELLED:
            store.attempts.cancel_all(trial.search)
        return store.trials.get(trial.id), 1, lease.token

    return bring


def test_an_attempt_takes_the_trial_and_says_where_it_runs(store, new_trial):
    trial = new_trial()
    before = store.now()
    running = store.attempts.begin(
        trial.id,
        "actor-3",
        ttl=60.0,
        host="node-1",
        accelerator="TPU v3",
        versions={"tensorflow": "2.21.0"},
        slot=3,
    )
    assert running.state is TrialState.RUNNING
    assert running.attempt == 1
    assert (running.lease.owner, running.lease.attempt) == ("actor-3", 1)
    assert timedelta(seconds=60) <= running.lease.expires_at - before < timedelta(seconds=180)
    attempt = running.attempts["1"]
    assert (attempt.host, attempt.accelerator, attempt.slot) == ("node-1", "TPU v3", 3)
    assert attempt.versions == {"tensorflow": "2.21.0"}
    assert attempt.outcome is None
    assert running.timings["started"] >= running.timings["queued"]
    assert store.trials.get(trial.id) == running


@pytest.mark.parametrize("state", TrialState)
def test_only_a_queued_trial_begins(store, trial_in, begin, state):
    trial, _, _ = trial_in(state)
    begun = begin(trial)
    assert (begun is not None) == (TrialState.RUNNING in TRIAL_TRANSITIONS[state])
    if begun is None:
        assert store.trials.get(trial.id) == trial


def test_an_unknown_trial_does_not_begin(store):
    with pytest.raises(UnknownNameError):
        store.attempts.begin("nowhere/0", "w", ttl=1, host="h", accelerator="cpu", versions={})


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("state", TrialState)
def test_each_ending_is_done_or_refused_as_the_table_says(store, trial_in, state, ending):
    trial, attempt, token = trial_in(state)
    call, to = ENDINGS[ending]
    if state is TrialState.RUNNING:
        assert to in TRIAL_TRANSITIONS[state]
        ended = call(store, trial.id, attempt, token)
        assert (ended.state, ended.lease) == (to, None)
        assert ended.attempts["1"].ended_at >= ended.attempts["1"].started_at
        assert ("finished" in ended.timings) == (to in TERMINAL_TRIAL_STATES)
        assert store.trials.get(trial.id) == ended
    elif (state, ending) in {
        (TrialState.COMPLETED, "finish"),
        (TrialState.PRUNED, "prune"),
        (TrialState.FAILED, "fail"),
    }:
        # The same ending sent again, as after an answer that got lost.
        assert call(store, trial.id, attempt, token) == trial
    else:
        with pytest.raises(StaleAttemptError, match=f"the trial is {state}"):
            call(store, trial.id, attempt, token)
        assert store.trials.get(trial.id) == trial


def test_a_result_is_kept_as_it_was_given(store, new_trial, begin):
    trial = new_trial()
    lease = begin(trial).lease
    finished = store.attempts.finish(trial.id, 1, lease.token, OK, 2)
    assert finished.result == OK
    assert finished.best_epoch == 2
    assert finished.attempts["1"].outcome == "completed"
    assert finished.timings["finished"] >= finished.timings["started"]


@pytest.mark.parametrize("write", WRITES)
def test_a_worker_whose_lease_was_taken_over_writes_nothing(store, new_trial, begin, write):
    trial = new_trial()
    stale = begin(trial, ttl=PASSED).lease
    assert (
        store.attempts.expire(trial.id, 1, max_attempts=3, reason="gone").state is TrialState.QUEUED
    )
    taken_over = begin(trial, owner="second")
    with pytest.raises(StaleAttemptError, match=r"attempt 1 no longer holds .*\(expired\)"):
        WRITES[write](store, trial.id, 1, stale.token)
    # Nor can it guess the attempt that runs now.
    with pytest.raises(StaleAttemptError):
        WRITES[write](store, trial.id, 2, stale.token)
    assert store.trials.get(trial.id) == taken_over
    assert store.logs.epochs(trial.id) == []


def test_a_result_that_came_late_does_not_replace_the_first(store, new_trial, begin):
    trial = new_trial()
    lease = begin(trial).lease
    first = store.attempts.finish(trial.id, 1, lease.token, OK, 2)
    again = store.attempts.finish(trial.id, 1, lease.token, Result(status="ok", loss=9.0), 1)
    assert again == first
    assert store.trials.get(trial.id).result == OK


def test_renewing_moves_the_lease_by_the_servers_clock(store, new_trial, begin):
    trial = new_trial()
    lease = begin(trial, ttl=5.0).lease
    before = store.now()
    store.attempts.renew(trial.id, 1, lease.token, 120.0)
    renewed = store.trials.get(trial.id).lease
    assert timedelta(seconds=120) <= renewed.expires_at - before < timedelta(seconds=130)


def test_only_leases_that_have_passed_expire(store, new_search, new_trial, begin):
    name = new_search().name
    gone, alive = new_trial(name, 0), new_trial(name, 1)
    new_trial(name, 2)
    begin(gone, ttl=PASSED)
    begin(alive, ttl=60.0)
    assert store.attempts.expire(alive.id, 1, max_attempts=3, reason="?") is None
    expired = store.attempts.expire(gone.id, 1, max_attempts=3, reason="the host is gone")
    assert expired.state is TrialState.QUEUED
    assert (expired.attempts["1"].outcome, expired.attempts["1"].error) == (
        "expired",
        "the host is gone",
    )
    assert store.attempts.expire(gone.id, 1, max_attempts=3, reason="?") is None


def test_crashes_and_expiries_cost_attempts_and_handing_back_does_not(store, new_trial, begin):
    trial = new_trial()
    for attempt in (1, 2, 3):
        lease = begin(trial).lease
        assert lease.attempt == attempt
        back = store.attempts.hand_back(trial.id, attempt, lease.token, "the node is preempted")
        assert back.attempts[str(attempt)].error == "the node is preempted"
    lease = begin(trial).lease
    crashed = store.attempts.crash(trial.id, 4, lease.token, "Killed", retry=True, max_attempts=3)
    assert (crashed.state, crashed.error, crashed.attempts_spent) == (
        TrialState.QUEUED,
        "Killed",
        1,
    )
    begin(trial, ttl=PASSED)
    assert (
        store.attempts.expire(trial.id, 5, max_attempts=3, reason="gone").state is TrialState.QUEUED
    )
    lease = begin(trial).lease
    failed = store.attempts.crash(trial.id, 6, lease.token, "Traceback", retry=True, max_attempts=3)
    assert (failed.state, failed.error, failed.attempts_spent) == (
        TrialState.FAILED,
        "Traceback",
        3,
    )
    assert list(failed.attempts) == ["1", "2", "3", "4", "5", "6"]
    assert begin(trial) is None


def test_an_error_of_an_earlier_attempt_is_gone_from_a_trial_that_completed(
    store, new_trial, begin
):
    trial = new_trial()
    lease = begin(trial).lease
    store.attempts.crash(trial.id, 1, lease.token, "OOM", retry=True, max_attempts=3)
    lease = begin(trial).lease
    finished = store.attempts.finish(trial.id, 2, lease.token, OK, 1)
    assert finished.error is None
    assert finished.attempts["1"].error == "OOM"


@pytest.mark.parametrize("ending", ["finish", "prune", "fail", "cancel", "cancel all"])
def test_no_trial_ends_before_its_start_by_another_process_clock(store, new_trial, begin, ending):
    lease = begin(trial := new_trial()).lease
    later = store.now() + timedelta(hours=1)
    began = {"timings.started": later, "attempts.1.started_at": later}
    assert store._db.update("trials", {"_id": trial.id}, {"$set": began})
    held = store.trials.get(trial.id)
    if ending == "cancel":
        store.attempts.cancel(trial.id, "by somebody")
    elif ending == "cancel all":
        store.attempts.cancel_all(trial.search)
    else:
        given = held if ending == "finish" else trial.id
        answer = ENDINGS[ending][0](store, given, 1, lease.token)
        assert store.trials.get(trial.id).timings == answer.timings
    ended = store.trials.get(trial.id)
    assert ended.timings["finished"] == ended.timings["started"] == later


def test_epochs_are_recorded_once_and_come_in_order(store, new_trial, begin):
    trial = new_trial()
    lease = begin(trial).lease
    recorded = [an_epoch(trial.id, epoch=n, loss=3.0 - n) for n in (1, 2)]
    for epoch in (*recorded, recorded[-1]):
        store.attempts.record_epoch(trial.id, 1, lease.token, epoch)
    assert store.logs.epochs(trial.id) == recorded
    progress = store.trials.get(trial.id).progress
    assert (progress.epoch, progress.epochs, progress.loss) == (2, 3, 1.0)
    assert progress.value == pytest.approx(0.75)


def test_each_attempt_has_epochs_of_its_own(store, new_trial, begin):
    trial = new_trial()
    store.attempts.record_epoch(trial.id, 1, begin(trial).lease.token, an_epoch(trial.id))
    lease = store.trials.get(trial.id).lease
    store.attempts.crash(trial.id, 1, lease.token, "OOM", retry=True, max_attempts=3)
    again = begin(trial)
    assert again.progress is None
    store.attempts.record_epoch(trial.id, 2, again.lease.token, an_epoch(trial.id, attempt=2))
    assert [(e.attempt, e.epoch) for e in store.logs.epochs(trial.id)] == [(1, 1), (2, 1)]
    assert [e.attempt for e in store.logs.epochs(trial.id, 2)] == [2]


def test_an_epoch_of_a_diverged_training_is_recorded(store, new_trial, begin):
    trial = new_trial()
    lease = begin(trial).lease
    store.attempts.record_epoch(trial.id, 1, lease.token, an_epoch(trial.id, loss=float("nan")))
    assert str(store.logs.epochs(trial.id)[0].loss) == "nan"


def test_cancelling_ends_what_is_live_and_leaves_what_has_ended(
    store, new_search, new_trial, begin
):
    name = new_search().name
    done, running, queued = (new_trial(name, tid) for tid in range(3))
    finished = store.attempts.finish(done.id, 1, begin(done).lease.token, OK, 1)
    token = begin(running).lease.token
    assert store.attempts.cancel_all(name) == 2
    assert store.attempts.cancel_all(name) == 0
    assert store.trials.get(done.id) == finished
    for trial in (running, queued):
        assert store.trials.get(trial.id).state is TrialState.CANCELLED
    assert store.trials.get(running.id).attempts["1"].outcome == "cancelled"
    with pytest.raises(StaleAttemptError, match="cancelled"):
        store.attempts.renew(running.id, 1, token, 60.0)


RACER = """
import sys
from alignsearch.search.store import Store

uri, owner, *trial_ids = sys.argv[1:]
with Store.connect(uri) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    for trial_id in trial_ids:
        if store.attempts.begin(
            trial_id, owner, ttl=60, host="h", accelerator="cpu", versions={}
        ):
            print(trial_id, flush=True)
"""


def test_two_processes_that_race_for_trials_win_each_once(store, store_uri, new_search, new_trial):
    name = new_search().name
    ids = [new_trial(name, tid).id for tid in range(25)]
    racers = {
        owner: subprocess.Popen(
            [sys.executable, "-c", RACER, store_uri, owner, *ids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for owner in ("first", "second")
    }
    for racer in racers.values():
        assert racer.stdout.readline() == "ready\n"
    for racer in racers.values():
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = {owner: racer.communicate()[0].split() for owner, racer in racers.items()}
    assert sorted(itertools.chain.from_iterable(won.values())) == sorted(ids)
    for trial in store.trials.all(name):
        assert trial.attempt == 1
        assert trial.id in won[trial.lease.owner]


def test_a_trial_can_be_added_as_begun_for_a_worker_that_is_known(store, new_trial, begin):
    earlier = begin(new_trial())
    known = earlier.attempts["1"]
    queued = earlier.model_copy(
        update={
            **{"id": f"{earlier.search}/1", "tid": 1, "seq": 0, "state": TrialState.QUEUED},
            **{"attempt": 0, "attempts": {}, "lease": None, "timings": {}},
        }
    )

    new = begun(queued, known, now=store.now(), ttl=60.0, token="fence", slot=3)
    (added,) = store.trials.add_many([new], placed=True)

    assert store.trials.get(added.id) == added
    assert (added.state, added.attempt, added.lease.token) == (TrialState.RUNNING, 1, "fence")
    attempt = added.attempts["1"]
    assert (attempt.owner, attempt.host, attempt.slot) == (known.owner, known.host, 3)
    assert added.lease.expires_at - attempt.started_at == timedelta(seconds=60)
    assert set(added.timings) == {"queued", "placed", "started"}
    # Added again, as after an answer that was lost, it is the same attempt.
    assert store.trials.add_many([new], placed=True) == [added]
    assert (
        store.attempts.begin(added, "other", ttl=60, host="h", accelerator="cpu", versions={})
        is None
    )
    with pytest.raises(StaleAttemptError):
        store.attempts.finish(added.id, 1, "another fence", OK)

    told = store.attempts.finish(added, 1, "fence", OK, 2)
    assert store.trials.get(added.id) == told
    assert (told.state, told.result, told.best_epoch) == (TrialState.COMPLETED, OK, 2)
    # The worker's retry of a write whose answer was lost.
    assert store.attempts.finish(added, 1, "fence", OK, 2) == told


def test_what_the_holder_knows_of_its_trial_after_an_epoch_is_what_is_stored(
    store, new_trial, begin
):
    held = begin(new_trial())
    token = held.lease.token
    epoch = an_epoch(held.id)
    store.attempts.record_epoch(held.id, 1, token, epoch, for_pruner=True)
    known = record_epoch(token, epoch, for_pruner=True).apply(held)
    assert store.attempts.finish(known, 1, token, OK, 1) == store.trials.get(held.id)
