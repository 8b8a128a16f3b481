"""docs/your-own-search.md's frameworks killed, resumed and pruned, on Ray workers but for one."""

from contextlib import suppress

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
    file = write_shown(tmp_path, LINEAR)
    # A longer training where the kill came after the end.
    for epochs in (25, 250, 2500):
        name = f"a-search-of-{epochs}"
        space = {**import_file(file).SPACE, "epochs": epochs}
        fields = {"checkpoints": str(tmp_path / f"checkpoints-{epochs}"), "own_process": True}
        own_search(store, space, file=file, name=name, trials=1, **fields)
        driver = Driver(store, name, lambda it: ThreadDispatcher(it, store_uri), owner="a test")
        with driving(driver) as outcome:
            wait_until(lambda of=f"{name}/0": len(store.logs.epochs(of)) >= 3, SECONDS)
            kill_trial_process()
            wait_until(lambda ended=outcome: ended, SECONDS)
        trial = store.trials.get(f"{name}/0")
        if len(trial.attempts) > 1 and trial.attempts["2"].resumed < epochs:
            break
    assert trial.state is TrialState.COMPLETED
    assert "was killed (SIGKILL)" in trial.attempts["1"].error
    assert 2 <= trial.attempts["2"].resumed < epochs
    assert [e.epoch for e in store.logs.epochs(trial.id, 2)] == list(range(epochs))
    assert trial.loss == store.logs.epochs(trial.id, 2)[-1].metrics["loss"]


def kill_trial_process():
    """Kill the process in which this process's only trial runs, unless it has ended."""
    for process in psutil.Process().children():
        # Servers of other tests that have ended may be zombies, which have no arguments.
        if "alignsearch.workers.trial_process" in command_line(process.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()


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
