"""Processes that an objective forks in a worker of a real cluster."""

import signal
import threading

import pytest
from hyperopt import hp
from own_searches import own_search
from ray_cluster import connect_patiently

from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.workers import cluster
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher

FORKING = """
import os, signal, time

def objective(config):
    is_up, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(tell, b"x")
        while True:
            time.sleep(1)
    os.read(is_up, 1)
    os.kill(pid, signal.SIGTERM)
    for _ in range(600):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return float(os.WTERMSIG(status))
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return 0.0
"""


@pytest.fixture
def driver(store, store_uri, ray_address):
    connect_patiently(ray_address)
    yield lambda: Driver(store, "a-search", lambda it: RayDispatcher(it, store_uri), owner="a test")
    cluster.disconnect()


def test_a_forked_process_ends_by_sigterm_as_pools_end_theirs(store, driver, tmp_path):
    file = tmp_path / "forking.py"
    file.write_text(FORKING)
    own_search(store, {"x": hp.uniform("x", 0, 1)}, file=file, trials=1)
    assert driver().run(threading.Event()) is Outcome.FINISHED
    (trial,) = store.trials.all("a-search")
    assert trial.loss == float(signal.SIGTERM), trial.error
