"""Outages of the store under a driver, and attempts that a driver begins for its workers."""

import os
import signal

from driving import NEVER, Held, InlineDispatcher, driving, owner_of, wait_until
from rerouted_store import ReroutedStore

from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore


class ShakyStore(ReroutedStore):
    """A real store that does not answer some calls, named by kind and number."""

    fails: frozenset[tuple[str, int]] = frozenset()

    def trials_add_many(self, *trials, **options):
        self._answer("add_trials")
        return self.real.trials.add_many(*trials, **options)

    def trials_by_id(self, ids):
        self._answer("trials_by_id")
        return self.real.trials.by_id(ids)

    def _answer(self, call):
        self.calls = [*getattr(self, "calls", []), call]
        if (call, self.calls.count(call)) in self.fails:
            raise StoreUnavailableError(f"no answer to {call}")


def test_an_outage_while_trials_are_added_costs_none_of_the_budget(
    store_uri, make_search_in, make_driver_in
):
    with ShakyStore.connect(store_uri) as shaky:
        make_search_in(shaky, trials=6, parallel=2, epochs=5)
        shaky.fails = frozenset({("add_trials", 3), ("add_trials", 4)})
        assert make_driver_in(shaky, store_uri).run(NEVER) == Outcome.FINISHED
        trials = shaky.trials.all("a-search")
    assert [trial.tid for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}


class Given:
    """Wraps a dispatcher's `place`: notes each trial as it is given to a worker."""

    def __init__(self, driver):
        self.trials = []
        make, driver._make_dispatcher = driver._make_dispatcher, self._make
        self._make_inner = make

    def _make(self, search):
        dispatcher = self._make_inner(search)
        place = dispatcher.place

        def noting(slot, trial):
            self.trials.append(trial)
            place(slot, trial)

        dispatcher.place = noting
        return dispatcher


def test_a_trial_for_an_idle_worker_that_is_known_is_added_as_begun(
    store, make_search, make_driver
):
    search = make_search(trials=3, parallel=1)
    driver = make_driver()
    given = Given(driver)
    assert driver.run(NEVER) == Outcome.FINISHED
    # The first one's worker begins it by itself: nobody knew it before.
    assert [trial.state for trial in given.trials] == ["queued", "running", "running"]
    for trial in store.trials.all(search.name):
        assert trial.state is TrialState.COMPLETED
        assert [a.owner for a in trial.attempts.values()] == [owner_of(0)]
        assert trial.timings["placed"] <= trial.timings["started"] <= trial.timings["finished"]
    assert len({trial.attempts["1"].token for trial in store.trials.all(search.name)}) == 3


def test_a_search_whose_trials_have_one_attempt_spends_none_on_a_worker_that_may_be_gone(
    store, make_search, make_driver
):
    make_search(trials=3, parallel=1, max_attempts=1)
    driver = make_driver()
    given = Given(driver)
    driver.run(NEVER)
    assert [trial.state for trial in given.trials] == ["queued"] * 3


class AnswersLost(ReroutedStore):
    """A real store that adds the second trial, and whose answer to that is lost for good."""

    added = 0

    def trials_add_many(self, *trials, **options):
        self.added += 1
        stored = self.real.trials.add_many(*trials, **options)
        if self.added == 2:
            raise StoreUnavailableError("no answer")
        return self.as_found(stored) if self.added == 3 else stored

    def as_found(self, stored):
        return stored


def test_a_trial_that_was_added_before_an_outage_goes_to_its_worker_once(
    store_uri, make_search_in, make_driver_in
):
    with AnswersLost.connect(store_uri) as own:
        make_search_in(own, trials=3, parallel=1)
        assert make_driver_in(own, store_uri).run(NEVER) == Outcome.FINISHED
        trials = own.trials.all("a-search")
    assert [(t.state, t.attempt) for t in trials] == [(TrialState.COMPLETED, 1)] * 3


def test_a_trial_that_was_added_for_a_slot_that_has_another_by_now_is_handed_back(
    store_uri, make_search_in, make_driver_in
):
    class ForAnotherSlot(AnswersLost):
        def as_found(self, stored):
            for trial in stored:
                attempt = trial.attempts["1"].model_copy(update={"slot": 7})
                yield trial.model_copy(update={"attempts": {"1": attempt}})

    with ForAnotherSlot.connect(store_uri) as own:
        make_search_in(own, trials=3, parallel=1)
        assert make_driver_in(own, store_uri).run(NEVER) == Outcome.FINISHED
        trials = own.trials.all("a-search")
    assert [(t.state, t.attempt) for t in trials] == [
        (TrialState.COMPLETED, 1),
        (TrialState.COMPLETED, 2),
        (TrialState.COMPLETED, 1),
    ]
    assert trials[1].attempts["1"].outcome == "handed_back"
    assert trials[1].attempts_spent == 0


def test_a_trial_that_another_driver_has_begun_is_left_to_it(
    store_uri, make_search_in, make_driver_in
):
    class AddedByAnother(ReroutedStore):
        def trials_add_many(self, trials, **options):
            # The other one was here before, and has died since.
            begun = [
                trial.model_copy(
                    update={"lease": trial.lease.model_copy(update={"token": "another's"})}
                )
                for trial in trials
                if trial.lease
            ]
            if begun:
                self.real.trials.add_many(begun, **options)
            return self.real.trials.add_many(trials, **options)

    with AddedByAnother.connect(store_uri) as own:
        make_search_in(own, trials=2, parallel=1, lease_seconds=1.0)
        driver = make_driver_in(own, store_uri)
        given = Given(driver)
        assert driver.run(NEVER) == Outcome.FINISHED
        second = own.trials.get("a-search", 1)
    # It was given to a worker only once the other's lease had passed.
    assert [(t.tid, t.state) for t in given.trials] == [(0, "queued"), (1, "queued")]
    assert (second.state, second.attempt) == (TrialState.COMPLETED, 2)


def test_an_outage_while_slots_become_free_costs_no_slot(store, store_uri, make_search):
    class AllAtOnce(InlineDispatcher):
        """Makes every placed attempt in `poll`, and tells of them together."""

        def __init__(self, search):
            super().__init__(store, search)
            self.told = []

        def poll(self, timeout):
            # Without a timeout the driver has more suggestions to make first.
            placed, self.placed = (self.placed, []) if timeout else ([], self.placed)
            if placed:
                self.told.append(len(placed))
            return [self.attempt(slot, trial) for slot, trial in placed]

    with ShakyStore.connect(store_uri) as shaky:
        search = make_search(trials=6, parallel=2)
        dispatcher = AllAtOnce(search)
        reporting = Driver(shaky, search.name, lambda search: dispatcher, owner="a test")
        shaky.fails = frozenset({("trials_by_id", 1)})
        assert reporting.run(NEVER) == Outcome.FINISHED
    assert dispatcher.told == [2, 2, 2]


def test_the_search_goes_on_after_its_store_was_killed_and_restarted(
    tmp_path, make_search_in, make_driver_in
):
    server = EmbeddedStore(tmp_path / ".alignsearch")
    uri = server.ensure()
    with Store.connect(uri, timeout=1.0) as own, Store.connect(uri, timeout=300.0) as patient:
        held = Held()
        make_search_in(own, trials=4, parallel=2, lease_seconds=600.0)
        with driving(make_driver_in(own, uri, objective=held, lease_seconds=600.0)) as outcome:
            wait_until(lambda: patient.totals.counts("a-search")[TrialState.RUNNING] == 2)
            os.kill(server.status().pid, signal.SIGKILL)
            assert server.ensure() == uri
            held.release()
            wait_until(lambda: outcome)
        trials = patient.trials.all("a-search")
    server.stop()
    assert outcome == [Outcome.FINISHED]
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 4
    assert [len(trial.attempts) for trial in trials] == [1] * 4
