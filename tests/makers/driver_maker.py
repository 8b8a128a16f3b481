"""Searches to drive, and workers that are threads of the test's own process."""

import queue
import threading
from functools import partial

import pytest

from alignsearch.search.attempts.dispatcher import SlotReport
from alignsearch.search.documents import Recipe, Search
from alignsearch.search.driver.driver import Driver
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import get_space
from alignsearch.workers.attempt_runner import Worker, run_attempt
from alignsearch.workers.objectives.rehearsal import rehearse


class ThreadDispatcher:
    """A dispatcher whose workers are threads: real attempts, no cluster."""

    def __init__(self, search, uri, objective=rehearse, lease_seconds=5.0):
        self.search = search
        self.uri = uri
        self.objective = objective
        self.lease_seconds = lease_seconds
        self.interrupt = threading.Event()
        self.reports: queue.Queue[SlotReport] = queue.Queue()
        self.workers: set[int] = set()
        self.killed: set[int] = set()
        self.busy = 0
        self.most_busy = 0

    def place(self, slot, trial):
        self.workers.add(slot)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        threading.Thread(target=self._run, args=(slot, trial), daemon=True).start()

    def _run(self, slot, trial):
        worker = Worker(owner=f"thread-{slot}", host="here", accelerator="thread", slot=slot)
        error = left = None
        try:
            with Store.connect(self.uri) as store:
                left = run_attempt(
                    store,
                    self.search,
                    trial,
                    self.objective,
                    worker,
                    self.interrupt,
                    lease_seconds=self.lease_seconds,
                ).trial
        except SystemExit as death:
            error = str(death)
        self.reports.put(SlotReport(slot, trial.id, error, left))

    def poll(self, timeout):
        try:
            report = self.reports.get(timeout=timeout)
        except queue.Empty:
            return []
        self.busy -= 1
        return [report]

    def hand_back(self):
        self.interrupt.set()

    def kill(self, slot):
        self.killed.add(slot)
        self.workers.discard(slot)

    def held(self):
        return set(self.workers)

    def close(self):
        self.interrupt.set()


@pytest.fixture
def thread_dispatcher():
    """The dispatcher whose workers are threads."""
    return ThreadDispatcher


@pytest.fixture
def make_search(store, make_search_in):
    """Create a rehearsal search, with fields of choice."""
    return partial(make_search_in, store)


@pytest.fixture(scope="session")
def make_search_in():
    """The same in a store of the test's own."""

    def make(store, name="a-search", space="wm", epochs=1, **fields):
        known = {
            "trials": 6,
            "parallel": 2,
            "seed": 0,
            "startup": 3,
            "created_by": "a test",
            "space_hash": get_space(space).space_hash,
            **fields,
        }
        return store.searches.create(
            Search(
                name=name,
                space=space,
                recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=epochs),
                **known,
            )
        )

    return make


@pytest.fixture
def make_driver(store, store_uri, make_driver_in):
    """A driver over threads; `driver.dispatcher` is there once it has begun."""
    return partial(make_driver_in, store, store_uri)


@pytest.fixture(scope="session")
def make_driver_in():
    """The same in a store of the test's own."""

    def make(store, uri, name="a-search", owner="the driver", **dispatcher_options):
        def dispatch(search):
            driver.dispatcher = ThreadDispatcher(search, uri, **dispatcher_options)
            return driver.dispatcher

        driver = Driver(store, name, dispatch, owner=owner)
        return driver

    return make
