"""Searches of one name that run at once: a copy beside its original, two in one folder."""

import os
from datetime import timedelta

import pytest
import ray
from command_line import end_command
from driving import wait_until
from ray_cluster import connect_patiently, driven_on_ray, ray_head

from alignsearch.search.documents import checkpoint_names
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Outcome
from alignsearch.search.store import Store
from alignsearch.workers import cluster
from alignsearch.workers.cluster import namespace_of

NAME = "walk"
PATIENCE = 300.0
EPOCHS = 100_000
"""More than pass in a test."""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    with ray_head(tmp_path_factory.mktemp("log") / "ray.log") as address:
        yield connect_patiently(address)
        cluster.disconnect()


def running(store):
    return [t for t in store.trials.all(NAME) if t.state is TrialState.RUNNING and t.progress]


def owners(store):
    """The workers that hold a trial now."""
    return {trial.lease.owner for trial in running(store)}


def actors_of(search):
    namespace = namespace_of(search.identity)
    names = ray.util.list_named_actors(all_namespaces=True)
    return {each["name"] for each in names if each["namespace"] == namespace}


def test_a_restored_set_and_its_original_run_side_by_side(
    hosts, mongo, make_search_in, request, tmp_path
):
    uri, states = mongo.uri.format("beside"), tmp_path / "states"
    with Store.connect(uri) as store:
        first = make_search_in(
            store,
            NAME,
            trials=1,
            parallel=1,
            epochs=EPOCHS,
            checkpoints=str(states),
            resources={"CPU": 0.1},
            lease_seconds=1800.0,
        )
        with driven_on_ray(store, uri, NAME) as outcome:
            wait_until(lambda: any(t.progress.epoch > 20 for t in running(store)), PATIENCE)
            # A backup of the running search, restored beside it.
            restored = request.getfixturevalue("restored")
            there = restored.uri.format("beside")
            with Store.connect(there) as copy:
                second = copy.searches.get(NAME)
                assert second.identity.store != first.identity.store
                (before,) = running(store)
                # The leases in the copy are the original's, and have to pass.
                passed = copy.now() - timedelta(seconds=1)
                driver = {"$set": {"driver.expires_at": passed}}
                assert copy._db.update("searches", {"_id": NAME}, driver)
                worker = {"$set": {"lease.expires_at": passed}}
                assert copy._db.update("trials", {"_id": before.id}, worker)
                with driven_on_ray(copy, there, NAME) as ended:
                    # In the copy, too, the trial runs: its second attempt, on another worker.
                    wait_until(lambda: any(t.attempt == 2 for t in running(copy)), PATIENCE)
                    assert owners(copy).isdisjoint(owners(store))
                    assert actors_of(first).isdisjoint(actors_of(second))
                    assert len(actors_of(first)) == len(actors_of(second)) == 1
                    # The end of the copy is none of the original's.
                    copy.searches.change(NAME, SearchStatus.CANCELLED, "a test")
                    wait_until(lambda: ended, PATIENCE)
                assert ended == [Outcome.FINISHED]
                wait_until(lambda: not actors_of(second), PATIENCE)
                folders = [checkpoint_names.of_search(each) for each in (first, second)]
                assert len(set(folders)) == 2
            assert len(actors_of(first)) == 1
            # The original's attempt was not disturbed, and goes on.
            reached = before.progress.epoch
            wait_until(lambda: running(store)[0].progress.epoch > reached, PATIENCE)
            (after,) = running(store)
            assert (after.attempt, after.lease.token) == (1, before.lease.token)
            assert outcome == []
            epochs = [each.epoch for each in store.logs.epochs(after.id, 1)]
            assert epochs == list(range(1, len(epochs) + 1))
            store.searches.change(NAME, SearchStatus.CANCELLED, "a test")
            wait_until(lambda: outcome, PATIENCE)


def test_two_clusters_share_a_checkpoint_folder(mongo, shell, tmp_path):
    """Searches of one name, each in a store and on a Ray of its own."""
    states = tmp_path / "states"
    uris = [mongo.uri.format(name) for name in ("here", "there")]
    options = (
        *("--dataset", "rehearsal", "--name", NAME, "--trials", "2", "--epochs", "60"),
        *("--parallel", "1", "--resources", "CPU=0.1", "--checkpoints", str(states)),
        *("--keep-checkpoints", "2", "--seed", "7"),
    )
    commands = [
        shell.start(
            "submit", "wm", *options, "--wait", "--store", uri, log=tmp_path / f"{number}.log"
        )
        for number, uri in enumerate(uris)
    ]
    try:
        for number, command in enumerate(commands):
            assert command.wait(2 * PATIENCE) == 0, (tmp_path / f"{number}.log").read_text()
    finally:
        for command in commands:
            end_command(command)
    folders = []
    for uri in uris:
        with Store.connect(uri) as store:
            search = store.searches.get(NAME)
            folders.append(checkpoint_names.of_search(search))
            for trial in store.trials.all(NAME):
                assert trial.state is TrialState.COMPLETED
                assert [a.resumed for a in trial.attempts.values()] == [0]
                kept = checkpoint_names.of_attempt(search, trial, 1)
                assert os.listdir(kept)
    assert len(set(folders)) == 2
    assert {os.path.join(states, each) for each in os.listdir(states)} == set(folders)
    # Losing one search's states leaves the other's.
    shell.ok("retain", "--days", "0", "--keep", "0", "--yes", "--store", uris[0])
    with Store.connect(uris[1]) as store:
        search = store.searches.get(NAME)
        for trial in store.trials.all(NAME):
            assert os.listdir(checkpoint_names.of_attempt(search, trial, 1))
