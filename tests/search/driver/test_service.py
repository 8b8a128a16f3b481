"""Many searches over one cluster, with workers that are threads; a real store."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from clock_ahead import move_clock_back
from driving import Held, wait_until
from hostile_store import DAMAGES, HURT, MORE, NOT_DRIVEN, SOUND, TRIALS, fill, let_go_on, results

from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver
from alignsearch.search.driver.service import Service
from alignsearch.search.use_cases import steering
from alignsearch.workers.objectives.rehearsal import rehearse


@pytest.fixture
def serve(store, store_uri, thread_dispatcher):
    """Run a service over threads; yields what drivers it made, by search."""

    @contextmanager
    def run(
        hosts,
        owner="a service",
        make_dispatcher=thread_dispatcher,
        ask_for=lambda trials: None,
        drive=lambda driver, stop: driver.run(stop),
    ):
        dispatchers = {}
        said = []

        def make_driver(name, allotted):
            def dispatch(search):
                dispatchers[name] = make_dispatcher(search, store_uri)
                return dispatchers[name]

            return Driver(store, name, dispatch, owner=owner, allotted=allotted)

        interrupt = threading.Event()
        service = Service(
            store,
            make_driver,
            drive,
            lambda: hosts,
            owner=owner,
            say=said.append,
            revive_store=lambda: None,
            ask_for=ask_for,
        )
        thread = threading.Thread(target=service.run, args=(interrupt,), daemon=True)
        thread.start()
        try:
            yield dispatchers
        finally:
            interrupt.set()
            thread.join(300.0)
            assert not thread.is_alive()

    return run


def running(store, name):
    return store.totals.counts(name)[TrialState.RUNNING]


def status(store, name):
    return store.searches.get(name).status


def test_searches_share_the_slots_and_the_rest_gets_what_one_gives_back(
    store, make_search, serve, thread_dispatcher
):
    one_cpu = {"resources": {"CPU": 1.0}, "parallel": 4}
    held = Held()

    def dispatch(search, uri):
        # The short search's trials wait until both have been seen at once.
        objective = held if search.name == "short" else rehearse
        return thread_dispatcher(search, uri, objective)

    make_search(name="long", trials=1000, epochs=20, **one_cpu)
    with serve([{"CPU": 4.0}], make_dispatcher=dispatch) as dispatchers:
        wait_until(lambda: running(store, "long") == 4)
        make_search(name="short", trials=4, epochs=3, **one_cpu)
        wait_until(lambda: [running(store, name) for name in ("short", "long")] == [2, 2])
        # Nobody's trial was ended for it: it began as two of the others' had.
        assert {t.attempt for t in store.trials.all("long")} == {1}
        wait_until(lambda: len(dispatchers["long"].held()) == 2)
        held.release()
        wait_until(lambda: status(store, "short") == SearchStatus.COMPLETED)
        wait_until(lambda: running(store, "long") == 4)
        taken_up = next(e.at for e in store.logs.events("short") if e.what == "running")
        # It began as soon as the other one's running trials gave their slots back.
        finished = [
            t.timings["finished"] for t in store.trials.all("long") if "finished" in t.timings
        ]
        assert sum(at < taken_up for at in finished) < 100
        assert dispatchers["long"].most_busy == 4
    for name in ("long", "short"):
        assert running(store, name) == 0
    # Handed back, all of them.
    assert status(store, "long") == SearchStatus.RUNNING
    assert store.searches.get("long").driver is None


def test_a_dead_driver_whose_clock_was_ahead_holds_a_search_no_longer_than_usual(
    store, store_uri, make_search, serve
):
    make_search(name="held", trials=2, resources={"CPU": 1.0})
    assert store.searches.acquire_driver("held", "a dead driver", 1.0) is not None
    move_clock_back(store_uri, "searches", "held", "driver")
    with serve([{"CPU": 1.0}]):
        wait_until(lambda: status(store, "held") == SearchStatus.COMPLETED)


def test_one_search_that_fails_leaves_the_others_alone(
    store, make_search, serve, thread_dispatcher
):
    resources = {"resources": {"CPU": 1.0}}
    make_search(name="changed", space_hash="of another version", **resources)
    make_search(name="elsewhere", resources={"TPU": 8.0})
    make_search(name="dies", **resources)
    make_search(name="fine", trials=4, **resources)

    class DiesForOne(thread_dispatcher):
        def place(self, slot, trial):
            if trial.search == "dies":
                raise ZeroDivisionError("a bug")
            super().place(slot, trial)

    with serve([{"CPU": 4.0}], make_dispatcher=DiesForOne):
        wait_until(lambda: status(store, "fine") == SearchStatus.COMPLETED)
        wait_until(lambda: len(store.logs.events("dies")) == 3)
    told = {
        name: [e.detail for e in store.logs.events(name) if e.what == "driver failed"]
        for name in ("changed", "elsewhere", "dies", "fine")
    }
    assert [len(each) for each in told.values()] == [1, 1, 1, 0]
    assert "another version" in told["changed"][0]
    assert "no host of the cluster offers TPU=8" in told["elsewhere"][0]
    assert "a bug" in told["dies"][0]
    assert store.searches.get("dies").driver is None


def test_a_cluster_without_hosts_is_asked_for_them_and_the_search_begins_when_one_joins(
    store, make_search, serve
):
    hosts, asked = [], []

    def grow(trials):
        asked.append([dict(each) for each in trials])
        hosts[:] = [{"TPU": 4.0}] * len(trials)

    make_search(name="waits", trials=3, parallel=2, resources={"TPU": 4.0})
    with serve(hosts, ask_for=grow):
        wait_until(lambda: status(store, "waits") == SearchStatus.COMPLETED)
    # As many as it has slots for at first, and none in the end.
    assert asked[0] == [{"TPU": 4.0}] * 2
    assert asked[-1] == []


@pytest.mark.parametrize("lost", ["race", "store"])
def test_neither_a_lost_race_nor_an_outage_keeps_a_search_waiting(store, make_search, serve, lost):
    """The winner dies before the loser looks again; the store comes back as soon."""
    first = []

    def drive(driver, stop):
        if first:
            return driver.run(stop)
        first.append(driver)
        if lost == "store":
            raise StoreUnavailableError("the store doesn't answer")
        assert store.searches.acquire_driver("a-search", "quicker", 600.0) is not None
        try:
            return driver.run(stop)
        finally:
            passed = {"$set": {"driver.expires_at": store.now() - timedelta(seconds=1)}}
            assert store._db.update("searches", {"_id": "a-search"}, passed)

    make_search(trials=1, resources={"CPU": 1.0})
    with serve([{"CPU": 1.0}], drive=drive):
        wait_until(lambda: status(store, "a-search") == SearchStatus.COMPLETED)
    assert first
    assert [each.what for each in store.logs.events("a-search")] == [
        "created",
        "running",
        "completed",
    ]


def test_a_search_that_is_stopped_while_it_is_paused_is_completed(store, make_search, serve):
    make_search(name="rests", resources={"CPU": 1.0})
    steering.pause(store, "rests", "ann")
    with serve([{"CPU": 1.0}]):
        make_search(name="other", trials=1, resources={"CPU": 1.0})
        wait_until(lambda: status(store, "other") == SearchStatus.COMPLETED)
        assert status(store, "rests") == SearchStatus.PAUSED
        steering.resume(store, "rests", "ann")
        wait_until(lambda: status(store, "rests") == SearchStatus.COMPLETED)


def test_two_services_drive_each_search_once(store, make_search, serve):
    for name in "abcd":
        make_search(name=name, trials=3, resources={"CPU": 1.0})
    with serve([{"CPU": 8.0}], owner="first"), serve([{"CPU": 8.0}], owner="second"):
        wait_until(lambda: all(status(store, n) == SearchStatus.COMPLETED for n in "abcd"))
    for name in "abcd":
        trials = store.trials.all(name)
        assert [trial.attempt for trial in trials] == [1, 1, 1]
        who = [e.who for e in store.logs.events(name) if e.what in ("running", "completed")]
        assert len(who) == 2
        assert len(set(who)) == 1


@pytest.mark.parametrize("damage", [*sorted(NOT_DRIVEN), "a lost counter", "an unreadable trial"])
def test_a_damaged_search_takes_only_itself_from_a_service(
    damage, store, make_search, serve, caplog
):
    fill(store, make_search)
    for name in (SOUND, HURT):
        let_go_on(store, name)
    DAMAGES[damage](store)
    with serve([{"CPU": 4.0}]):
        wait_until(lambda: status(store, SOUND) is SearchStatus.COMPLETED)
        if damage not in NOT_DRIVEN:
            wait_until(lambda: status(store, HURT) is SearchStatus.COMPLETED)
        elif damage != "a search in a newer version's state":
            # One in a state that this version doesn't know may be over: `status` tells of it.
            wait_until(lambda: HURT in warned(caplog))
    assert results(store, SOUND) == list(range(TRIALS + MORE))
    assert SOUND not in warned(caplog)
    assert "Traceback" not in caplog.text


def warned(caplog):
    return "\n".join(each.getMessage() for each in caplog.records if each.levelname != "INFO")
