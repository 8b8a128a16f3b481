"""The suggestion queue: what it makes ahead, and that a search with one slot repeats exactly."""

import threading

import pytest
from prometheus_client import REGISTRY
from sampler_rows import ROWS, row
from suggestions import suggest

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import DEFAULT_PENDING, Observation
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.driver.suggestion_queue import MOST_AHEAD, MOST_AT_ONCE, SuggestionQueue
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.objectives.rehearsal import final_loss, rehearse

NEVER = threading.Event()
WM = get_space("wm")


class OneByOne:
    """A dispatcher that finishes its trial at the poll that `patience` names.

    patience: the driver's polls that bring nothing while a trial runs. 0 is a worker that is
    always faster than the driver; more is a driver that goes through more rounds before a result
    is there.
    """

    def __init__(self, store, search, patience):
        self.store = store
        self.search = search
        self.patience = patience
        self.placed = None
        self.polls = 0

    def place(self, slot, trial):
        assert self.placed is None
        self.placed = (slot, trial)
        self.polls = 0

    def poll(self, timeout):
        if self.placed is None or self.polls < self.patience:
            self.polls += 1
            return []
        (slot, trial), self.placed = self.placed, None
        worker = Worker(owner="inline", host="here", accelerator="none", slot=slot)
        run_attempt(self.store, self.search, trial, rehearse, worker, NEVER)
        return [FreedSlot(slot, trial.id)]

    def held(self):
        return set()

    def kill(self, slot): ...
    def hand_back(self): ...
    def close(self): ...


@pytest.mark.parametrize("patience", [0, 1, 7])
@pytest.mark.parametrize(
    ("algo", "pending"),
    [row(algo, pending) for algo in ("tpe", "combined", "random") for pending in PENDING_POLICIES],
)
def test_with_one_slot_a_search_is_the_sequential_run_however_slow_worker_or_driver_are(
    store, make_search, algo, pending, patience
):
    search = make_search(
        trials=8, parallel=1, epochs=0, seed=3, startup=2, algo=algo, pending=pending
    )
    driver = Driver(store, search.name, lambda own: OneByOne(store, own, patience), owner="x")
    assert driver.run(NEVER) == Outcome.FINISHED

    check_is_the_sequential_run(store.trials.all(search.name), algo, pending)


def check_is_the_sequential_run(trials, algo, pending):
    assert len(trials) == 8
    told = []
    for tid, trial in enumerate(trials):
        point = suggest(WM, told, [], tid=tid, seed=3, algo=algo, startup=2, policy=pending)
        assert (trial.tid, trial.point, trial.seen) == (tid, point, tid)
        assert trial.result.loss == final_loss(WM, trial.point)
        told.append(Observation(tid, point, trial.result.loss))


@pytest.mark.parametrize("algo", ROWS)
def test_with_one_slot_a_search_is_the_sequential_run_after_restarts_of_its_driver_too(
    store, make_search, algo
):
    search = make_search(trials=8, parallel=1, epochs=0, seed=3, startup=2, algo=algo)
    outcomes = []
    while Outcome.FINISHED not in outcomes:
        interrupt = threading.Event()
        driver = Driver(store, search.name, lambda own: OneByOne(store, own, 1), owner="x")
        outcomes.append(driver.run(interrupt, on_progress=interrupt.set))
    assert outcomes.count(Outcome.INTERRUPTED) >= 4
    check_is_the_sequential_run(store.trials.all(search.name), algo, DEFAULT_PENDING)


@pytest.fixture
def make_queue(store, make_search):
    def make(**fields):
        search = make_search(**{"epochs": 0, "startup": 1, **fields})
        return SuggestionQueue(search, WM, History(store, search.name), pytest.fail)

    return make


def test_with_one_slot_nothing_is_made_ahead(make_queue):
    queue = make_queue(parallel=1, trials=5)
    assert not queue.refill()
    assert [trial.tid for trial in queue.next_trials(1)] == [0]
    # Until the store has the trial, the same one is given out again.
    first = queue.next_trials(1)
    assert not queue.refill()
    assert queue.next_trials(1) == first


def test_a_few_suggestions_are_made_ahead_one_at_a_time(make_queue):
    queue = make_queue(parallel=60, trials=90)
    calls = 1
    while queue.refill():
        calls += 1
    assert calls == MOST_AHEAD
    assert [trial.tid for trial in queue.next_trials(MOST_AHEAD)] == list(range(MOST_AHEAD))


@pytest.mark.parametrize(
    ("trials", "parallel", "free", "given"),
    [(3, 60, 60, 3), (90, 60, 60, MOST_AT_ONCE), (9, 2, 1, 1)],
)
def test_no_more_are_given_out_than_slots_budget_and_one_write_allow(
    make_queue, trials, parallel, free, given
):
    queue = make_queue(parallel=parallel, trials=trials)
    assert [trial.tid for trial in queue.next_trials(free)] == list(range(given))


def test_a_suggestion_made_from_fewer_results_is_replaced(store, make_queue):
    queue = make_queue(parallel=2, trials=9)
    while queue.refill():
        pass
    stale = queue.next_trials(2)
    assert [trial.seen for trial in stale] == [0, 0]
    queue.learn([Observation(-1, stale[0].point, 0.5)])
    assert queue.next_trials(2) == stale
    assert queue.refill()
    assert [trial.seen for trial in queue.next_trials(2)] == [1, 0]
    assert not queue.refill()
    assert [trial.seen for trial in queue.next_trials(2)] == [1, 1]
    assert [trial.tid for trial in queue.next_trials(2)] == [0, 1]


def test_each_suggestion_is_measured(make_queue):
    def measured():
        return REGISTRY.get_sample_value("alignsearch_suggest_seconds_count")

    queue, before = make_queue(parallel=4, trials=9), measured()
    queue.next_trials(3)
    queue.refill()
    assert measured() == before + 4


def test_what_the_store_has_is_removed(store, make_queue):
    queue = make_queue(parallel=4, trials=9)
    ahead = queue.next_trials(3)
    queue.remove(2)
    assert queue.next_trials(1) == ahead[2:]
