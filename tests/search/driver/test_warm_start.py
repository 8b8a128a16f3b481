"""Searches that start from the results of another one."""

import threading

import pytest
from suggestions import suggest

from alignsearch.search.documents import Observation, WarmStart
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.driver.warm_start import earlier_results, sampler_seed
from alignsearch.search.use_cases.warm_start import warm_start
from alignsearch.spaces.catalog import get_space

NEVER = threading.Event()
WM = get_space("wm")


@pytest.fixture
def first(make_search, make_driver):
    search = make_search("first", trials=6, seed=1)
    make_driver("first").run(NEVER)
    return search


def test_the_first_suggestion_follows_from_the_other_searchs_results(
    store, first, make_search, make_driver
):
    start = warm_start(store, "first", WM)
    assert start == WarmStart(search="first", trials=6)
    fields = {"trials": 4, "parallel": 1, "seed": 5, "startup": 3}
    seed = sampler_seed(make_search("warm", warm_start=start, **fields))
    make_search("again", warm_start=start, **fields)
    make_search("cold", **fields)
    for name in ("warm", "again", "cold"):
        assert make_driver(name).run(NEVER) == Outcome.FINISHED
    told = [Observation(t.tid, t.point, t.loss) for t in store.trials.all("first")]
    expected = suggest(WM, told, [], tid=0, seed=seed, algo="tpe", startup=3)
    warm, again, cold = (store.trials.all(name) for name in ("warm", "again", "cold"))
    assert warm[0].point == expected != cold[0].point
    assert again[0].point == expected
    # One slot: each suggestion is made from the other search's results and all of its own so far.
    assert [trial.seen for trial in warm] == [6, 7, 8, 9]
    assert [trial.point for trial in warm] == [trial.point for trial in again]
    assert store.searches.get("warm").warm_start == start


def test_what_it_set_out_from_is_older_than_its_own_trials(store, first, make_search):
    search = make_search("warm", warm_start=WarmStart(search="first", trials=6))
    before = earlier_results(store, search)
    assert [each.tid for each in before] == [-6, -5, -4, -3, -2, -1]
    assert [each.loss for each in before] == [trial.loss for trial in store.trials.all("first")]


def test_a_search_whose_start_is_gone_is_not_driven(store, make_search):
    make_search("orphan", warm_start=WarmStart(search="elsewhere", trials=6))
    with pytest.raises(StateConflictError, match="load 'elsewhere' into it as well"):
        Driver(store, "orphan", lambda _: None, owner="x")


@pytest.mark.parametrize(("algo", "startup"), [("random", 0), ("tpe", 100)])
def test_no_search_of_a_chain_draws_what_another_one_drew(
    store, make_search, make_driver, algo, startup
):
    fields = {"trials": 6, "seed": 3, "algo": algo, "startup": startup, "space": "ia"}
    make_search("b1", **fields)
    make_driver("b1").run(NEVER)
    for name, before in (("b2", "b1"), ("b3", "b2")):
        start = WarmStart(search=before, trials=6)
        make_search(name, warm_start=start, **fields)
        make_driver(name).run(NEVER)
    points = [
        tuple(sorted(trial.point.items()))
        for name in ("b1", "b2", "b3")
        for trial in store.trials.all(name)
    ]
    assert len(points) == len(set(points)) == 18
