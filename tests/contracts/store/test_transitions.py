"""Every transition of a trial on a real server, against its effect in memory and the table."""

import inspect
from datetime import timedelta

import pytest
from conditions import fulfils
from epoch_maker import an_epoch

from alignsearch.search.documents import Attempt, Result, transitions
from alignsearch.search.documents.lease import ATTEMPT_LEASE, DRIVER_LEASE, AttemptLease
from alignsearch.search.documents.states import TRIAL_TRANSITIONS, TrialState
from alignsearch.search.documents.transitions import Transition
from alignsearch.search.store.trial_records import TrialRecords

OK = Result(status="ok", loss=0.25, metrics={"validation_accuracy": 0.75})
NOBODY = AttemptLease.model_construct(owner="w", attempt=1, token="nobody's", expires_at=None)


def an_attempt(trial, now):
    return Attempt(
        number=trial.attempt + 1,
        owner="another",
        token=f"token-{trial.attempt + 1}",
        host="h",
        accelerator="cpu",
        versions={"numpy": "2"},
        slot=1,
        started_at=now,
    )


# Each as a function of the trial as it was read, its lease (nobody's, if it has none) and the time.
MADE = {
    "place": lambda trial, lease, now: transitions.place(now),
    "note_start_failure": lambda trial, lease, now: transitions.note_start_failure(
        trial.attempt, "no numpy here"
    ),
    "begin": lambda trial, lease, now: transitions.begin(trial, an_attempt(trial, now), 60.0),
    "resume": lambda trial, lease, now: transitions.resume(
        1, lease.token, [an_epoch(trial.id, epoch=n) for n in (1, 2)]
    ),
    "record_epoch": lambda trial, lease, now: transitions.record_epoch(
        lease.token, an_epoch(trial.id, epoch=2), for_pruner=True
    ),
    "request_prune": lambda trial, lease, now: transitions.request_prune(lease.token, "the worst"),
    "complete": lambda trial, lease, now: transitions.complete(1, lease.token, now, OK, 2),
    "prune": lambda trial, lease, now: transitions.prune(1, lease.token, now, OK),
    "hand_back": lambda trial, lease, now: transitions.hand_back(1, lease.token, now, "SIGTERM"),
    "release": lambda trial, lease, now: transitions.release(lease, now, "stuck"),
    "cancel": lambda trial, lease, now: transitions.cancel(trial, now),
    "crash": lambda trial, lease, now: transitions.crash(trial, 1, lease.token, now, "OOM", 3),
    "crash, the last": lambda trial, lease, now: transitions.crash(
        trial, 1, lease.token, now, "OOM", 1
    ),
    "expire": lambda trial, lease, now: transitions.expire(
        trial, lease, now + timedelta(hours=1), "its host is gone", 3
    ),
    "expire, the last": lambda trial, lease, now: transitions.expire(
        trial, lease, now + timedelta(hours=1), "its host is gone", 1
    ),
}
MOVES = {
    ("queued", "running"): {"begin"},
    ("queued", "cancelled"): {"cancel"},
    ("running", "queued"): {"hand_back", "release", "crash", "expire"},
    ("running", "completed"): {"complete"},
    ("running", "pruned"): {"prune"},
    ("running", "failed"): {"crash, the last", "expire, the last"},
    ("running", "cancelled"): {"cancel"},
}
"""The transitions that move a trial from one state to another; the others leave it in its state."""
STAYS = {
    "queued": {"place", "note_start_failure"},
    "running": {"resume", "record_epoch", "request_prune"},
}


@pytest.fixture
def trial_in(store, new_trial, begin):
    """A function that brings a trial to a state."""

    def bring(state):
        trial = new_trial()
        if state is TrialState.QUEUED:
            return trial
        held = begin(trial)
        token = held.lease.token
        if state is TrialState.COMPLETED:
            return store.attempts.finish(trial.id, 1, token, OK, 2)
        if state is TrialState.PRUNED:
            return store.attempts.prune(trial.id, 1, token, OK)
        if state is TrialState.FAILED:
            return store.attempts.crash(trial.id, 1, token, "bad", retry=False, max_attempts=3)
        if state is TrialState.CANCELLED:
            store.attempts.cancel_all(trial.search)
        return store.trials.get(trial.id)

    return bring


def test_every_transition_is_tried():
    known = {
        name
        for name, made in inspect.getmembers(transitions, inspect.isfunction)
        if inspect.signature(made).return_annotation is Transition and not name.startswith("_")
    }
    assert known == {name.partition(",")[0] for name in MADE}


@pytest.mark.parametrize("state", TrialState)
@pytest.mark.parametrize("name", MADE)
def test_the_stored_trial_is_the_one_in_memory_and_moves_as_the_table_says(
    store, trial_in, name, state
):
    before = trial_in(state)
    transition = MADE[name](before, before.lease or NOBODY, store.now())
    # As the protocol's model judges it.
    judged = fulfils(store._db.find_one("trials", {"_id": before.id}), transition.condition)
    done = TrialRecords(store._db).mark(before.id, transition)
    assert judged == done
    after = store.trials.get(before.id)

    moves = {to for (start, to), names in MOVES.items() if start == state and name in names}
    allowed = bool(moves) or name in STAYS.get(state, ())
    assert done == allowed
    if not allowed:
        assert after == before
        return
    assert after == transition.apply(before)
    assert after != before
    assert {after.state} == (moves or {state})
    if moves:
        assert after.state in TRIAL_TRANSITIONS[before.state]


def test_the_transitions_make_every_move_of_the_table():
    table = {(a.value, b.value) for a, after in TRIAL_TRANSITIONS.items() for b in after}
    # No transition fails a trial that no attempt has begun.
    assert set(MOVES) == table - {("queued", "failed")}


@pytest.mark.parametrize(
    "name", ["begin", "complete", "prune", "hand_back", "release", "cancel", "crash", "expire"]
)
@pytest.mark.parametrize("state", [TrialState.QUEUED, TrialState.RUNNING])
def test_a_transition_that_is_sent_twice_is_known_to_be_done(store, trial_in, name, state):
    before = trial_in(state)
    transition = MADE[name](before, before.lease or NOBODY, store.now())
    assert not transition.applied(before)
    records = TrialRecords(store._db)
    done = records.change(before.id, transition)
    assert records.change(before.id, transition) == done
    assert (done is None) == all(name not in names for (a, _), names in MOVES.items() if a == state)


@pytest.mark.parametrize("left", [None, -1.0, 1.0])
@pytest.mark.parametrize("field", [DRIVER_LEASE, ATTEMPT_LEASE], ids=lambda field: field.name)
def test_a_condition_of_a_lease_holds_on_the_server_as_in_the_protocols_model(store, field, left):
    now = store.now()
    lease = None
    if left is not None:
        expires_at = now + timedelta(seconds=left)
        lease = {"owner": "o", "token": "t", "expires_at": expires_at}
    store._db.insert("scratch", {"_id": 0, field.name: lease})
    found = store._db.find_one("scratch", {"_id": 0})
    conditions = (
        *(field.held_by("t"), field.held_by("u"), field.passed(now), field.free(now)),
        *(field.ahead(now, 0.25), field.ahead(now, 30.0)),
    )
    for condition in conditions:
        matched = store._db.find_one("scratch", {"_id": 0, **condition}) is not None
        assert fulfils(found, condition) == matched, condition
