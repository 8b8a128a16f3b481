"""The driver over a real store: its budget, its suggestions, its log, and one driver at a time."""

import random
import threading

import pytest
from driving import NEVER, Held, InlineDispatcher, driving, wait_until
from suggestions import suggest

from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.use_cases.summary import read_summary, summarize
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.objectives.rehearsal import final_loss


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
    assert [t.result.loss for t in trials] == [final_loss(space, t.point) for t in trials]
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
    class InOrder(InlineDispatcher):
        """Four slots at once; one trial ends a round, in an order that a seed fixes."""

        def __init__(self, search):
            super().__init__(store, search)
            self.order = random.Random(7)

        def poll(self, timeout):
            if not timeout or not self.placed:
                return []
            return [self.attempt(*self.placed.pop(self.order.randrange(len(self.placed))))]

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
    search = make_search(trials=4, parallel=2)
    interrupt = threading.Event()
    with driving(make_driver(objective=Held()), interrupt) as outcome:
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


@pytest.mark.parametrize("told", [True, False])
def test_a_trials_end_is_logged_once_whether_the_store_or_its_slot_tells_of_it_first(
    store, make_search, caplog, told
):
    class AtOnce(InlineDispatcher):
        """Makes an attempt while it is placed; its slot may be told of too late."""

        def __init__(self, search):
            super().__init__(store, search)
            self.done = []

        def place(self, slot, trial):
            self.done.append(self.attempt(slot, trial))

        def poll(self, timeout):
            done, self.done = self.done, []
            return done if told else []

    make_search(trials=2, parallel=2, epochs=0)
    with caplog.at_level("INFO", logger="alignsearch.search.driver"):
        Driver(store, "a-search", AtOnce, owner="x").run(NEVER)
    ended = [record.trial for record in caplog.records if record.message.endswith("is completed")]
    assert sorted(ended) == [0, 1]


def test_only_one_driver_drives_a_search(store, make_search, make_driver):
    make_search(trials=2)
    with driving(make_driver(owner="ann@here", objective=Held())):
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
    assert after.waits_for == "nothing: the search is completed (all 3 trials have a result)"
