"""Driving a confirmed search: repetitions of its best trials, and what never hears of them."""

import threading
from collections import Counter

import pytest
from driving import NEVER, Held, driving, wait_until
from rerouted_store import ReroutedStore

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents import Confirmation, Pruning, Result
from alignsearch.search.documents.errors import StateConflictError, StoreUnavailableError
from alignsearch.search.documents.ranking import ranked
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.driver.history import History
from alignsearch.search.reports.best import best_column, best_of_search
from alignsearch.search.use_cases.budget import extend
from alignsearch.search.use_cases.confirming import confirm
from alignsearch.search.use_cases.rules import Changes
from alignsearch.search.use_cases.steering import stop
from alignsearch.search.use_cases.summary import read_summary
from alignsearch.workers.objectives import Finished
from alignsearch.workers.seeds import seed_of


class Noisy:
    """An objective whose loss depends on the trial's seed, and that counts its calls."""

    def __init__(self, noise=0.05):
        self.noise = noise
        self.calls = Counter()

    def __call__(self, search, trial, link):
        seed = seed_of(search, trial)
        self.calls[trial.tid] += 1
        true = 0.3 + 0.05 * (sum(map(float, trial.point.values())) % 1)
        loss = true + self.noise * (seed % 1000) / 1000
        return Finished(Result(status="ok", loss=loss))


def of_origin(store, kind, name="a-search"):
    return [
        trial
        for trial in store.trials.all(name)
        if (trial.origin.kind if trial.origin else None) == kind
    ]


def test_the_best_are_repeated_on_fresh_seeds_and_the_best_mean_is_named(
    store, make_search, make_driver
):
    search = make_search(trials=20, parallel=4, confirm=Confirmation(top=5, seeds=3))
    assert make_driver(objective=Noisy()).run(NEVER) == Outcome.FINISHED

    own, again = of_origin(store, None), of_origin(store, "confirmation")
    assert [trial.tid for trial in own] == list(range(20))
    best = [trial.tid for trial in ranked(own)[:5]]
    assert {trial.origin.of for trial in again} >= set(best[:3])
    by_trial = {tid: [t for t in again if t.origin.of == tid] for tid in best}
    for tid, repetitions in by_trial.items():
        assert [each.origin.repeat for each in repetitions] == list(range(1, len(repetitions) + 1))
        assert {tuple(each.point.items()) for each in repetitions} == {
            tuple(store.trials.get("a-search", tid).point.items())
        }
    seeds = [seed_of(search, trial) for trial in own + again]
    assert len(set(seeds)) == len(seeds)

    named = best_of_search(store, "a-search")
    means = {
        tid: sum(t.loss for t in repetitions) / len(repetitions)
        for tid, repetitions in by_trial.items()
        if len(repetitions) == 3
    }
    assert named.trial.tid == min(means, key=means.get)
    assert named.loss == pytest.approx(min(means.values()))
    summary = read_summary(store, "a-search")
    assert (summary.best.tid, summary.best_loss) == (named.trial.tid, named.loss)
    assert summary.counts[TrialState.COMPLETED] == 20
    assert summary.repetitions == (len(again), 0)
    assert summary.search.status == SearchStatus.COMPLETED
    assert "mean of 3 fresh seeds" in best_column(store, "a-search").note


def test_the_sampler_hears_nothing_of_repetitions(store, make_search, make_driver):
    for name, asked in (("plain", None), ("confirmed", Confirmation(top=3, seeds=2))):
        make_search(name=name, trials=8, parallel=1, startup=2, confirm=asked)
        make_driver(name, objective=Noisy()).run(NEVER)
    assert len(of_origin(store, "confirmation", "confirmed")) > 2
    # Its budget is raised: the next suggestions are those of a search that never was confirmed.
    for name in ("plain", "confirmed"):
        store.searches.extend(name, {"trials": 12}, "me", detail="to 12 trials")
        make_driver(name, objective=Noisy()).run(NEVER)
    plain, confirmed = (of_origin(store, None, name) for name in ("plain", "confirmed"))
    assert len(plain) == len(confirmed) == 12
    assert [t.seen for t in confirmed] == [t.seen for t in plain]
    history = History(store, "confirmed")
    history.sync()
    assert {each.tid for each in history.fresh()} == {trial.tid for trial in confirmed}


def test_a_completed_search_is_confirmed_later_and_completes_again(store, make_search, make_driver):
    make_search(trials=6, parallel=2)
    objective = Noisy()
    make_driver(objective=objective).run(NEVER)
    before = store.trials.all("a-search")

    queued = confirm(store, "a-search", "ann", top=3, seeds=2)
    assert queued.status == SearchStatus.QUEUED
    assert make_driver(objective=objective).run(NEVER) == Outcome.FINISHED
    after = store.trials.all("a-search")
    assert after[:6] == [trial.model_copy(update={"seq": after[trial.tid].seq}) for trial in before]
    assert 4 <= len(after) - 6 <= 6
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED
    assert [e.what for e in store.logs.events("a-search") if e.who == "ann"] == ["to be confirmed"]

    # Asked again, it makes nothing twice; asked for more seeds, it adds to those that are there.
    confirm(store, "a-search", "ann", top=3, seeds=2)
    make_driver(objective=objective).run(NEVER)
    assert len(store.trials.all("a-search")) == len(after)
    confirm(store, "a-search", "ann", top=3, seeds=4)
    make_driver(objective=objective).run(NEVER)
    repeats = Counter(trial.origin.of for trial in of_origin(store, "confirmation"))
    assert max(repeats.values()) == 4
    assert set(objective.calls.values()) == {1}


def test_a_stopped_search_is_confirmed_without_the_rest_of_its_budget(
    store, make_search, make_driver
):
    make_search(trials=50, parallel=1)
    held = Held()
    with driving(make_driver(objective=held)) as outcome:
        wait_until(lambda: store.totals.counts("a-search")[TrialState.RUNNING] == 1)
        stop(store, "a-search", "ann")
        held.release()
        wait_until(lambda: outcome)
    done = len(store.trials.all("a-search"))
    assert done < 50
    confirm(store, "a-search", "ann", top=1, seeds=2)
    make_driver(objective=Noisy()).run(NEVER)
    assert len(of_origin(store, None)) == done
    assert len(of_origin(store, "confirmation")) == 2
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED


def test_a_confirmation_goes_on_with_another_driver(store, make_search, make_driver):
    make_search(trials=6, parallel=3)
    make_driver(objective=Noisy()).run(NEVER)
    confirm(store, "a-search", "ann", top=3, seeds=2)
    interrupt = threading.Event()
    with driving(make_driver(objective=Held()), interrupt) as outcome:
        wait_until(
            lambda: (
                len(of_origin(store, "confirmation")) == 3
                and not store.trials.all("a-search", [TrialState.QUEUED])
            )
        )
        interrupt.set()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.INTERRUPTED]
    assert make_driver(objective=Noisy()).run(NEVER) == Outcome.FINISHED
    keys = [(t.origin.of, t.origin.repeat) for t in of_origin(store, "confirmation")]
    assert len(set(keys)) == len(keys)
    assert {t.state for t in of_origin(store, "confirmation")} == {TrialState.COMPLETED}


class Forgetful(ReroutedStore):
    """A real store that adds trials and loses its answer, at calls named by their number."""

    lost: frozenset[int] = frozenset()
    calls = 0

    def trials_add_many(self, *trials, **options):
        self.calls += 1
        added = self.real.trials.add_many(*trials, **options)
        if self.calls in self.lost:
            raise StoreUnavailableError("the answer was lost")
        return added


def test_a_lost_answer_doubles_no_repetition(store_uri, make_search_in, make_driver_in):
    with Forgetful.connect(store_uri) as forgetful:
        make_search_in(forgetful, trials=4, parallel=1, confirm=Confirmation(top=2, seeds=2))
        # The first four calls add the search's own trials.
        forgetful.lost = frozenset({5, 6, 8})
        driver = make_driver_in(forgetful, store_uri, objective=Noisy())
        assert driver.run(NEVER) == Outcome.FINISHED
        again = [t for t in forgetful.trials.all("a-search") if t.is_confirmation]
    assert forgetful.calls > 8
    assert sorted((t.origin.of, t.origin.repeat) for t in again) == sorted(
        (of, repeat) for of in {t.origin.of for t in again} for repeat in (1, 2)
    )
    assert {t.state for t in again} == {TrialState.COMPLETED}


def test_repetitions_begin_in_slots_that_have_nothing_left_to_do(store, make_search, make_driver):
    """One long trial runs; meanwhile the better half of the others is repeated."""
    make_search(trials=9, parallel=3, confirm=Confirmation(top=4, seeds=2))
    noisy, released = Noisy(), threading.Event()

    def objective(search, trial, link):
        if trial.tid == 0:
            assert released.wait(300.0)
        return noisy(search, trial, link)

    with driving(make_driver(objective=objective)) as outcome:
        wait_until(lambda: len(of_origin(store, "confirmation")) == 2)
        assert store.trials.get("a-search", 0).state == TrialState.RUNNING
        released.set()
        wait_until(lambda: outcome)
    assert outcome == [Outcome.FINISHED]


def test_a_deterministic_objective_is_repeated_once_each(store, make_search, make_driver):
    make_search(trials=6, parallel=2, confirm=Confirmation(top=3, seeds=5))
    make_driver().run(NEVER)
    assert len(of_origin(store, "confirmation")) == 3
    named = best_of_search(store, "a-search")
    assert named.trial.tid == ranked(of_origin(store, None))[0].tid
    assert (named.confirmed.lucky.flattered, named.loss) == (0.0, named.trial.loss)


def test_a_stop_ends_it_without_further_repetitions(store, make_search, make_driver, monkeypatch):
    reads, get = [], store.searches.get
    monkeypatch.setattr(store.searches, "get", lambda name: reads.append(name) or get(name))
    make_search(trials=4, parallel=2, confirm=Confirmation(top=4, seeds=3))
    held = Held()
    noisy = Noisy()

    def objective(search, trial, link):
        return held(search, trial, link) if trial.is_confirmation else noisy(search, trial, link)

    with driving(make_driver(objective=objective)) as outcome:
        wait_until(lambda: len(of_origin(store, "confirmation")) == 2)
        stop(store, "a-search", "ann")
        stopped = len(reads)
        # The driver has read that it is to stop before the first repetition ends.
        wait_until(lambda: len(reads) > stopped + 1)
        held.release()
        wait_until(lambda: outcome)
    assert len(of_origin(store, "confirmation")) == 2
    assert store.searches.get("a-search").status == SearchStatus.COMPLETED


def test_pruning_spares_repetitions(store, make_search, make_driver):
    make_search(
        trials=12,
        parallel=2,
        epochs=9,
        pruning=Pruning(pruner="asha"),
        confirm=Confirmation(top=2, seeds=3),
    )
    make_driver().run(NEVER)
    assert {t.state for t in of_origin(store, None)} >= {TrialState.PRUNED}
    assert {t.state for t in of_origin(store, "confirmation")} == {TrialState.COMPLETED}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"top": 7}, "has 6 trials with a result, fewer than the 7 to confirm"),
        ({}, "fewer than the 12 to confirm: --top 6"),
        ({"top": 0}, "--top must be from 1 to 1000, not 0"),
        ({"top": 2, "seeds": 0}, "--seeds must be from 1 to 1000, not 0"),
        ({"top": -3}, "--top must be"),
        ({"top": 10**9}, "--top must be"),
    ],
)
def test_what_can_not_be_confirmed_is_refused_and_nothing_is_written(
    store, make_search, make_driver, asked, why
):
    make_search(trials=6, parallel=2)
    make_driver(objective=Noisy()).run(NEVER)
    before = store.searches.get("a-search"), store.logs.events("a-search")
    with pytest.raises(AlignSearchError, match=why):
        confirm(store, "a-search", "ann", **asked)
    assert (store.searches.get("a-search"), store.logs.events("a-search")) == before


def test_a_cancelled_search_is_refused(store, make_search, make_driver):
    make_search(trials=6, parallel=2)
    make_driver(objective=Noisy()).run(NEVER)
    make_search(name="other", trials=6)
    store.searches.change("other", SearchStatus.CANCELLED, "ann")
    with pytest.raises(StateConflictError, match="it was cancelled"):
        confirm(store, "other", "ann", top=1)


@pytest.mark.parametrize("beside_a_driver", [False, True])
def test_a_search_is_extended_while_it_repeats_its_best(
    store, make_search, make_driver, beside_a_driver
):
    make_search(trials=6, parallel=2)
    make_driver(objective=Noisy()).run(NEVER)
    confirm(store, "a-search", "ann", top=3, seeds=2)
    more = Changes(trials=9)
    if not beside_a_driver:
        extend(store, "a-search", more, "ann")
    held = Held()
    with driving(make_driver(objective=held if beside_a_driver else Noisy())):
        if beside_a_driver:
            wait_until(lambda: of_origin(store, "confirmation"))
            extend(store, "a-search", more, "ann")
            held.release()
        wait_until(lambda: store.searches.get("a-search").status is SearchStatus.COMPLETED)
    assert len(of_origin(store, None)) == 9
    assert len(of_origin(store, "confirmation")) >= 2
