"""Failed trials tried again, and single trials cancelled, beside a driver or without one."""

from datetime import UTC, datetime

import pytest

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Origin, Result, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.use_cases import steering
from alignsearch.search.use_cases.confirming import confirm
from alignsearch.search.use_cases.retrying import cancel_trial, retry

STATES = ("completed", "failed", "cancelled", "failed", "queued")
POINT = {"sigma": 0.5, "alpha_over_beta": 15.0, "beta": 1e-3}


@pytest.fixture
def search(store, make_search):
    """A search with a trial in each of `STATES`, and a failed one that repeats another."""
    made = make_search(trials=9)
    for tid, state in enumerate(STATES):
        result = Result(status="ok", loss=0.5) if state == "completed" else None
        store.trials.add(_trial(tid, state, result=result))
    store.trials.add(_trial(5, "failed", origin=Origin(kind="confirmation", of=0, repeat=1)))
    return made


def _trial(tid, state, **fields):
    point = {**POINT, "sigma": 0.1 + tid / 100}
    return Trial(
        id=f"a-search/{tid}", search="a-search", tid=tid, state=state, point=point, **fields
    )


def events(store):
    return [
        (event.who, event.what, event.detail)
        for event in store.logs.events("a-search")
        if event.what != "created"
    ]


def test_all_failed_trials_are_tried_again_once(store, search):
    before = store.trials.all("a-search")
    done = retry(store, "a-search", "ann")
    assert [(p.kind, p.of, p.point["sigma"]) for p in done.points] == [
        ("retry", 1, 0.11),
        ("retry", 3, 0.13),
    ]
    assert (done.reopened, done.left_out) == (False, [])
    assert events(store) == [("ann", "retried", "trials 1, 3")]
    again = retry(store, "a-search", "bob")
    assert again.points == []
    assert again.left_out == [
        "trial 1: it waits to be tried again already, asked for by ann",
        "trial 3: it waits to be tried again already, asked for by ann",
    ]
    assert len(events(store)) == 1
    assert len(store.points.all("a-search")) == 2
    # An ended trial never changes.
    assert store.trials.all("a-search") == before


def test_named_trials_may_have_been_cancelled(store, search):
    done = retry(store, "a-search", "ann", [2, 3, 2])
    assert [point.of for point in done.points] == [2, 3]
    assert [point.of for point in retry(store, "a-search", "ann").points] == [1]


@pytest.mark.parametrize(
    ("tid", "said"),
    [
        (0, "trial 0 .* can't be tried again: it is completed, and only one that has failed"),
        (4, "trial 4 .* can't be tried again: it is queued"),
        (5, "trial 5 .* it is no trial of the search's own but confirmation"),
    ],
)
def test_trials_without_a_failure_are_refused(store, search, tid, said):
    with pytest.raises(StateConflictError, match=said):
        retry(store, "a-search", "ann", [1, tid])
    assert store.points.all("a-search") == []
    assert events(store) == []


def test_trials_that_are_not_there_and_searches_without_failures_are_refused(store, make_search):
    make_search()
    with pytest.raises(UnknownNameError, match="'7'"):
        retry(store, "a-search", "ann", [7])
    with pytest.raises(StateConflictError, match="no trial of search 'a-search' has failed"):
        retry(store, "a-search", "ann")
    with pytest.raises(UnknownNameError, match="'absent'"):
        retry(store, "absent", "ann")


@pytest.mark.parametrize("over", [SearchStatus.COMPLETED, SearchStatus.FAILED])
def test_a_search_that_is_over_goes_on_by_it(store, search, over):
    store.searches.change("a-search", SearchStatus.RUNNING, "a driver")
    store.searches.change("a-search", over, "a driver", detail="too many failed")
    done = retry(store, "a-search", "ann")
    assert done.reopened
    assert (done.search.status, done.search.error) == (SearchStatus.QUEUED, None)
    assert events(store)[-1] == ("ann", "queued again", "to try trials 1, 3 again")
    # The command has died before this, or a driver ended the search at that very moment.
    store.searches.change("a-search", SearchStatus.RUNNING, "a driver")
    store.searches.change("a-search", SearchStatus.COMPLETED, "a driver")
    again = retry(store, "a-search", "ann")
    assert (again.points, again.reopened) == ([], True)


def test_a_cancelled_search_is_final(store, search):
    steering.cancel(store, "a-search", "bob")
    with pytest.raises(StateConflictError, match="was cancelled, which is final"):
        retry(store, "a-search", "ann")


def test_one_queued_trial_is_cancelled_by_name_of_who_did_it(store, search):
    cancelled = cancel_trial(store, "a-search", 4, "ann")
    assert (cancelled.state, cancelled.error) == (TrialState.CANCELLED, "cancelled by ann")
    assert events(store) == [("ann", "trial cancelled", "trial 4")]
    store._db.delete("events", {"what": "trial cancelled"})
    # The command had died before its event, and is repeated.
    assert cancel_trial(store, "a-search", 4, "ann").state is TrialState.CANCELLED
    assert cancel_trial(store, "a-search", 4, "ann").state is TrialState.CANCELLED
    assert events(store) == [("ann", "trial cancelled", "trial 4")]
    with pytest.raises(StateConflictError, match=r"trial 4 .* it is cancelled already"):
        cancel_trial(store, "a-search", 4, "bob")
    assert store.searches.get("a-search").status is SearchStatus.QUEUED


@pytest.mark.parametrize("tid", [0, 1, 2])
def test_a_trial_that_has_ended_is_not_cancelled(store, search, tid):
    with pytest.raises(StateConflictError, match=f"trial {tid} .* can't be cancelled: it is"):
        cancel_trial(store, "a-search", tid, "ann")
    assert events(store) == []


def test_a_search_that_repeats_its_best_alone_tries_a_failed_trial_again(store, search):
    store.searches.change("a-search", SearchStatus.RUNNING, "a driver")
    store.searches.change("a-search", SearchStatus.COMPLETED, "a driver")
    confirm(store, "a-search", "ann", top=1, seeds=2)
    assert store.searches.get("a-search").confirms_only
    assert retry(store, "a-search", "ann", [1]).reopened
    found = store.searches.get("a-search")
    assert (found.status, found.confirms_only, found.confirm.top) == ("queued", False, 1)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"stop_at": 0.6}, "0.6 is enough .--stop-at.; .*--without stop-at"),
        ({"timeout": 1.0, "driven_seconds": 2.0}, "it has been driven for 2 s"),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, "no trial begins after"),
        ({"stop_requested": True}, "it was stopped: retry once it is over"),
    ],
    ids=["stop at", "timeout", "until", "stopped"],
)
def test_a_retry_that_would_never_begin_is_refused(store, search, rule, why):
    store._db.update("searches", {"_id": "a-search"}, {"$set": rule})
    store.totals.update("a-search")
    with pytest.raises(StateConflictError, match=why):
        retry(store, "a-search", "ann", [1])
    assert store.points.all("a-search") == []
    assert events(store) == []
