"""Trials that crash, diverge, or lose their workers, driven over a real store."""

import threading

import pytest
from clock_ahead import move_clock_back
from driving import NEVER, InlineDispatcher, driving, owner_of, wait_until
from prometheus_client import REGISTRY
from running_trial import add_running_trial

from alignment_core.errors import DataError
from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.use_cases import steering
from alignsearch.workers.objectives import Finished
from alignsearch.workers.objectives.rehearsal import rehearse


def test_a_crash_costs_an_attempt_and_the_trial_is_tried_again(store, make_search, make_driver):
    crashed = set()

    def crash_once(search, trial, link):
        if trial.tid not in crashed:
            crashed.add(trial.tid)
            raise RuntimeError("out of luck")
        return rehearse(search, trial, link)

    make_search(trials=3)
    make_driver(objective=crash_once).run(NEVER)
    for trial in store.trials.all("a-search"):
        assert (trial.state, trial.attempt) == (TrialState.COMPLETED, 2)
        assert trial.attempts["1"].outcome == "crashed"
        assert "RuntimeError: out of luck" in trial.attempts["1"].error
        assert trial.error is None


def test_a_trial_that_crashes_every_time_fails_and_the_search_goes_on(
    store, make_search, make_driver
):
    def crash_zero(search, trial, link):
        if trial.tid == 0:
            raise RuntimeError("always")
        return rehearse(search, trial, link)

    make_search(trials=3, max_attempts=2)
    make_driver(objective=crash_zero).run(NEVER)
    states = [(t.state, t.attempt) for t in store.trials.all("a-search")]
    # The failed one spends nothing of the budget: another takes its place.
    assert states == [(TrialState.FAILED, 2), *[(TrialState.COMPLETED, 1)] * 3]
    assert "always" in store.trials.get("a-search", 0).error
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED


def test_what_would_fail_again_is_not_tried_again_and_fails_the_search(
    store, make_search, make_driver
):
    def no_images(search, trial, link):
        raise DataError("no images here: put them there")

    make_search(trials=2)
    make_driver(objective=no_images).run(NEVER)
    trials = store.trials.all("a-search")
    assert {(t.state, t.attempt, t.error) for t in trials} == {
        (TrialState.FAILED, 1, "no images here: put them there")
    }
    search = store.searches.get("a-search")
    assert search.status == SearchStatus.FAILED
    assert "no images here" in search.error


def test_divergence_is_a_result_that_tpe_learns_from_and_no_crash(store, make_search, make_driver):
    def diverge(search, trial, link):
        if trial.tid % 2:
            return rehearse(search, trial, link)
        return Finished(Result(status="fail", reason="loss is NaN in epoch 1"))

    search = make_search(trials=6, startup=2)
    driver = make_driver(objective=diverge)
    driver.run(NEVER)
    trials = store.trials.all("a-search")
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert [trial.result.loss is None for trial in trials] == [True, False] * 3
    assert store.totals.best(search.name).tid % 2 == 1


def test_workers_that_die_before_they_begin_fail_the_search_instead_of_spinning(store, make_search):
    class Broken(InlineDispatcher):
        def __init__(self, search):
            super().__init__(store, search)

        def poll(self, timeout):
            placed, self.placed = self.placed, []
            return [FreedSlot(slot, trial.id, "cannot import numpy") for slot, trial in placed]

    make_search(trials=50, parallel=2)
    assert Driver(store, "a-search", Broken, owner="x").run(NEVER) == Outcome.FINISHED
    search = store.searches.get("a-search")
    assert search.status == SearchStatus.FAILED
    assert "cannot import numpy" in search.error


def test_a_trial_whose_worker_is_gone_is_tried_again(store, make_search, make_driver):
    search = make_search(trials=2)
    add_running_trial(store, search, ttl=0.5)
    driver = make_driver()
    counted = ("alignsearch_lease_expiries_total", search.labels)
    before = REGISTRY.get_sample_value(*counted) or 0
    driver.run(NEVER)
    assert REGISTRY.get_sample_value(*counted) == before + 1
    trial = store.trials.get(search.name, 0)
    assert (trial.state, trial.attempt) == (TrialState.COMPLETED, 2)
    assert trial.attempts["1"].outcome == "expired"
    assert driver.dispatcher.killed == {0}
    assert len(store.trials.all(search.name)) == 2


def test_a_dead_worker_whose_clock_was_ahead_holds_its_trial_no_longer_than_usual(
    store, store_uri, make_search, make_driver
):
    search = make_search(trials=2)
    trial = add_running_trial(store, search, ttl=0.5)
    move_clock_back(store_uri, "trials", trial.id, "lease")
    make_driver().run(NEVER)
    ended = store.trials.get(search.name, 0)
    assert (ended.state, ended.attempt) == (TrialState.COMPLETED, 2)
    assert ended.attempts["1"].outcome == "expired"


def test_a_trial_that_people_take_from_its_worker_is_tried_again(store, make_search, make_driver):
    search = make_search(trials=2, parallel=1)
    hangs = threading.Event()

    def hang_once(search, trial, link):
        if trial.attempt == 1 and trial.tid == 0:
            hangs.wait(120)
        return rehearse(search, trial, link)

    driver = make_driver(objective=hang_once)
    with driving(driver) as outcome:
        wait_until(lambda: store.totals.counts(search.name)[TrialState.RUNNING])
        steering.release(store, search.name, 0, "ann")
        wait_until(lambda: outcome)
        hangs.set()
    trials = store.trials.all(search.name)
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 2
    assert [a.outcome for a in trials[0].attempts.values()] == ["released", "completed"]
    assert trials[0].attempts_spent == 0
    assert driver.dispatcher.killed == {0}
    event = store.logs.events(search.name)[-2]
    assert (event.who, event.what, event.detail) == (
        "ann",
        "trial released",
        f"trial 0, attempt 1, from {owner_of(0)}",
    )
    with pytest.raises(StateConflictError, match="no worker holds it, for it is completed"):
        steering.release(store, search.name, 0, "ann")


def test_a_trial_in_flight_elsewhere_is_adopted_not_repeated(store, make_search, make_driver):
    search = make_search(trials=3, parallel=2)
    running = add_running_trial(store, search, ttl=600)
    with driving(make_driver()) as outcome:
        wait_until(lambda: store.totals.counts(search.name)[TrialState.COMPLETED] == 2)
        assert not outcome
        result = Result(status="ok", loss=0.125)
        store.attempts.finish(running.id, 1, running.lease.token, result)
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]
    trials = store.trials.all(search.name)
    assert [trial.attempt for trial in trials] == [1, 1, 1]
    assert trials[0].result.loss == 0.125


def test_a_suggestion_that_fails_is_replaced_and_noted(store, make_search, make_driver):
    search = make_search(trials=4, parallel=1, startup=1)
    broken = add_running_trial(store, search, ttl=600)
    damaged = Trial.model_validate(
        {**broken.model_dump(), "id": "a-search/1", "tid": 1, "state": "completed", "lease": None}
        | {"point": {**broken.point, "sigma": "half"}, "result": {"status": "ok", "loss": 0.5}}
    )
    store.attempts.finish(broken.id, 1, broken.lease.token, Result(status="ok", loss=0.4))
    store.trials.add(damaged)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert len(store.trials.all(search.name)) == 4
    assert "suggestion failed" in [event.what for event in store.logs.events(search.name)]
