"""Searches that start from the results of another one."""

import threading

import pytest
from suggestions import suggest

from alignsearch.search.documents import Observation, WarmStart
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.driver.warm_start import prior
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
    make_search("warm", warm_start=start, **fields)
    make_search("again", warm_start=start, **fields)
    make_search("cold", **fields)
    for name in ("warm", "again", "cold"):
        assert make_driver(name).run(NEVER) == Outcome.FINISHED
    told = [Observation(t.tid, t.point, t.loss) for t in store.trials.all("first")]
    expected = suggest(WM, told, [], tid=0, seed=5, algo="tpe", startup=3)
    warm, again, cold = (store.trials.all(name) for name in ("warm", "again", "cold"))
    assert warm[0].point == expected != cold[0].point
    assert again[0].point == expected
    # One slot: each suggestion is made from the other search's results and all of its own so far.
    assert [trial.seen for trial in warm] == [6, 7, 8, 9]
    assert [trial.point for trial in warm] == [trial.point for trial in again]
    assert store.searches.get("warm").warm_start == start


def test_what_it_set_out_from_is_older_than_its_own_trials(store, first, make_search):
    search = make_search("warm", warm_start=WarmStart(search="first", trials=6))
    before = prior(store, search)
    assert [each.tid for each in before] == [-6, -5, -4, -3, -2, -1]
    assert [each.loss for each in before] == [trial.loss for trial in store.trials.all("first")]


def test_a_search_whose_start_is_gone_is_not_driven(store, make_search):
    make_search("orphan", warm_start=WarmStart(search="elsewhere", trials=6))
    with pytest.raises(StateConflictError, match="load 'elsewhere' into it as well"):
        Driver(store, "orphan", lambda _: None, owner="x")
