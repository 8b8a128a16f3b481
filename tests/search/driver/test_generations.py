"""Generations: a search that repeats exactly, whatever the order in which its trials end."""

import random
import threading
import time

import numpy as np
import pytest
from suggestions import random_point, suggest

from alignsearch.search.documents import Confirmation, Observation, Pending, WarmStart
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.driver.suggestion_queue import SuggestionQueue
from alignsearch.search.use_cases.enqueueing import Wanted, enqueue
from alignsearch.search.use_cases.importing import import_results
from alignsearch.search.use_cases.outside_result import OutsideResult, OutsideResults
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.objectives.rehearsal import final_loss, rehearse

NEVER = threading.Event()
WM = get_space("wm")
SIZE = 4
FIELDS = {"trials": 14, "epochs": 0, "seed": 3, "startup": 2, "generation": SIZE}


def shuffled(order):
    """A rehearsal in which trials end in another order for each number `order`."""

    def objective(search, trial, link):
        time.sleep(0.2 * random.Random(f"{order}/{trial.tid}").random())
        return rehearse(search, trial, link)

    return objective


def expected(algo):
    """The points of the search, from the definition of a generation and the sampler alone."""
    told, points = [], []
    for tid in range(FIELDS["trials"]):
        if tid % SIZE == 0:
            told = [Observation(n, p, final_loss(WM, p)) for n, p in enumerate(points)]
        start = tid - tid % SIZE
        pending = [Pending(n, points[n]) for n in range(start, tid)]
        points.append(suggest(WM, told, pending, tid=tid, seed=3, algo=algo, startup=2))
    return points


@pytest.mark.parametrize("algo", ["tpe", "combined"])
@pytest.mark.parametrize(("parallel", "order"), [(1, 0), (3, 1), (3, 2), (9, 3)])
def test_points_follow_from_the_generations_before_with_any_number_of_slots(
    store, make_search, make_driver, algo, parallel, order
):
    search = make_search(algo=algo, parallel=parallel, **FIELDS)
    driver = make_driver(search.name, objective=shuffled(order))
    assert driver.run(NEVER) is Outcome.FINISHED
    trials = store.trials.all(search.name)
    assert [trial.tid for trial in trials] == list(range(FIELDS["trials"]))
    assert [trial.point for trial in trials] == expected(algo)
    assert [trial.seen for trial in trials] == [tid - tid % SIZE for tid in range(len(trials))]


@pytest.mark.parametrize(
    "algo", ["random", "optuna:tpe", "optuna:cmaes", "optuna:nsgaii", "optuna:qmc"]
)
def test_samplers_of_packages_repeat_exactly_too(store, make_search, make_driver, algo):
    found = []
    for parallel in (1, 9):
        search = make_search(f"on-{parallel}", algo=algo, parallel=parallel, **FIELDS)
        driver = make_driver(search.name, objective=shuffled(parallel))
        assert driver.run(NEVER) is Outcome.FINISHED
        found.append([trial.point for trial in store.trials.all(search.name)])
    assert len(found[0]) == FIELDS["trials"]
    assert found[0] == found[1]


def test_given_points_and_an_earlier_search_leave_it_repeatable(store, make_search, make_driver):
    first = make_search("first", trials=6, seed=1)
    make_driver(first.name).run(NEVER)
    rng = np.random.default_rng(7)
    given = [random_point(WM, rng) for _ in range(6)]
    found = []
    for parallel in (1, 9):
        search = make_search(
            f"on-{parallel}",
            parallel=parallel,
            warm_start=WarmStart(search="first", trials=6),
            **FIELDS,
        )
        results = [OutsideResult("row", 0.5, given[0])]
        import_results(store, search.name, OutsideResults("a table", results), "ann")
        enqueue(store, search.name, [Wanted(point) for point in given[1:]], "ann")
        driver = make_driver(search.name, objective=shuffled(parallel))
        assert driver.run(NEVER) is Outcome.FINISHED
        found.append([(each.tid, each.point) for each in store.trials.all(search.name)])
    assert found[0] == found[1]
    assert [point for _, point in found[0] if point in given] == given


def test_they_are_the_same_after_drivers_that_handed_back(store, make_search, make_driver):
    search = make_search(parallel=3, **FIELDS)
    outcomes = []
    while Outcome.FINISHED not in outcomes:
        interrupt = threading.Event()
        driver = make_driver(search.name, objective=shuffled(len(outcomes)))
        # Each gets a little further: some of its trials are handed back.
        enough = len(store.trials.all(search.name, [TrialState.COMPLETED])) + 4

        def look(driver=driver, enough=enough, interrupt=interrupt):
            if driver.history.count(TrialState.COMPLETED) >= enough:
                interrupt.set()

        outcomes.append(driver.run(interrupt, look))
    assert len(outcomes) > 1
    assert [trial.point for trial in store.trials.all(search.name)] == expected("tpe")


def test_repetitions_begin_once_which_trials_are_the_best_is_settled(
    store, make_search, make_driver
):
    search = make_search(parallel=3, confirm=Confirmation(top=4, seeds=2), **FIELDS)
    assert make_driver(search.name, objective=shuffled(7)).run(NEVER) is Outcome.FINISHED
    trials = store.trials.all(search.name)
    own = [trial for trial in trials if not trial.is_confirmation]
    again = [trial for trial in trials if trial.is_confirmation]
    best = sorted(own, key=lambda trial: (trial.loss, trial.tid))[:4]
    assert {trial.origin.of for trial in again} == {trial.tid for trial in best}
    last = max(trial.timings["finished"] for trial in own)
    assert min(trial.timings["started"] for trial in again) >= last


def test_failed_trials_hold_up_no_generation_and_change_no_other_point(
    store, make_search, make_driver
):
    def objective(search, trial, link):
        time.sleep(0.1 * random.Random(f"{search.parallel}/{trial.tid}").random())
        if trial.tid in (2, 3, 5):
            raise RuntimeError("this one fails")
        return rehearse(search, trial, link)

    found = []
    for parallel in (1, 9):
        search = make_search(
            name=f"on-{parallel}", parallel=parallel, max_attempts=1, max_failures=9, **FIELDS
        )
        assert make_driver(search.name, objective=objective).run(NEVER) is Outcome.FINISHED
        trials = store.trials.all(search.name)
        found.append([(trial.tid, trial.state, trial.point) for trial in trials])
    assert found[0] == found[1]
    assert len(found[0]) == FIELDS["trials"] + 3


def test_within_a_generation_a_queue_has_no_more_than_its_rest(store, make_search):
    search = make_search(parallel=9, **FIELDS)
    queue = SuggestionQueue(search, WM, History(store, search.name), pytest.fail)
    assert [trial.tid for trial in queue.next_trials(9)] == [0, 1, 2, 3]
