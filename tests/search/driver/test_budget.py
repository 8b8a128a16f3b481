"""A search's budget under a driver: results count, failures have a limit, people change it."""

import threading
from datetime import timedelta

import pytest
from driving import NEVER, Held, driving, wait_until
from suggestions import suggest

from alignment_core.errors import ConfigurationError, DataError
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.use_cases import budget, steering
from alignsearch.search.use_cases.rules import Changes
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.attempt_runner import Finished
from alignsearch.workers.objectives.rehearsal import rehearse

WM = get_space("wm")


def extend(store, trials, **rules):
    return budget.extend(store, "a-search", Changes(trials=trials, **rules), "ann")


def adjust(store, **settings):
    return budget.adjust(store, "a-search", Changes(**settings), "ann")


def states(store):
    return [trial.state.value for trial in store.trials.all("a-search")]


def completed(store):
    return store.totals.counts("a-search")[TrialState.COMPLETED]


class FailsAt:
    """An objective that fails for good at some trials, and diverges at others."""

    def __init__(self, failing, diverging=()):
        self.failing, self.diverging = failing, diverging

    def __call__(self, search, trial, link):
        if trial.tid in self.failing:
            raise DataError("no images here")
        if trial.tid in self.diverging:
            return Finished(
                rehearse(search, trial, link).result.model_copy(
                    update={"status": "fail", "loss": None, "reason": "NaN"}
                )
            )
        return rehearse(search, trial, link)


def test_failed_trials_are_replaced_and_diverged_ones_count(store, make_search, make_driver):
    make_search(trials=5)
    assert make_driver(objective=FailsAt({1, 3}, {0})).run(NEVER) == Outcome.FINISHED
    assert states(store).count("completed") == 5
    assert states(store).count("failed") == 2
    summary = read_summary(store, "a-search")
    assert (summary.finished, summary.search.trials) == (5, 5)
    assert summary.search.ending == "all 5 trials have a result"


@pytest.mark.parametrize(("given", "allowed"), [(None, 3), (1, 1), (0, 0)])
def test_a_search_whose_trials_all_fail_ends(store, make_search, make_driver, given, allowed):
    make_search(trials=20, parallel=1, max_failures=given)
    make_driver(objective=FailsAt(range(1000))).run(NEVER)
    assert states(store) == ["failed"] * (allowed + 1)
    search = store.searches.get("a-search")
    assert search.status is SearchStatus.FAILED
    many = "1 trial" if allowed == 0 else f"{allowed + 1} trials"
    assert search.error.startswith(f"{many} failed, and {allowed} may (--max-failures); ")
    assert "no images here" in search.error
    with pytest.raises(StateConflictError, match=r"would end at once.*another --max-failures"):
        extend(store, 20)
    assert store.searches.get("a-search") == search
    extend(store, 2, max_failures=allowed + 1)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert states(store) == ["failed"] * (allowed + 1) + ["completed"] * 2


@pytest.mark.parametrize("first", [3, 5])
def test_with_one_slot_an_extended_search_is_the_one_that_was_submitted_so(
    store, make_search, make_driver, first
):
    whole = make_search(name="whole", trials=9, parallel=1, startup=4, seed=5)
    make_driver("whole").run(NEVER)
    make_search(trials=first, parallel=1, startup=4, seed=5)
    make_driver().run(NEVER)
    extend(store, 7)
    make_driver().run(NEVER)
    assert extend(store, 9).status is SearchStatus.QUEUED
    make_driver().run(NEVER)
    points = [
        [(t.tid, t.point, t.seen, t.result.loss) for t in store.trials.all(name)]
        for name in (whole.name, "a-search")
    ]
    assert points[0] == points[1]
    random = suggest(WM, [], [], tid=8, seed=5, algo="random", startup=0)
    assert points[0][8][1] != random


def test_a_running_driver_takes_a_larger_budget_and_one_slot_repeats_exactly(
    store, make_search, make_driver
):
    make_search(name="whole", trials=8, parallel=1, startup=3)
    make_driver("whole").run(NEVER)
    make_search(trials=3, parallel=1, startup=3)
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 1)
        extend(store, 8)
        held.release()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]
    first, second = ([t.point for t in store.trials.all(name)] for name in ("whole", "a-search"))
    assert first == second
    event = next(e for e in store.logs.events("a-search") if e.what == "extended")
    assert (event.who, event.detail) == ("ann", "trials 8")


def test_a_stopped_search_goes_on_and_one_that_stops_goes_on_too(store, make_search, make_driver):
    make_search(trials=4, parallel=2)
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        steering.stop(store, "a-search", "ann")
        extend(store, 4)
        held.release()
        wait_until(lambda: outcome)
    assert completed(store) == 4
    extend(store, 6)
    steering.stop(store, "a-search", "ann")
    assert store.searches.get("a-search").ending == "stopped"
    extend(store, 6)
    assert make_driver().run(NEVER) == Outcome.FINISHED
    assert completed(store) == 6


def test_a_budget_set_while_the_driver_ends_the_search_is_never_lost(
    store, make_search, make_driver, monkeypatch
):
    """Between the driver's last look and its last write there is time for a person."""
    make_search(trials=2, parallel=1)
    driver = make_driver()
    extended = []
    decide = driver._store.searches.decide

    def decide_slowly(name):
        decided = decide(name)
        if not extended:
            extended.append(extend(store, 5))
        return decided

    monkeypatch.setattr(driver._store.searches, "decide", decide_slowly)
    assert driver.run(NEVER) == Outcome.FINISHED
    assert completed(store) == 5


def test_slots_follow_while_it_runs(store, make_search, make_driver):
    make_search(trials=500, parallel=2)
    held = Held()
    driver = make_driver(objective=held)
    running = lambda: store.totals.counts("a-search")[TrialState.RUNNING]  # noqa: E731
    with driving(driver) as outcome:
        wait_until(lambda: running() == 2)
        adjust(store, parallel=6)
        wait_until(lambda: running() == 6)
        adjust(store, parallel=1)
        wait_until(lambda: driver.wanted == 1)
        busy = driver.dispatcher.most_busy
        held.release()
        wait_until(lambda: driver.held == 1)
        # More than can end between the count and the new budget.
        adjust(store, trials=completed(store) + 30)
        wait_until(lambda: outcome)
    assert (busy, driver.dispatcher.most_busy) == (6, 6)
    assert outcome == [Outcome.FINISHED]
    # With one slot each of the last ones has seen all before it.
    last = store.trials.all("a-search")[-2:]
    assert [trial.seen for trial in last] == [trial.tid for trial in last]


def test_a_wider_search_beyond_its_first_slots_reuses_warm_workers(store, make_search, make_driver):
    make_search(trials=40, parallel=4)
    held = Held()
    driver = make_driver(objective=held)
    with driving(driver) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 4)
        adjust(store, parallel=2)
        wait_until(lambda: driver.wanted == 2)
        held.release()
        wait_until(lambda: outcome)
    # Two workers end, and no other one has to start.
    assert len(driver.dispatcher.killed) == 2
    slots = {t.attempts["1"].slot for t in store.trials.all("a-search")[4:]}
    assert len(slots) <= 2


def test_a_smaller_budget_ends_the_search_with_what_runs(store, make_search, make_driver):
    make_search(trials=50, parallel=2)
    held = Held()
    driver = make_driver(objective=held)
    with driving(driver) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        adjust(store, trials=1)
        wait_until(lambda: driver.search.trials == 1)
        held.release()
        wait_until(lambda: outcome)
    assert states(store) == ["completed"] * 2


def test_a_search_is_not_over_while_it_is_better_and_ends_by_patience(
    store, make_search, make_driver
):
    losses = [0.5, 0.6, 0.4, 0.7, 0.4, 0.9, 0.3]

    def objective(search, trial, link):
        result = rehearse(search, trial, link).result
        return Finished(result.model_copy(update={"loss": losses[trial.tid]}))

    make_search(trials=7, parallel=1, patience=2)
    make_driver(objective=objective).run(NEVER)
    # Trial 4 is as good as trial 2, which is no better.
    assert len(states(store)) == 5
    ending = "none of 2 trials after the best one was better (--patience)"
    assert store.searches.get("a-search").ending == ending
    assert read_summary(store, "a-search").rules["patience"] == (
        "2 of 2 trials without a better one"
    )
    with pytest.raises(StateConflictError, match=r"--patience.*--without patience"):
        extend(store, 7)
    extend(store, 7, without=["patience"])
    make_driver(objective=objective).run(NEVER)
    assert len(states(store)) == 7


def test_a_loss_that_is_good_enough_ends_it(store, make_search, make_driver):
    losses = [0.5, 0.2, 0.1]

    def objective(search, trial, link):
        result = rehearse(search, trial, link).result
        return Finished(result.model_copy(update={"loss": losses[trial.tid]}))

    make_search(trials=7, parallel=1, stop_at=0.2)
    make_driver(objective=objective).run(NEVER)
    assert states(store) == ["completed"] * 2
    assert store.searches.get("a-search").status is SearchStatus.COMPLETED


def ends_soon(store):
    """Let a search end in a second; return False if that had passed before it was written."""
    try:
        adjust(store, until=(store.now() + timedelta(seconds=1)).isoformat())
    except ConfigurationError:
        return False
    return True


def test_no_trial_begins_after_a_time_and_those_that_wait_for_a_host_end(
    store, make_search, make_driver
):
    make_search(trials=9, parallel=2)
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 2)
        wait_until(lambda: ends_soon(store))
        wait_until(lambda: read_summary(store, "a-search").ended_by is not None)
        assert "no trial begins after" in read_summary(store, "a-search").waits_for
        held.release()
        wait_until(lambda: outcome)
    assert states(store) == ["completed"] * 2
    assert "(--until)" in store.searches.get("a-search").ending


class Unplaceable:
    """A dispatcher of a cluster without a host: nothing that is placed ever begins."""

    def __init__(self, search):
        self.slots = set()

    def place(self, slot, trial):
        self.slots.add(slot)

    def poll(self, timeout):
        threading.Event().wait(timeout)
        return []

    def held(self):
        return set(self.slots)

    def kill(self, slot):
        self.slots.discard(slot)

    def hand_back(self): ...
    def close(self): ...


def test_a_search_that_no_host_serves_ends_in_time_all_the_same(store, make_search):
    search = make_search(trials=9, parallel=2)
    with driving(Driver(store, search.name, Unplaceable, owner="x")) as outcome:
        wait_until(lambda: states(store) == ["queued"] * 2)
        wait_until(lambda: ends_soon(store))
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]
    assert states(store) == ["cancelled"] * 2
    assert "no trial begins any more" in store.trials.get("a-search", 0).error
    assert store.searches.get("a-search").status is SearchStatus.COMPLETED


def test_the_time_driven_is_summed_over_drivers_without_pauses(store, make_search, make_driver):
    clock = [1000.0]
    make_search(trials=99, parallel=1, timeout=100.0)

    def drive(steps, then=lambda: None):
        interrupt = threading.Event()
        left = list(steps)

        def advance():
            if left:
                clock[0] += left.pop(0)
            else:
                then()
                interrupt.set()

        driver = make_driver(objective=Held())
        driver._driven._monotonic = lambda: clock[0]
        outcome = driver.run(interrupt, advance)
        return outcome, store.searches.get("a-search").driven_seconds

    assert drive([30.0, 20.0]) == (Outcome.INTERRUPTED, 50.0)
    # Nobody drives it meanwhile.
    clock[0] += 5000.0
    outcome, seconds = drive([10.0], lambda: steering.pause(store, "a-search", "ann"))
    assert (outcome, seconds) == (Outcome.INTERRUPTED, 60.0)
    steering.resume(store, "a-search", "ann")
    held = Held()
    driver = make_driver(objective=held)
    with driving(driver) as outcome:
        adjust(store, timeout=60.0)
        wait_until(lambda: driver.search.timeout == 60.0)
        held.release()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]
    assert "(--timeout)" in store.searches.get("a-search").ending


def test_what_cannot_be_is_refused_and_nothing_is_written(store, make_search, make_driver):
    make_search(trials=3, parallel=1)
    make_driver().run(NEVER)
    extend(store, 5)
    before, events = store.searches.get("a-search"), store.logs.events("a-search")
    for refused, call in {
        "less than the 3 trials of search 'a-search' that have a result": lambda: adjust(
            store, trials=2
        ),
        "less than the 5 that search 'a-search' may have already": lambda: extend(store, 4),
        "--trials is missing": lambda: budget.extend(store, "a-search", Changes(parallel=2), "ann"),
        "nothing is to change": lambda: adjust(store),
        "--until is in the past": lambda: adjust(store, until="2020-01-01T00:00Z"),
        "--until must be a time": lambda: adjust(store, until="soon"),
    }.items():
        with pytest.raises(ConfigurationError, match=refused):
            call()
    assert store.searches.get("a-search") == before
    assert store.logs.events("a-search") == events
    steering.cancel(store, "a-search", "ann")
    with pytest.raises(StateConflictError, match=r"cancelled.*--warm-start a-search"):
        extend(store, 9)
    with pytest.raises(StateConflictError, match="it is cancelled"):
        adjust(store, parallel=3)
