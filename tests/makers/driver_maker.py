"""Rehearsal searches, and drivers whose workers are threads of the test's own process."""

import time
from functools import partial

import pytest
from driving import CountingDispatcher

from alignsearch.search.documents import Recipe, Search
from alignsearch.search.driver.driver import Driver
from alignsearch.spaces.catalog import get_space


@pytest.fixture
def thread_dispatcher():
    """The dispatcher whose workers are threads."""
    return CountingDispatcher


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

    def make(
        store,
        uri,
        name="a-search",
        owner="the driver",
        allotted=None,
        monotonic=time.monotonic,
        **dispatcher_options,
    ):
        def dispatch(search):
            driver.dispatcher = CountingDispatcher(search, uri, **dispatcher_options)
            return driver.dispatcher

        driver = Driver(store, name, dispatch, owner=owner, allotted=allotted, monotonic=monotonic)
        return driver

    return make
