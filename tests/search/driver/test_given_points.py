"""Points that people give to a search: tried first, counted once, and results told to TPE."""

import numpy as np
import pytest
from driving import NEVER, Held, driving, wait_until
from suggestions import random_point, suggest

from alignsearch.search.documents import observation_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.use_cases import enqueueing, importing, retrying
from alignsearch.search.use_cases.enqueueing import Wanted
from alignsearch.search.use_cases.outside_result import OutsideResult, OutsideResults
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.objectives import Finished
from alignsearch.workers.objectives.rehearsal import final_loss, rehearse

WM = get_space("wm")
RNG = np.random.default_rng(7)
POINTS = [random_point(WM, RNG) for _ in range(12)]


def enqueue(store, *points):
    return enqueueing.enqueue(store, "a-search", [Wanted(point) for point in points], "ann")


def import_(store, *results):
    found = [OutsideResult(f"row {n}", loss, point) for n, (point, loss) in enumerate(results)]
    return importing.import_results(store, "a-search", OutsideResults("a table", found), "ann")


def trials_of(store):
    return store.trials.all("a-search")


class Failing:
    """An objective that fails at some points for good, as long as it is told to."""

    def __init__(self, *points):
        self.points = list(points)

    def __call__(self, search, trial, link):
        if dict(trial.point) in self.points:
            raise StateConflictError("it can't be evaluated")
        return rehearse(search, trial, link)


@pytest.mark.parametrize("parallel", [1, 3])
def test_given_points_are_tried_first_and_count_towards_the_budget(
    store, make_search, make_driver, parallel
):
    make_search(trials=7, parallel=parallel, startup=3)
    enqueue(store, *POINTS[:3])
    assert make_driver().run(NEVER) == Outcome.FINISHED
    trials = trials_of(store)
    assert [trial.tid for trial in trials] == list(range(7))
    assert [trial.point for trial in trials[:3]] == POINTS[:3]
    assert [t.origin and (t.origin.kind, t.origin.number) for t in trials] == [
        *(("enqueued", number) for number in range(3)),
        *[None] * 4,
    ]
    assert [t.loss for t in trials] == [final_loss(WM, t.point) for t in trials]


def test_what_follows_given_points_is_what_tpe_suggests_after_them(store, make_search, make_driver):
    """HyperOpt's TPE to the bit: given and imported points are observations like others."""
    make_search(trials=8, parallel=1, startup=4, seed=3)
    import_(store, (POINTS[3], 0.5), (POINTS[4], None))
    enqueue(store, *POINTS[:2])
    assert make_driver().run(NEVER) == Outcome.FINISHED
    trials = trials_of(store)
    kinds = [trial.origin.kind if trial.origin else "suggested" for trial in trials]
    assert kinds == ["imported"] * 2 + ["enqueued"] * 2 + ["suggested"] * 6
    for trial in trials[4:]:
        seen = [observation_of(other) for other in trials[: trial.tid]]
        expected = suggest(WM, seen, [], tid=trial.tid, seed=3, algo="tpe", startup=4)
        assert (trial.point, trial.seen) == (expected, trial.tid)


def test_points_that_come_while_it_runs_are_tried_before_what_was_suggested(
    store, make_search, make_driver
):
    # More than can end before they are looked at.
    make_search(trials=2000, parallel=2, epochs=1)
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        enqueue(store, *POINTS[:4])
        held.release()
        wait_until(lambda: len([t for t in trials_of(store) if t.origin]) == 4)
        given = [trial.tid for trial in trials_of(store) if trial.origin]
        assert outcome == []
    trials = trials_of(store)
    assert [trials[tid].point for tid in given] == POINTS[:4]
    assert [trials[tid].origin.number for tid in given] == [0, 1, 2, 3]


def test_a_driver_that_begins_anew_tries_each_point_once(store, make_search, make_driver):
    make_search(trials=5, parallel=1, lease_seconds=1.0)
    enqueue(store, *POINTS[:4])
    held = Held()
    with driving(make_driver(objective=held)):
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 1)
    # It was interrupted, and handed the first point's trial back.
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert [t.origin.number if t.origin else None for t in trials_of(store)] == [0, 1, 2, 3, None]


def test_more_points_than_the_budget_allows_wait(store, make_search, make_driver):
    make_search(trials=2, parallel=2)
    enqueue(store, *POINTS[:4])
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert [trial.point for trial in trials_of(store)] == POINTS[:2]
    store.searches.extend("a-search", {"trials": 5}, "ann", detail="to 5")
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert [trial.point for trial in trials_of(store)[:4]] == POINTS[:4]
    assert len(trials_of(store)) == 5


def test_one_request_that_two_commands_sent_at_once_counts_once(store, make_search):
    make_search()
    (first,) = enqueue(store, POINTS[0]).points
    store.points.add([first])
    store.points.publish("a-search")
    history = History(store, "a-search")
    history.given.read(store.searches.get("a-search").enqueued)
    assert [point.number for point in history.given.to_try(9, 9)] == [0]


def test_points_that_a_server_shows_late_are_read_later(store, make_search):
    make_search()
    for point in POINTS[:3]:
        enqueue(store, point)
    hidden = store._db.find_one("points", {"_id": "a-search/1"})
    store._db.delete("points", {"_id": "a-search/1"})
    history = History(store, "a-search")
    history.given.read(3)
    assert [point.number for point in history.given.to_try(9, 9)] == [0, 2]
    store._db.insert("points", hidden)
    history.given.read(3)
    assert [point.number for point in history.given.to_try(9, 9)] == [0, 1, 2]


def test_results_from_elsewhere_are_ranked_and_spend_nothing(store, make_search, make_driver):
    make_search(trials=3, parallel=2)
    done = import_(store, (POINTS[0], -9.0), (POINTS[1], 2.0))
    # Nobody drives the search, so they are there already.
    assert not done.waits
    assert [(t.state, t.loss, t.spends) for t in trials_of(store)] == [
        (TrialState.COMPLETED, -9.0, False),
        (TrialState.COMPLETED, 2.0, False),
    ]
    assert store.searches.get("a-search").driver is None
    assert make_driver().run(NEVER) == Outcome.FINISHED
    trials = trials_of(store)
    assert sum(trial.spends for trial in trials) == 3
    assert store.totals.best("a-search").tid == 0
    assert [trial.seen for trial in trials[2:4]] == [2, 2]


def test_a_driver_takes_results_in_while_it_drives(store, make_search, make_driver):
    make_search(trials=4, parallel=2)
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        done = import_(store, *((point, 1.0) for point in POINTS))
        assert done.waits
        wait_until(lambda: store.totals.counts("a-search")[TrialState.COMPLETED] == len(POINTS))
        held.release()
        wait_until(lambda: outcome)
    trials = trials_of(store)
    assert [trial.tid for trial in trials] == list(range(len(POINTS) + 4))
    assert sum(trial.spends for trial in trials) == 4


def test_a_retry_runs_beyond_the_budget_and_lets_a_search_go_on_that_is_over(
    store, make_search, make_driver
):
    make_search(trials=3, parallel=1)
    enqueue(store, POINTS[0])
    failing = Failing(POINTS[0])
    assert make_driver(objective=failing).run(NEVER) == Outcome.FINISHED
    first = trials_of(store)
    assert first[0].state is TrialState.FAILED
    failing.points.clear()
    done = retrying.retry(store, "a-search", "ann")
    assert done.reopened
    assert store.searches.get("a-search").status is SearchStatus.QUEUED
    assert make_driver(objective=failing).run(NEVER) == Outcome.FINISHED
    again = trials_of(store)[len(first) :]
    assert [(t.origin.kind, t.origin.of, t.point) for t in again] == [("retry", 0, POINTS[0])]
    assert again[0].state is TrialState.COMPLETED
    assert trials_of(store)[: len(first)] == first
    assert store.searches.get("a-search").status is SearchStatus.COMPLETED
    # Doing it again changes nothing.
    repeated = retrying.retry(store, "a-search", "ann")
    assert (repeated.points, repeated.reopened) == ([], False)
    assert repeated.left_out == [f"trial 0: trial {again[0].tid} (completed) has tried it again"]


def test_one_running_trial_is_cancelled_and_the_search_goes_on(store, make_search, make_driver):
    make_search(trials=3, parallel=2)
    held = Held()
    with driving(make_driver(objective=held, lease_seconds=600.0)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        cancelled = retrying.cancel_trial(store, "a-search", 1, "ann")
        # Its slot is free long before its lease would have passed.
        wait_until(lambda: len(trials_of(store)) == 3)
        held.release()
        wait_until(lambda: outcome)
    assert trials_of(store)[1] == cancelled.model_copy(update={"seq": trials_of(store)[1].seq})
    assert cancelled.state is TrialState.CANCELLED
    assert cancelled.error == "cancelled by ann"
    assert trials_of(store)[0].state is TrialState.COMPLETED
    assert store.searches.get("a-search").status is SearchStatus.COMPLETED
    events = [(e.who, e.what, e.detail) for e in store.logs.events("a-search")]
    assert ("ann", "trial cancelled", "trial 1") in events


def test_an_objective_that_is_cancelled_ends(store, make_search, make_driver):
    make_search(trials=1, parallel=1)
    stopped = []

    def objective(search, trial, link):
        wait_until(link.should_stop)
        stopped.append(trial.tid)
        return Finished(None)

    with driving(make_driver(objective=objective, lease_seconds=1.0)):
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 1)
        retrying.cancel_trial(store, "a-search", 0, "ann")
        wait_until(lambda: stopped)
    assert stopped[0] == 0
