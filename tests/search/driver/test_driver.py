"""The driver over a real store: budget, failures, interruption, takeover, steering."""

import os
import random
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY
from rerouted_store import ReroutedStore
from suggestions import suggest

from alignment_core.errors import DataError
from alignsearch.search.attempts.dispatcher import SlotReport
from alignsearch.search.documents import Result, Trial
from alignsearch.search.documents.errors import StateConflictError, StoreUnavailableError
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.use_cases import steering
from alignsearch.search.use_cases.summary import read_summary, summarize
from alignsearch.spaces.catalog import get_space
from alignsearch.spaces.configuration import derive
from alignsearch.spaces.hyperopt_space import to_point
from alignsearch.workers.attempt_runner import Finished, Worker, run_attempt
from alignsearch.workers.objectives.rehearsal import final_loss, rehearse

NEVER = threading.Event()


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def driving(driver, interrupt):
    """Run the driver in a thread; yields what will hold its outcome."""
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(driver.run(interrupt)), daemon=True)
    thread.start()
    try:
        yield outcome
    finally:
        interrupt.set()
        thread.join(30)
        assert not thread.is_alive()


def test_a_search_spends_exactly_its_budget_and_keeps_what_the_workers_computed(
    store, make_search, make_driver
):
    search = make_search(trials=7, parallel=3)
    driver = make_driver()

    assert driver.run(NEVER) == Outcome.FINISHED

    trials = store.trials.all(search.name)
    space = get_space(search.space)
    assert [trial.tid for trial in trials] == list(range(7))
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    assert [t.result.loss for t in trials] == [final_loss(space, t.config) for t in trials]
    assert [trial.attempt for trial in trials] == [1] * 7
    assert driver.dispatcher.most_busy == 3
    ended = store.searches.get(search.name)
    assert (ended.status, ended.driver) == (SearchStatus.COMPLETED, None)
    assert store.totals.best(search.name).result.loss == min(trial.result.loss for trial in trials)


def test_suggestions_begin_random_and_then_learn_from_the_results_they_have_seen(
    store, make_search, make_driver
):
    search = make_search(trials=6, parallel=1, startup=3, seed=4, pending="ignore")
    make_driver().run(NEVER)
    trials = store.trials.all(search.name)
    random = [
        suggest(get_space("wm"), [], [], tid=tid, seed=4, algo="random", startup=0)
        for tid in range(6)
    ]
    assert [trial.seen for trial in trials] == list(range(6))
    assert [t.point == r for t, r in zip(trials, random, strict=True)] == [n < 3 for n in range(6)]


@pytest.mark.parametrize(("policy", "random"), [("hyperopt", False), ("liar-worst", True)])
def test_a_search_takes_pending_trials_for_what_it_was_told(
    store, make_search, make_driver, policy, random
):
    """The second suggestion is made while the first trial runs; only HyperOpt's way counts it."""
    make_search(trials=2, parallel=2, startup=1, seed=4, pending=policy)
    make_driver().run(NEVER)
    trial = store.trials.get("a-search", 1)
    point = suggest(get_space("wm"), [], [], tid=1, seed=4, algo="random", startup=0)
    assert (trial.seen, trial.point == point) == (0, random)


def test_the_same_seed_gives_the_same_search(store, make_search, make_driver):
    for name in ("first", "second"):
        make_search(name=name, space="ia", trials=5, parallel=1)
        make_driver(name).run(NEVER)
    first, second = (
        [(t.point, t.seen, t.result.loss) for t in store.trials.all(name)]
        for name in ("first", "second")
    )
    assert first == second


@pytest.mark.parametrize("pending", ["hyperopt", "liar-worst"])
def test_the_same_results_in_the_same_order_give_the_same_suggestions(store, make_search, pending):
    class InOrder:
        """Four slots at once; one trial ends a round, in an order that a seed fixes."""

        def __init__(self, search):
            self.search = search
            self.order = random.Random(7)
            self.placed = []

        def place(self, slot, trial):
            self.placed.append((slot, trial))

        def poll(self, timeout):
            if not timeout or not self.placed:
                return []
            slot, trial = self.placed.pop(self.order.randrange(len(self.placed)))
            worker = Worker(owner="inline", host="here", accelerator="none", slot=slot)
            run_attempt(store, self.search, trial, rehearse, worker, NEVER)
            return [SlotReport(slot, trial.id)]

        def held(self):
            return set()

        def kill(self, slot): ...
        def hand_back(self): ...
        def close(self): ...

    for name in ("first", "second"):
        make_search(name=name, trials=14, parallel=4, epochs=0, pending=pending)
        Driver(store, name, InOrder, owner="x").run(NEVER)
    first, second = (
        [(t.point, t.seen, t.result.loss) for t in store.trials.all(name)]
        for name in ("first", "second")
    )
    assert first == second
    # A suggestion stands ready before its slot is free: it has seen all but the result that
    # frees the slot.
    assert [seen for _, seen, _ in first] == [0, 0, 0, 0, *range(10)]


def test_an_interrupt_hands_trials_back_and_the_next_driver_completes_the_budget(
    store, make_search, make_driver
):
    search = make_search(trials=4, parallel=2, epochs=20)
    interrupt = threading.Event()
    with driving(make_driver(), interrupt) as outcome:
        wait_until(lambda: store.totals.counts(search.name)[TrialState.RUNNING] == 2)
        interrupt.set()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.INTERRUPTED]
    handed_back = store.trials.all(search.name)
    assert {trial.state for trial in handed_back} == {TrialState.QUEUED}
    assert {trial.attempts["1"].outcome for trial in handed_back} == {"handed_back"}
    assert store.searches.get(search.name).driver is None

    assert make_driver().run(NEVER) == Outcome.FINISHED
    trials = store.trials.all(search.name)
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 4
    assert [trial.attempt for trial in trials[:2]] == [2, 2]


@pytest.mark.parametrize("reports", [True, False])
def test_a_trials_end_is_logged_once_whether_the_store_or_its_slot_tells_of_it_first(
    store, make_search, caplog, reports
):
    class AtOnce:
        """Makes an attempt while it is placed; its report may come too late to be heard."""

        def __init__(self, search):
            self.search = search
            self.done = []

        def place(self, slot, trial):
            worker = Worker(owner="inline", host="here", accelerator="none", slot=slot)
            run_attempt(store, self.search, trial, rehearse, worker, NEVER)
            self.done.append(SlotReport(slot, trial.id))

        def poll(self, timeout):
            done, self.done = self.done, []
            return done if reports else []

        def held(self):
            return set()

        def kill(self, slot): ...
        def hand_back(self): ...
        def close(self): ...

    make_search(trials=2, parallel=2, epochs=0)
    with caplog.at_level("INFO", logger="alignsearch.search.driver.driver"):
        Driver(store, "a-search", AtOnce, owner="x").run(NEVER)
    ended = [record.trial for record in caplog.records if record.message.endswith("is completed")]
    assert sorted(ended) == [0, 1]


def test_only_one_driver_drives_a_search(store, make_search, make_driver):
    make_search(trials=2, epochs=10)
    with driving(make_driver(owner="ann@here"), threading.Event()):
        wait_until(lambda: store.searches.get("a-search").driver is not None)
        with pytest.raises(StateConflictError, match="ann@here"):
            make_driver(owner="bob@there").run(NEVER)


def test_a_search_that_is_over_is_not_driven_again(make_search, make_driver):
    make_search(trials=1, parallel=1)
    make_driver().run(NEVER)
    with pytest.raises(StateConflictError, match="completed"):
        make_driver().run(NEVER)


def test_a_search_over_a_space_that_has_changed_since_is_refused(store, make_search, make_driver):
    make_search(space_hash="of another version")
    with pytest.raises(StateConflictError, match="another version of space 'wm'"):
        make_driver()


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
    assert states == [(TrialState.FAILED, 2), (TrialState.COMPLETED, 1), (TrialState.COMPLETED, 1)]
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
    class Broken:
        def __init__(self, search):
            self.placed = []

        def place(self, slot, trial):
            self.placed.append((slot, trial.id))

        def poll(self, timeout):
            reports = [
                SlotReport(slot, trial, "cannot import numpy") for slot, trial in self.placed
            ]
            self.placed = []
            return reports

        def held(self):
            return set()

        def kill(self, slot): ...
        def hand_back(self): ...
        def close(self): ...

    make_search(trials=50, parallel=2)
    assert Driver(store, "a-search", Broken, owner="x").run(NEVER) == Outcome.FINISHED
    search = store.searches.get("a-search")
    assert search.status == SearchStatus.FAILED
    assert "cannot import numpy" in search.error


def add_running_trial(store, search, ttl):
    """A trial that some other process's worker has begun."""
    space = get_space(search.space)
    point = suggest(space, [], [], tid=0, seed=0, algo="random", startup=0)
    trial = store.trials.add(
        Trial(
            id=f"{search.name}/0",
            search=search.name,
            tid=0,
            config=derive(space, to_point(space, point)).model_dump(),
            point=point,
        )
    )
    return store.attempts.begin(
        trial.id, "elsewhere", ttl=ttl, host="elsewhere", accelerator="thread", versions={}, slot=0
    )


def test_a_trial_whose_worker_is_gone_is_tried_again(store, make_search, make_driver):
    search = make_search(trials=2)
    add_running_trial(store, search, ttl=0.5)
    driver = make_driver()
    counted = ("alignsearch_lease_expiries_total", {"search": search.name})
    before = REGISTRY.get_sample_value(*counted) or 0
    driver.run(NEVER)
    assert REGISTRY.get_sample_value(*counted) == before + 1
    trial = store.trials.get(search.name, 0)
    assert (trial.state, trial.attempt) == (TrialState.COMPLETED, 2)
    assert trial.attempts["1"].outcome == "expired"
    assert driver.dispatcher.killed == {0}
    assert len(store.trials.all(search.name)) == 2


def test_a_trial_that_people_take_from_its_worker_is_tried_again(store, make_search, make_driver):
    search = make_search(trials=2, parallel=1)
    hangs = threading.Event()

    def hang_once(search, trial, link):
        if trial.attempt == 1 and trial.tid == 0:
            hangs.wait(30)
        return rehearse(search, trial, link)

    driver = make_driver(objective=hang_once)
    with driving(driver, threading.Event()) as outcome:
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
        "trial 0, attempt 1, from thread-0",
    )
    with pytest.raises(StateConflictError, match="no worker holds it, for it is completed"):
        steering.release(store, search.name, 0, "ann")


def test_a_trial_in_flight_elsewhere_is_adopted_not_repeated(store, make_search, make_driver):
    search = make_search(trials=3, parallel=2)
    running = add_running_trial(store, search, ttl=60)
    with driving(make_driver(), threading.Event()) as outcome:
        wait_until(lambda: store.totals.counts(search.name)[TrialState.COMPLETED] == 2)
        assert not outcome
        result = Result(status="ok", loss=0.125)
        store.attempts.finish(running.id, 1, running.lease.token, result)
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]
    trials = store.trials.all(search.name)
    assert [trial.attempt for trial in trials] == [1, 1, 1]
    assert trials[0].result.loss == 0.125


def test_pause_lets_running_trials_finish_and_resume_goes_on(store, make_search, make_driver):
    make_search(trials=6, parallel=2, epochs=5)
    with driving(make_driver(), threading.Event()) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        steering.pause(store, "a-search", "ann")
        wait_until(lambda: outcome)
    assert outcome == [Outcome.PAUSED]
    counts = store.totals.counts("a-search")
    assert (counts[TrialState.RUNNING], counts[TrialState.QUEUED]) == (0, 0)
    assert 0 < counts[TrialState.COMPLETED] < 6
    steering.resume(store, "a-search", "ann")
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert store.totals.counts("a-search")[TrialState.COMPLETED] == 6
    done = [(event.who, event.what) for event in store.logs.events("a-search")]
    assert ("ann", "paused") in done


def test_stop_completes_with_the_trials_that_run(store, make_search, make_driver):
    make_search(trials=50, parallel=2, epochs=5)
    with driving(make_driver(), threading.Event()) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        steering.stop(store, "a-search", "ann")
        wait_until(lambda: outcome)
    trials = store.trials.all("a-search")
    assert outcome == [Outcome.FINISHED]
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED
    assert len(trials) < 50
    assert all(trial.state in TERMINAL_TRIAL_STATES for trial in trials)
    assert sum(trial.state == TrialState.COMPLETED for trial in trials) >= 2


def test_cancel_ends_running_trials_now_and_their_late_results_are_not_taken(
    store, make_search, make_driver
):
    make_search(trials=50, parallel=2, epochs=600)
    with driving(make_driver(lease_seconds=1.0), threading.Event()) as outcome:
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


def test_a_suggestion_that_fails_is_replaced_and_noted(store, make_search, make_driver):
    search = make_search(trials=4, parallel=1, startup=1)
    broken = add_running_trial(store, search, ttl=60)
    damaged = Trial.model_validate(
        {**broken.model_dump(), "id": "a-search/1", "tid": 1, "state": "completed", "lease": None}
        | {"point": {**broken.point, "sigma": "half"}, "result": {"status": "ok", "loss": 0.5}}
    )
    store.attempts.finish(broken.id, 1, broken.lease.token, Result(status="ok", loss=0.4))
    store.trials.add(damaged)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert len(store.trials.all(search.name)) == 4
    assert "suggestion failed" in [event.what for event in store.logs.events(search.name)]


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
        assert [a.owner for a in trial.attempts.values()] == ["thread-0"]
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
    class AllAtOnce:
        """Makes every placed attempt in `poll`, and reports them together."""

        def __init__(self, search):
            self.placed = []
            self.reported = []

        def place(self, slot, trial):
            self.placed.append((slot, trial))

        def poll(self, timeout):
            # The driver has more to prepare first.
            placed, self.placed = (self.placed, []) if timeout else ([], self.placed)
            for slot, trial in placed:
                worker = Worker(owner="inline", host="here", accelerator="none", slot=slot)
                run_attempt(store, search, trial, rehearse, worker, NEVER)
            if placed:
                self.reported.append(len(placed))
            return [SlotReport(slot, trial.id) for slot, trial in placed]

        def held(self):
            return set()

        def kill(self, slot): ...
        def hand_back(self): ...
        def close(self): ...

    with ShakyStore.connect(store_uri) as shaky:
        search = make_search(trials=6, parallel=2)
        dispatcher = AllAtOnce(search)
        reporting = Driver(shaky, search.name, lambda search: dispatcher, owner="a test")
        shaky.fails = frozenset({("trials_by_id", 1)})
        assert reporting.run(NEVER) == Outcome.FINISHED
    assert dispatcher.reported == [2, 2, 2]


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


def test_the_summary_says_where_a_search_stands_and_what_it_waits_for(
    store, make_search, make_driver
):
    search = make_search(trials=3)
    before = summarize(search, History(store, search.name).standing(), store.now())
    assert before.seconds_left is None
    assert "alignsearch serve" in before.waits_for
    make_driver().run(NEVER)
    after = read_summary(store, search.name)
    assert (after.finished, after.busy, after.seconds_left) == (3, 0, 0.0)
    assert after.best.result.loss == after.best_loss
    assert after.waits_for == "nothing: the search is completed"


def test_the_search_goes_on_after_its_store_was_killed_and_restarted(
    tmp_path, make_search_in, make_driver_in
):
    server = EmbeddedStore(tmp_path / ".alignsearch")
    uri = server.ensure()
    with Store.connect(uri, timeout=1.0) as own:
        make_search_in(own, trials=4, parallel=2, epochs=10)
        with driving(make_driver_in(own, uri), threading.Event()) as outcome:
            wait_until(lambda: own.totals.counts("a-search")[TrialState.RUNNING] == 2)
            os.kill(server.status().pid, signal.SIGKILL)
            time.sleep(0.5)
            assert server.ensure() == uri
            wait_until(lambda: outcome)
        trials = own.trials.all("a-search")
    server.stop()
    assert outcome == [Outcome.FINISHED]
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 4
    assert [len(trial.attempts) for trial in trials] == [1] * 4
