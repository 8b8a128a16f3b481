"""docs/your-own-search.md's frameworks killed, resumed and pruned, on Ray workers but for one."""

import psutil
import pytest
from document_code import write_shown
from driving import driving, wait_until
from example_trials import SECONDS, Example, is_killed_and_resumes, is_pruned
from own_searches import own_search
from ray_cluster import connect_patiently

from alignsearch.search.documents.states import TrialState
from alignsearch.search.driver.driver import Driver
from alignsearch.search.store.processes import command_line
from alignsearch.spaces.source_files import import_file
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers.threads import ThreadDispatcher

LINEAR, NETWORK = "sklearn_digits.py", "jax_network.py"


@pytest.fixture(scope="module")
def _hosts(ray_address):
    connect_patiently(ray_address)
    yield
    cluster.disconnect()


@pytest.fixture
def example(store, store_uri, tmp_path, _hosts):
    """Write an example of the document, whose searches have one trial each."""
    return lambda file: Example(store, store_uri, tmp_path, file)


def test_a_killed_process_of_scikit_learn_resumes(store, store_uri, tmp_path):
    file, epochs = write_shown(tmp_path, LINEAR), 25
    space = {**import_file(file).SPACE, "epochs": epochs}
    folder = str(tmp_path / "checkpoints")
    own_search(store, space, file=file, trials=1, checkpoints=folder, own_process=True)
    driver = Driver(store, "a-search", lambda it: ThreadDispatcher(it, store_uri), owner="a test")
    with driving(driver) as outcome:
        wait_until(lambda: len(store.logs.epochs("a-search/0")) >= 3, SECONDS)
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
    assert [e.epoch for e in store.logs.epochs(trial.id, 2)] == list(range(epochs))
    assert trial.loss == store.logs.epochs(trial.id, 2)[-1].metrics["loss"]


def test_scikit_learn_is_killed_and_resumes(example):
    is_killed_and_resumes(example(LINEAR))


def test_scikit_learn_is_pruned(example):
    is_pruned(example(LINEAR))


def test_jax_is_killed_and_resumes(example):
    is_killed_and_resumes(example(NETWORK), own_process=True)


def test_jax_is_pruned(example):
    is_pruned(example(NETWORK), own_process=True)


def test_jax_in_a_warm_worker_is_pruned(example):
    is_pruned(example(NETWORK))
