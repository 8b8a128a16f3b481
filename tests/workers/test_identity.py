"""Searches of one name on one real Ray cluster: none touches another's workers or trials."""

from contextlib import closing, suppress

import pymongo
import pytest
import ray
from driving import wait_until
from ray_cluster import connect_patiently, driven_on_ray

from alignsearch.search.documents import Recipe, Search
from alignsearch.search.documents.errors import ForeignSearchError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.spaces.catalog import get_space
from alignsearch.workers import cluster
from alignsearch.workers.cluster import namespace_of

NAME = "walk"
PATIENCE = 300.0


@pytest.fixture(scope="module", autouse=True)
def hosts(ray_address):
    yield connect_patiently(ray_address)
    cluster.disconnect()


def submit(store, **fields):
    known = {
        "trials": 2,
        "parallel": 1,
        "resources": {"CPU": 0.1},
        "lease_seconds": 1800.0,
        "epochs": 3,
        **fields,
    }
    epochs = known.pop("epochs")
    return store.searches.create(
        Search(
            name=NAME,
            space="wm",
            space_hash=get_space("wm").space_hash,
            recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=epochs),
            seed=0,
            startup=2,
            created_by="a test",
            **known,
        )
    )


def running(store):
    return [t for t in store.trials.all(NAME) if t.state is TrialState.RUNNING and t.progress]


def owners(store):
    return {a.owner for t in store.trials.all(NAME) for a in t.attempts.values()}


def actors_of(search):
    namespace = namespace_of(search.identity)
    names = ray.util.list_named_actors(all_namespaces=True)
    return [each["name"] for each in names if each["namespace"] == namespace]


@pytest.fixture
def other_uri(store_uri):
    """A second database of the same server."""
    return f"{store_uri}-other"


def test_searches_of_one_name_in_two_stores_have_their_own_workers(store, store_uri, other_uri):
    with Store.connect(other_uri) as other:
        first, second = submit(store, trials=1, epochs=100_000), submit(other, trials=3)
        with driven_on_ray(store, store_uri, NAME) as outcome:
            wait_until(lambda: running(store), PATIENCE)
            (actor,) = actors_of(first)
            assert actor.startswith(f"{first.identity}/0/")
            with driven_on_ray(other, other_uri, NAME) as ended:
                wait_until(lambda: ended, PATIENCE)
            # It has ended its workers, and its search's end is none of the other's.
            assert ended == [Outcome.FINISHED]
            other.attempts.cancel_all(NAME)
            wait_until(lambda: actors_of(second) == [], PATIENCE)
            assert actors_of(first) == [actor]
            assert running(store)
            assert outcome == []
        (trial,) = store.trials.all(NAME)
        assert {a.outcome for a in trial.attempts.values()} == {"handed_back"}
        assert len(other.trials.all(NAME, [TrialState.COMPLETED])) == 3
        assert owners(store).isdisjoint(owners(other))


@pytest.fixture
def twin(tmp_path):
    """Make a copy of a database on another server, its id included; yields the maker.

    It stands for a single MongoDB that was restored from a backup: nothing tells the copy apart.
    """
    server = EmbeddedStore(tmp_path / "twin")

    def copy(uri):
        name = uri.rpartition("/")[2]
        there = f"{server.ensure()}{name}"
        with closing(pymongo.MongoClient(uri)) as source, closing(pymongo.MongoClient(there)) as to:
            for collection in source[name].list_collection_names():
                documents = list(source[name][collection].find())
                if documents:
                    to[name][collection].insert_many(documents)
        return there

    yield copy
    server.stop()


def test_a_copy_that_nothing_tells_apart_gets_no_worker_of_its_original(store, store_uri, twin):
    search = submit(store, trials=1, epochs=100_000)
    with driven_on_ray(store, store_uri, NAME) as outcome:
        wait_until(lambda: running(store), PATIENCE)
        (before,) = running(store)
        (actor,) = actors_of(search)
        uri = twin(store_uri)
        with Store.connect(uri) as copy:
            assert copy.searches.get(NAME).identity == search.identity
            # Its driver's lease is the original's, and has to pass.
            copy._db.update("searches", {"_id": NAME}, {"$set": {"driver": None}})
            copy.attempts.release(before.id, "a test")
            with driven_on_ray(copy, uri, NAME):
                # The copy's trial is made by a worker of its own, beside the original's.
                wait_until(lambda: running(copy), PATIENCE)
                assert owners(copy) - owners(store)
                assert len(actors_of(search)) == 2
                copy.searches.change(NAME, SearchStatus.CANCELLED, "a test")
                wait_until(lambda: len(actors_of(search)) == 1, PATIENCE)
        assert actors_of(search) == [actor]
        (trial,) = running(store)
        assert (trial.attempt, trial.lease.token) == (before.attempt, before.lease.token)
        assert outcome == []


def test_a_worker_refuses_every_driver_but_its_own(store, store_uri):
    search = submit(store, trials=1, epochs=100_000)
    with driven_on_ray(store, store_uri, NAME):
        wait_until(lambda: running(store), PATIENCE)
        (name,) = actors_of(search)
        worker = ray.get_actor(name, namespace=namespace_of(search.identity))
        own = store.searches.get(NAME).driver.token
        assert ray.get(worker.claim.remote((search.identity, own)))
        again = search.model_copy(update={"token": "0" * 16})
        refused = {
            (search.identity, "0" * 16): "another driver drives it than the one that asks",
            (again.identity, own): f"the driver that asks has the search {again.identity}",
        }
        for claim, why in refused.items():
            assert not ray.get(worker.claim.remote(claim))
            trial = store.trials.get(NAME, 0)
            with pytest.raises(ForeignSearchError, match=why):
                ray.get(worker.run.remote(trial, claim, {}))


def test_a_name_used_again_gets_no_worker_of_the_search_before(store, store_uri, monkeypatch):
    first = submit(store, trials=1, epochs=100_000)
    with driven_on_ray(store, store_uri, NAME) as outcome:
        wait_until(lambda: running(store), PATIENCE)
        for collection in ("searches", "trials", "counters", "epochs", "events", "logs"):
            store._db.delete(collection, {})
        second = submit(store, trials=2)
        with driven_on_ray(store, store_uri, NAME) as ended:
            wait_until(lambda: ended, PATIENCE)
        assert ended == [Outcome.FINISHED]
        trials = store.trials.all(NAME)
        assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 2
        assert all(len(store.logs.epochs(trial.id)) == 3 for trial in trials)
        # Only traces of the first one by its name are left, and its driver has noticed.
        assert {name.rsplit("/", 2)[0] for name in actors_of(second)} <= {str(first.identity)}
        wait_until(lambda: outcome, PATIENCE)
    for name in actors_of(first):
        # It may be ending by itself.
        with suppress(ValueError):
            ray.kill(ray.get_actor(name, namespace=namespace_of(first.identity)))
