"""Pollers are woken early by a server that can tell of changes, and poll on every other one."""

import pytest

from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store
from alignsearch.search.store.news import FEEDS
from alignsearch.search.store.news.feeds import POLLING

LONG = 300.0
"""Seconds of a pause that a change ends, and of leases."""
PAUSE = 0.3
"""Seconds of a pause that nothing ends."""


@pytest.fixture
def opened(store_uri, store):
    """A store that has tried its server out, as the first submit does."""
    store.lacking()
    with Store.connect(store_uri) as another:
        yield another


@pytest.fixture
def streams(opened):
    """True if the server tells of changes."""
    return opened.news.kind() != POLLING


@pytest.fixture
def settled(streams):
    """A function that waits until nothing wakes a waker any more: a feed's begin does, once."""
    known = []

    def wait(waker):
        # A feed of a busy machine begins late, whose changes come soon from then on.
        quiet = 1.0 if waker in known else 5.0
        known.append(waker)
        while waker.wait(quiet if streams else 0.0):
            pass

    return wait


def test_the_kind_of_news_is_the_servers(opened, store_uri):
    expected = "change streams" if "replicaSet" in store_uri else POLLING
    assert opened.news.kind() == expected
    assert expected in FEEDS


def test_a_change_wakes_where_the_server_tells_and_is_found_by_looking_anywhere(
    opened, store, new_search, new_trial, begin, streams, settled
):
    search = new_search()
    trial = new_trial(search.name)
    with opened.news.waker("searches", "trials") as waker:
        settled(waker)
        changes = {
            "a new search": new_search,
            "a new trial": lambda: new_trial(search.name, tid=1),
            "an attempt": lambda: begin(trial),
            "a pause": lambda: store.searches.change(search.name, SearchStatus.RUNNING, "me"),
            "an edit": lambda: store.searches.edit(
                search.name, lambda _: {"note": "x"}, "me", "noted", "x"
            ),
            "a driver's end": lambda: store.searches.release_driver(
                search.name, store.searches.acquire_driver(search.name, "me", LONG)
            ),
        }
        for what, change in changes.items():
            change()
            assert waker.wait(LONG if streams else PAUSE) is streams, what
            settled(waker)
    assert opened.trials.get(trial.id).attempt == 1
    assert opened.searches.get(search.name).note == "x"


def test_renewals_of_leases_wake_nobody(opened, store, new_search, new_trial, begin, settled):
    search = new_search()
    trial = begin(new_trial(search.name))
    token = store.searches.acquire_driver(search.name, "me", LONG)
    with opened.news.waker("searches", "trials") as waker:
        settled(waker)
        assert store.searches.renew_driver(search.name, token, LONG)
        store.searches.note_driven(search.name, token, 5.0)
        store.attempts.renew(trial.id, trial.attempt, trial.lease.token, LONG)
        assert not waker.wait(PAUSE)


def test_another_search_wakes_nobody_who_waits_for_one(
    opened, store, new_search, new_trial, streams, settled
):
    mine, other = new_search(), new_search()
    with opened.news.waker("searches", "trials", search=mine.name) as waker:
        settled(waker)
        store.searches.request_stop(other.name, "me")
        new_trial(other.name)
        assert not waker.wait(PAUSE)
        new_trial(mine.name)
        assert waker.wait(LONG if streams else PAUSE) is streams
