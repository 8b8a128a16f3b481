"""Searches, their statuses and their driver's lease, on a real server."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import pymongo
import pytest
from clock_ahead import move_clock_back
from driving import wait_until

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents.errors import NameTakenError, StateConflictError
from alignsearch.search.documents.states import (
    SEARCH_TRANSITIONS,
    TERMINAL_SEARCH_STATUSES,
    SearchStatus,
)
from alignsearch.search.store import Store

ROUTES = {
    SearchStatus.QUEUED: [],
    SearchStatus.RUNNING: [SearchStatus.RUNNING],
    SearchStatus.PAUSED: [SearchStatus.PAUSED],
    SearchStatus.COMPLETED: [SearchStatus.COMPLETED],
    SearchStatus.CANCELLED: [SearchStatus.CANCELLED],
    SearchStatus.FAILED: [SearchStatus.RUNNING, SearchStatus.FAILED],
}


@pytest.fixture
def search_in(store, new_search):
    """A function that brings a new search to a status."""

    def bring(status):
        search = new_search()
        for step in ROUTES[status]:
            search = store.searches.change(search.name, step, "tester", detail="why")
        return search

    return bring


def test_a_search_comes_back_as_it_was_stored(store, new_search):
    created = new_search(error=None, priority=3)
    assert store.searches.get(created.name) == created
    assert created.created_at.tzinfo is UTC
    assert abs(created.created_at - store.now()) < timedelta(seconds=120)


def test_a_name_is_taken_once_and_the_first_search_stays(store, new_search):
    first = new_search(seed=1)
    with pytest.raises(NameTakenError, match=first.name):
        new_search(name=first.name, seed=2)
    assert store.searches.get(first.name) == first


def test_of_many_submits_of_one_name_at_once_one_is_kept(store, store_uri, new_search):
    template = new_search()
    name = f"{template.name}-raced"
    start = threading.Barrier(8)

    def submit(seed):
        with Store.connect(store_uri) as own:
            start.wait(300.0)
            try:
                return own.searches.create(template.model_copy(update={"name": name, "seed": seed}))
            except NameTakenError:
                return None

    with ThreadPoolExecutor(8) as pool:
        created = [search for search in pool.map(submit, range(8)) if search is not None]
    assert created == [store.searches.get(name)]
    assert [event.what for event in store.logs.events(name)] == ["created"]


def test_an_unknown_search_is_named_with_its_neighbours(store, new_search):
    name = new_search().name
    for call in (
        store.searches.get,
        lambda missing: store.searches.change(missing, SearchStatus.RUNNING, "tester"),
        lambda missing: store.searches.request_stop(missing, "tester"),
        lambda missing: store.searches.extend(missing, {"trials": 9}, "tester", detail=""),
        lambda missing: store.searches.adjust(missing, {"parallel": 9}, "tester", detail=""),
        store.searches.decide,
        lambda missing: store.searches.acquire_driver(missing, "driver", 1.0),
    ):
        with pytest.raises(UnknownNameError, match=re.escape(name)):
            call(name[:-1])


def test_searches_are_listed_from_the_oldest(store, new_search):
    names = [new_search().name for _ in range(3)]
    assert [s.name for s in store.searches.all() if s.name in names] == names


def test_searches_that_are_over_are_not_listed_among_the_active(store, search_in):
    by_status = {status: search_in(status).name for status in SearchStatus}
    active = [
        by_status[status] for status in SearchStatus if status not in TERMINAL_SEARCH_STATUSES
    ]
    assert [s.name for s in store.searches.active() if s.name in by_status.values()] == active


@pytest.mark.parametrize("to", SearchStatus)
@pytest.mark.parametrize("status", SearchStatus)
def test_each_change_of_status_is_done_or_refused_as_the_table_says(store, search_in, status, to):
    before = search_in(status)
    if to in SEARCH_TRANSITIONS[status]:
        changed = store.searches.change(before.name, to, "alice", detail="because")
        assert changed.status is to
        explained = to in (SearchStatus.FAILED, SearchStatus.PAUSED)
        assert changed.error == ("because" if explained else None)
        last = store.logs.events(before.name)[-1]
        assert (last.who, last.what, last.detail) == ("alice", to.value, "because")
    else:
        with pytest.raises(StateConflictError, match=f"it is {status}"):
            store.searches.change(before.name, to, "alice")
        assert store.searches.get(before.name) == before


def test_a_refusal_says_what_is_possible(store, search_in):
    paused = search_in(SearchStatus.PAUSED)
    with pytest.raises(StateConflictError, match="cancelled, completed, failed, running"):
        store.searches.change(paused.name, SearchStatus.QUEUED, "tester")


@pytest.mark.parametrize("status", SearchStatus)
def test_a_stop_is_asked_of_searches_that_have_not_ended(store, search_in, status):
    search = search_in(status)
    if status in TERMINAL_SEARCH_STATUSES:
        with pytest.raises(StateConflictError, match=f"it is {status} already"):
            store.searches.request_stop(search.name, "bob")
        assert not store.searches.get(search.name).stop_requested
    else:
        assert store.searches.request_stop(search.name, "bob").stop_requested
        assert store.searches.get(search.name).status is status
        assert store.logs.events(search.name)[-1].who == "bob"


@pytest.mark.parametrize("status", SearchStatus)
def test_more_trials_let_a_search_go_on_unless_it_was_cancelled(store, search_in, status):
    search = search_in(status)
    more = {"trials": search.trials + 5, "patience": 7}
    if status is SearchStatus.CANCELLED:
        with pytest.raises(StateConflictError, match="can't go on: it is cancelled"):
            store.searches.extend(search.name, more, "bob", detail="5 more")
        assert store.searches.get(search.name) == search
        return
    extended = store.searches.extend(search.name, more, "bob", detail="5 more")
    over = status in TERMINAL_SEARCH_STATUSES
    assert extended.status is (SearchStatus.QUEUED if over else status)
    assert (extended.trials, extended.stop_requested) == (search.trials + 5, False)
    assert (extended.patience, extended.ending) == (7, None)
    assert extended == store.searches.get(search.name)
    event = store.logs.events(search.name)[-1]
    assert (event.who, event.what, event.detail) == ("bob", "extended", "5 more")


@pytest.mark.parametrize("status", SearchStatus)
def test_settings_of_a_search_that_is_not_over_are_changed(store, search_in, status):
    search = search_in(status)
    if status in TERMINAL_SEARCH_STATUSES:
        with pytest.raises(StateConflictError, match=f"it is {status}"):
            store.searches.adjust(search.name, {"parallel": 9}, "bob", detail="parallel 9")
        assert store.searches.get(search.name) == search
        return
    changed = store.searches.adjust(search.name, {"parallel": 9}, "bob", detail="parallel 9")
    assert (changed.parallel, changed.status) == (9, status)
    event = store.logs.events(search.name)[-1]
    assert (event.who, event.what, event.detail) == ("bob", "set", "parallel 9")


def change_of(store, name):
    return store.searches.decide(name)[1]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda store, name: store.searches.extend(name, {"trials": 99}, "ann", detail=""),
        lambda store, name: store.searches.adjust(name, {"until": None}, "ann", detail=""),
        lambda store, name: store.searches.request_stop(name, "ann"),
        lambda store, name: store.searches.change(name, SearchStatus.PAUSED, "ann"),
    ],
)
def test_a_search_ends_as_it_was_read_or_not_at_all(store, search_in, meanwhile):
    search, change = store.searches.decide(search_in(SearchStatus.RUNNING).name)
    meanwhile(store, search.name)
    before = store.searches.get(search.name)
    end = (SearchStatus.COMPLETED, "driver")
    assert store.searches.end(search, change, *end, detail="enough") is None
    assert store.searches.get(search.name) == before
    search, change = store.searches.decide(search.name)
    ended = store.searches.end(search, change, *end, detail="enough")
    assert (ended.status, ended.ending) == (SearchStatus.COMPLETED, "enough")
    assert store.searches.end(ended, change_of(store, search.name), *end, detail="again") is None
    last = store.logs.events(search.name)[-1]
    assert (last.who, last.what, last.detail) == ("driver", "completed", "enough")


def test_the_time_driven_is_recorded_by_the_holder_of_the_lease_alone(store, new_search):
    name = new_search().name
    lost = store.searches.acquire_driver(name, "first", -1.0)
    held = store.searches.acquire_driver(name, "second", 60.0)
    store.searches.note_driven(name, held, 12.5)
    # It isn't waited for until a majority has it, as reads are.
    wait_until(lambda: store.searches.get(name).driven_seconds == 12.5)
    store.searches.note_driven(name, lost, 99.0)
    assert store.searches.get(name).driven_seconds == 12.5


def test_one_driver_holds_a_search_until_it_lets_go(store, new_search):
    name = new_search().name
    token = store.searches.acquire_driver(name, "first", 60.0)
    assert token is not None
    assert store.searches.acquire_driver(name, "second", 60.0) is None
    assert store.searches.renew_driver(name, token, 60.0)
    assert store.searches.get(name).driver.owner == "first"
    store.searches.release_driver(name, token)
    assert store.searches.get(name).driver is None
    assert store.searches.acquire_driver(name, "second", 60.0) is not None


def test_a_driver_that_lost_its_lease_cannot_renew_or_release_it(store, new_search):
    name = new_search().name
    # It has passed as it is taken.
    lost = store.searches.acquire_driver(name, "first", -1.0)
    held = store.searches.acquire_driver(name, "second", 60.0)
    assert held is not None
    assert not store.searches.renew_driver(name, lost, 60.0)
    store.searches.release_driver(name, lost)
    assert store.searches.get(name).driver.token == held


def test_a_drivers_lease_lasts_as_long_as_asked_by_the_servers_clock(store, new_search):
    name = new_search().name
    before = store.now()
    token = store.searches.acquire_driver(name, "driver", 30.0)
    store.searches.renew_driver(name, token, 90.0)
    remaining = store.searches.get(name).driver.expires_at - before
    assert timedelta(seconds=90) <= remaining < timedelta(seconds=210)


def test_a_drivers_lease_from_a_clock_that_was_ahead_passes_in_time(store, store_uri, new_search):
    name = new_search().name
    token = store.searches.acquire_driver(name, "driver", 0.5)
    move_clock_back(store_uri, "searches", name, "driver")
    found = store.searches.get(name)
    assert found.driver.is_ahead(store.now())
    assert store.searches.acquire_driver(name, "another", 60.0) is None
    store.searches.pull_back_driver(found)
    # Its holder, if it lives, still has it; if it is dead, it passes.
    assert store.searches.get(name).driver.token == token
    wait_until(lambda: store.searches.acquire_driver(name, "another", 60.0))


def test_a_holder_that_renews_a_lease_of_a_clock_that_was_ahead_keeps_it(
    store, store_uri, new_search
):
    name = new_search().name
    token = store.searches.acquire_driver(name, "driver", 60.0)
    move_clock_back(store_uri, "searches", name, "driver")
    seen = store.searches.get(name)
    assert store.searches.renew_driver(name, token, 60.0)
    renewed = store.searches.get(name).driver
    assert not renewed.is_ahead(store.now())
    # An earlier reading takes nothing from the renewal.
    store.searches.pull_back_driver(seen)
    assert store.searches.get(name).driver == renewed


def test_a_lease_of_an_earlier_version_is_left_as_it_is(store, store_uri, new_search):
    name = new_search().name
    store.searches.acquire_driver(name, "driver", 60.0)
    move_clock_back(store_uri, "searches", name, "driver")
    with pymongo.MongoClient(store_uri) as client:
        searches = client.get_default_database("alignsearch").searches
        searches.update_one({"_id": name}, {"$unset": {"driver.seconds": ""}})
    found = store.searches.get(name)
    store.searches.pull_back_driver(found)
    assert store.searches.get(name) == found


def test_of_many_drivers_at_once_one_gets_the_search(store, new_search):
    name = new_search().name
    tokens = []
    drivers = [
        threading.Thread(
            target=lambda: tokens.append(store.searches.acquire_driver(name, "driver", 60.0))
        )
        for _ in range(8)
    ]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert len(tokens) == 8
    assert sum(token is not None for token in tokens) == 1


def test_the_server_answers_a_ping_in_seconds(store):
    # A busy machine may hold one of them up.
    assert 0 < min(store.ping() for _ in range(5)) < 5
