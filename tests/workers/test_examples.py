"""docs/your-own-search.md's frameworks killed, resumed and pruned, on Ray workers but for one."""

import os
import signal

import psutil
import pytest
from document_code import write_shown
from driving import NEVER, driving, wait_until
from own_searches import own_search
from ray_cluster import connect_patiently

from alignsearch.search.documents import Pruning
from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.store.processes import command_line
from alignsearch.spaces.source_files import import_file
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

LINEAR, NETWORK = "sklearn_digits.py", "jax_network.py"
SECONDS = 300.0
LONG = 100_000
"""Epochs of a trial that only a kill or a pruner ends."""


@pytest.fixture(scope="module")
def _hosts(ray_address):
    connect_patiently(ray_address)
    yield
    cluster.disconnect()


@pytest.fixture
def start(store, store_uri, tmp_path, _hosts):
    """Make a search over an example with so many epochs, and drivers of it."""

    def make(example, epochs, **fields):
        file = write_shown(tmp_path, example)
        space = {**import_file(file).SPACE, "epochs": epochs}
        folder = str(tmp_path / "checkpoints")
        own_search(store, space, file=file, trials=1, checkpoints=folder, **fields)

    def driver(name="a-search"):
        return Driver(store, name, lambda it: RayDispatcher(it, store_uri), owner="a test")

    make.driver = driver
    make.folder = tmp_path
    return make


def steps(store, attempt=None):
    return [each.epoch for each in store.logs.epochs("a-search/0", attempt)]


def is_killed_and_resumes(start, store, example, own_process):
    """Kill the worker after its third step; the next one goes on from the last checkpoint."""
    epochs = 150
    start(example, epochs, own_process=own_process)
    with driving(start.driver()) as outcome:
        wait_until(lambda: len(steps(store)) >= 3, SECONDS)
        trial = store.trials.get("a-search/0")
        os.kill(int(trial.attempts["1"].owner.rpartition(":")[2]), signal.SIGKILL)
        wait_until(lambda: outcome, SECONDS)
    assert outcome == [Outcome.FINISHED]
    killed = store.trials.get("a-search/0")
    assert killed.state is TrialState.COMPLETED
    assert [each.outcome for each in killed.attempts.values()] == ["crashed", "completed"]
    resumed = killed.attempts["2"].resumed
    assert 2 <= resumed < epochs
    assert steps(store, 2) == list(range(epochs))
    # The same trial without a kill: the same losses to the last bit, for the seed is the trial's.
    own = {each.epoch: each.metrics["loss"] for each in store.logs.epochs("a-search/0", 2)}
    file = start.folder / example
    space = {**import_file(file).SPACE, "epochs": epochs}
    own_search(store, space, file=file, trials=1, name="alone", own_process=own_process)
    assert start.driver("alone").run(NEVER) is Outcome.FINISHED
    alone = store.trials.get("alone/0")
    assert alone.point == killed.point
    losses = {each.epoch: each.metrics["loss"] for each in store.logs.epochs("alone/0", 1)}
    assert losses == own
    assert alone.loss == killed.loss == own[epochs - 1]


def is_pruned(start, store, example, own_process):
    """A trial that would last for ever ends once it is to be pruned, with its last loss."""
    start(example, LONG, own_process=own_process, pruning=Pruning(pruner="median"))
    with driving(start.driver()) as outcome:
        wait_until(lambda: len(steps(store)) >= 2, SECONDS)
        trial = store.trials.get("a-search/0")
        lease = trial.lease
        assert store.attempts.request_prune(trial.id, lease.attempt, lease.token, "it is bad")
        wait_until(lambda: outcome, SECONDS)
    pruned = store.trials.get("a-search/0")
    assert (pruned.state, pruned.attempts["1"].outcome) == (TrialState.PRUNED, "pruned")
    assert pruned.loss == store.logs.epochs("a-search/0")[-1].metrics["loss"]
    assert pruned.result.reason == "it is bad"


def test_a_killed_process_of_scikit_learn_resumes(store, store_uri, tmp_path):
    file, epochs = write_shown(tmp_path, LINEAR), 25
    space = {**import_file(file).SPACE, "epochs": epochs}
    folder = str(tmp_path / "checkpoints")
    own_search(store, space, file=file, trials=1, checkpoints=folder, own_process=True)
    driver = Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    with driving(driver) as outcome:
        wait_until(lambda: len(steps(store)) >= 3, SECONDS)
        (process,) = [
            each
            for each in psutil.Process().children()
            # Servers of other tests that have ended may be zombies, which have no arguments.
            if "alignsearch.workers.trial_process" in command_line(each.pid)
        ]
        process.kill()
        wait_until(lambda: outcome, SECONDS)
    trial = store.trials.get("a-search/0")
    assert trial.state is TrialState.COMPLETED
    assert "was killed (SIGKILL)" in trial.attempts["1"].error
    assert 2 <= trial.attempts["2"].resumed < epochs
    assert steps(store, 2) == list(range(epochs))
    assert trial.loss == store.logs.epochs(trial.id, 2)[-1].metrics["loss"]


def test_scikit_learn_is_killed_and_resumes(start, store):
    is_killed_and_resumes(start, store, LINEAR, own_process=False)


def test_scikit_learn_is_pruned(start, store):
    is_pruned(start, store, LINEAR, own_process=False)


def test_jax_is_killed_and_resumes(start, store):
    is_killed_and_resumes(start, store, NETWORK, own_process=True)


def test_jax_is_pruned(start, store):
    is_pruned(start, store, NETWORK, own_process=True)


def test_jax_in_a_warm_worker_is_pruned(start, store):
    is_pruned(start, store, NETWORK, own_process=False)
