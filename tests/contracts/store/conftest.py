"""The servers that the store's contract is held to; every test uses names of its own.

They are the embedded server and, where it runs, a MongoDB that is a replica set of one.
ALIGNSEARCH_TEST_STORE can name another server's URI, to which the same tests then apply too.
"""

import os
import uuid

import mongod
import pytest

from alignsearch.search.documents import Recipe, Search, Trial
from alignsearch.search.store import Store

GIVEN_STORE = os.environ.get("ALIGNSEARCH_TEST_STORE")


KINDS = (
    "embedded",
    *(["mongod"] if mongod.missing() is None else []),
    *(["given"] if GIVEN_STORE else []),
)


@pytest.fixture(scope="session", params=KINDS)
def store_uri(request):
    """The URI of a database on each server."""
    if request.param == "given":
        return GIVEN_STORE
    if request.param == "mongod":
        return request.getfixturevalue("mongo").uri.format("contracts")
    return f"{request.getfixturevalue('server_uri')}contracts"


@pytest.fixture(scope="session")
def store(store_uri):
    with Store.connect(store_uri) as connected:
        yield connected


@pytest.fixture
def new_search(store):
    """A function that creates a search under a name of its own."""

    def create(**changes):
        fields = {
            "name": f"search-{uuid.uuid4().hex[:12]}",
            "space": "ia",
            "space_hash": "0123",
            "recipe": Recipe(dataset="digits", width=16, stem="small", epochs=3),
            "trials": 10,
            "parallel": 2,
            "seed": 0,
            "startup": 5,
            "resources": {"CPU": 1.0},
            "created_by": "tester",
            "versions": {"alignsearch": "0.1.0"},
        }
        return store.searches.create(Search(**{**fields, **changes}))

    return create


@pytest.fixture
def new_trial(store, new_search):
    """A function that adds a queued trial, to a search of its own unless one is named."""

    def add(search=None, tid=0):
        name = search or new_search().name
        return store.trials.add(
            Trial(
                id=f"{name}/{tid}",
                search=name,
                tid=tid,
                config={"train_batch_size": 2048, "sigma": 0.1, "fo_relu": True, "gamma": None},
                point={"train_batch_size": 3, "sigma": 0.1},
                seen=4,
                resources={"CPU": 1.0},
            )
        )

    return add


@pytest.fixture
def begin(store):
    """A function that begins an attempt at a trial."""

    def begin_attempt(trial, ttl=60.0, owner="worker"):
        return store.attempts.begin(
            trial.id, owner, ttl=ttl, host="node-1", accelerator="cpu", versions={}, slot=0
        )

    return begin_attempt
