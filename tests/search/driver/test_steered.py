"""A search that is paused, stopped or cancelled while it is driven."""

import pytest
from driving import NEVER, Held, driving, wait_until
from rerouted_store import ReroutedStore

from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.use_cases import steering


def test_pause_lets_running_trials_finish_and_resume_goes_on(store, make_search, make_driver):
    make_search(trials=6, parallel=3)
    held = Held()
    driver = make_driver(objective=held, allotted=lambda: 2)
    with driving(driver) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        assert driver.wanted == 3
        steering.pause(store, "a-search", "ann")
        # Once it has read that, it wants no slots but those of the running trials.
        wait_until(lambda: driver.wanted == 2)
        held.release()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.PAUSED]
    counts = store.totals.counts("a-search")
    assert (counts[TrialState.RUNNING], counts[TrialState.QUEUED]) == (0, 0)
    assert counts[TrialState.COMPLETED] == 2
    steering.resume(store, "a-search", "ann")
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert store.totals.counts("a-search")[TrialState.COMPLETED] == 6
    done = [(event.who, event.what) for event in store.logs.events("a-search")]
    assert ("ann", "paused") in done


def test_stop_completes_with_the_trials_that_run(store, make_search, make_driver):
    make_search(trials=50, parallel=3)
    held = Held()
    driver = make_driver(objective=held, allotted=lambda: 2)
    with driving(driver) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        steering.stop(store, "a-search", "ann")
        # Once it has read that, it wants no slots but those of the running trials.
        wait_until(lambda: driver.wanted == 2)
        held.release()
        wait_until(lambda: outcome)
    trials = store.trials.all("a-search")
    assert outcome == [Outcome.FINISHED]
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 2


def test_cancel_ends_running_trials_now_and_their_late_results_are_not_taken(
    store, make_search, make_driver
):
    make_search(trials=50, parallel=2)
    with driving(make_driver(objective=Held(), lease_seconds=1.0)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        steering.cancel(store, "a-search", "ann")
        wait_until(lambda: outcome)
    assert {trial.state for trial in store.trials.all("a-search")} == {TrialState.CANCELLED}
    assert store.searches.get("a-search").status == SearchStatus.CANCELLED


def test_a_search_that_is_stopped_before_it_is_driven_is_over(store, make_search):
    make_search()
    steering.stop(store, "a-search", "ann")
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED
    with pytest.raises(StateConflictError, match="completed"):
        steering.pause(store, "a-search", "ann")


def test_a_trial_cancelled_before_it_is_placed_ends_the_round_not_the_driver(
    store_uri, make_search_in, make_driver_in
):
    class CancelledInBetween(ReroutedStore):
        def trials_add_many(self, *trials, **options):
            added = self.real.trials.add_many(*trials, **options)
            steering.cancel(self, "a-search", "ann")
            return added

    with CancelledInBetween.connect(store_uri) as own:
        make_search_in(own, trials=2, parallel=1)
        assert make_driver_in(own, store_uri).run(NEVER) == Outcome.FINISHED
        assert [trial.state for trial in own.trials.all("a-search")] == [TrialState.CANCELLED]
