"""A waker's pauses, and a feed whose stream fails."""

import threading
import time

import pytest
from driving import wait_until

from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.store import Store
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.news import FEEDS, News
from alignsearch.search.store.news import feeds as feeds_module
from alignsearch.search.store.news.feeds import POLLING


class Tellable:
    """A feed that a test tells of changes."""

    made = ()

    def __init__(self, connection, collection, tell):
        self.tell = tell
        self.collection = collection
        self.closed = False
        Tellable.made += (self,)

    def close(self):
        self.closed = True


@pytest.fixture
def told(store, monkeypatch):
    """News of a store whose feeds a test tells."""
    Tellable.made = ()
    monkeypatch.setattr(feeds_module, "FEEDS", {POLLING: Tellable})
    monkeypatch.setattr("alignsearch.search.store.news.news.FEEDS", {POLLING: Tellable})
    return News(store._db)


def test_a_poller_is_woken_no_more_often_than_it_asks_for(told):
    ended = threading.Event()

    def tell():
        while not ended.is_set():
            told_feed.tell("a-search")

    with told.waker("searches") as waker:
        (told_feed,) = Tellable.made
        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        began, woken = time.monotonic(), 0
        while woken < 20:
            woken += waker.wait(300.0, gather=0.02)
        took = time.monotonic() - began
        ended.set()
        teller.join(300.0)
    # The first comes at once.
    assert took >= 19 * 0.02


def test_nothing_is_missed_between_a_look_and_the_next_pause(told):
    with told.waker("searches", search="mine") as waker:
        (feed,) = Tellable.made
        feed.tell("mine")
        assert waker.heard()
        assert not waker.heard()
        feed.tell("another")
        feed.tell("mine-too")
        assert not waker.heard()
        for mine in ("mine", "mine/3", None):
            feed.tell(mine)
            assert waker.wait(300.0), mine


def test_a_feed_is_shared_and_ends_with_its_last_waker(told):
    one, two = told.waker("searches"), told.waker("searches", "trials")
    assert [feed.collection for feed in Tellable.made] == ["searches", "trials"]
    one.close()
    assert not any(feed.closed for feed in Tellable.made)
    two.close()
    assert all(feed.closed for feed in Tellable.made)
    told.waker("searches")
    assert len(Tellable.made) == 3
    told.close()
    assert Tellable.made[2].closed


class Unsteady(StoreConnection):
    """A connection whose streams break after each change, as in a run of failovers."""

    begun = 0

    def watch(self, *_):
        self.begun += 1
        raise StoreUnavailableError("the stream is lost")


def test_a_stream_that_is_lost_begins_anew_and_leaves_its_poller_to_its_pauses(
    store_uri, monkeypatch
):
    monkeypatch.setattr("alignsearch.search.store.news.change_stream.RETRY_SECONDS", 0.01)
    with Unsteady.open(store_uri, 20.0) as connection:
        told = []
        feed = FEEDS["change streams"](connection, "searches", told.append)
        wait_until(lambda: connection.begun > 3)
        assert told == []
        feed.close()


def nobody_follows():
    return not [each for each in threading.enumerate() if each.name.startswith("news of")]


def test_the_embedded_server_is_polled_without_a_further_command(store, store_uri):
    store.lacking()
    with Store.connect(store_uri) as opened, opened.news.waker("searches", "trials") as waker:
        assert opened.news.kind() == POLLING
        wait_until(nobody_follows)
        assert not waker.wait(0.1)


def test_a_server_that_was_not_tried_out_and_refuses_is_polled(store):
    """A refusal that another try wouldn't change ends the feed."""
    assert store.news.kind() == "change streams"
    with store.news.waker("searches"):
        wait_until(nobody_follows)
