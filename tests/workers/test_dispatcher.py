"""Trials on a real Ray cluster: placed by resource, killed for real, handed back, kept warm."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray
from driving import wait_until
from gated_search import Gate
from ray_cluster import LIMITS, RAY, connect_patiently

from alignsearch.search.documents import Recipe, Search
from alignsearch.search.documents.errors import ClusterError
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driver import Driver, Outcome
from alignsearch.search.store.processes import free_port
from alignsearch.spaces.catalog import get_space
from alignsearch.workers import cluster
from alignsearch.workers.cluster_checks import check_cluster
from alignsearch.workers.dispatchers.ray_actors import RayDispatcher
from alignsearch.workers.hand_back import Raylet, drain
from alignsearch.workers.hosts import capacity, default_resources
from alignsearch.workers.versions import versions

ALIGNSEARCH = Path(sys.executable).with_name("alignsearch")


@pytest.fixture(scope="module")
def hosts(ray_address):
    found = connect_patiently(ray_address)
    yield found
    cluster.disconnect()


@pytest.fixture
def submit(store):
    def make(**fields):
        known = {
            "trials": 4,
            "parallel": 2,
            "epochs": 2,
            "resources": {"CPU": 1.0},
            # So long that whatever is noticed in a test isn't noticed by an expired lease.
            "lease_seconds": 1800.0,
            **fields,
        }
        epochs = known.pop("epochs")
        return store.searches.create(
            Search(
                name="a-search",
                space="wm",
                space_hash=get_space("wm").space_hash,
                recipe=Recipe(dataset="rehearsal", width=1, stem="none", epochs=epochs),
                seed=0,
                startup=2,
                created_by="a test",
                **known,
            )
        )

    return make


@pytest.fixture
def driver(store, store_uri, hosts):
    return lambda: Driver(
        store, "a-search", lambda search: RayDispatcher(search, store_uri), owner="a test"
    )


def drive_in_thread(driver, interrupt):
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(driver.run(interrupt)), daemon=True)
    thread.start()
    return thread, outcome


def wait_for(store, condition, seconds=300.0):
    deadline = time.monotonic() + seconds
    while True:
        found = [trial for trial in store.trials.all("a-search") if condition(trial)]
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def running(trial):
    return trial.state == TrialState.RUNNING


def pid_of(trial):
    return int(trial.attempts[str(trial.attempt)].owner.rpartition(":")[2])


def test_the_cluster_offers_what_its_hosts_have(hosts):
    assert capacity(hosts, {"TPU": 8.0}) == 1
    assert capacity(hosts, {"CPU": 1.0}) == 2
    assert default_resources(hosts) == {"TPU": 8.0}


def test_an_autoscaler_hears_what_is_asked_for(hosts, ray_address):
    def heard():
        shown = subprocess.run(
            [RAY, "status", "--address", ray_address], capture_output=True, text=True, check=True
        )
        return "{'TPU': 4.0}: 3 from request_resources()" in shown.stdout

    for trials, expected in (([{"TPU": 4.0}] * 3, True), ([], False)):
        cluster.ask_for(trials)
        wait_until(lambda expected=expected: heard() is expected, 300)


def test_warm_workers_serve_trial_after_trial(store, submit, driver):
    submit(trials=6)
    assert driver().run(threading.Event()) == Outcome.FINISHED
    trials = store.trials.all("a-search")
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 6
    assert len({trial.attempts["1"].owner for trial in trials}) == 2
    assert {trial.attempts["1"].slot for trial in trials} == {0, 1}
    assert "tensorflow" in trials[0].attempts["1"].versions


def test_a_trial_is_placed_on_a_whole_tpu_host(store, submit, driver):
    submit(trials=2, parallel=1, resources={"TPU": 8.0})
    assert driver().run(threading.Event()) == Outcome.FINISHED
    assert {t.attempts["1"].accelerator for t in store.trials.all("a-search")} == {"TPU: 8"}


def test_a_killed_worker_costs_an_attempt_and_its_trial_is_tried_again(store, driver, tmp_path):
    gate = Gate(tmp_path)
    gate.search(store, trials=3, parallel=2)
    thread, outcome = drive_in_thread(driver(), threading.Event())
    victim = wait_for(store, running)[0]
    os.kill(pid_of(victim), signal.SIGKILL)
    wait_for(store, lambda trial: trial.id == victim.id and trial.attempts["1"].outcome)
    gate.open()
    thread.join(300.0)
    assert outcome == [Outcome.FINISHED]
    trials = store.trials.all("a-search")
    assert [trial.state for trial in trials] == [TrialState.COMPLETED] * 3
    again = trials[victim.tid]
    assert (again.attempt, again.attempts["1"].outcome) == (2, "crashed")
    assert again.attempts["2"].owner != again.attempts["1"].owner
    assert "its worker was killed" in again.attempts["1"].error
    assert "out of memory" in again.attempts["1"].error


def test_a_preempted_worker_hands_back_and_another_goes_on_from_its_state(store, driver, tmp_path):
    gate, states = Gate(tmp_path, steps=40, held_at=5), tmp_path / "states"
    gate.search(store, trials=2, parallel=2, checkpoints=str(states))
    thread, outcome = drive_in_thread(driver(), threading.Event())
    victim = wait_for(store, lambda t: running(t) and t.progress and t.progress.epoch >= 3)[0]
    os.kill(pid_of(victim), signal.SIGTERM)
    wait_for(store, lambda t: t.id == victim.id and t.attempts["1"].outcome)
    gate.open()
    thread.join(300.0)
    assert outcome == [Outcome.FINISHED]
    trial = store.trials.get(victim.id)
    first, second = trial.attempts.values()
    assert (first.outcome, second.outcome) == ("handed_back", "completed")
    assert (first.resumed, trial.attempts_spent) == (0, 0)
    assert second.owner != first.owner
    assert second.resumed >= 3
    epochs = store.logs.epochs(trial.id)
    assert [e.epoch for e in epochs if e.attempt == 1] == list(range(second.resumed))
    assert [e.epoch for e in epochs if e.attempt == 2] == list(range(40))
    (folder,) = states.iterdir()
    best = store.totals.best("a-search")
    assert [each.name for each in folder.iterdir()] == [str(best.tid)]


def test_an_interrupted_driver_hands_back_and_leaves_no_worker(store, submit, driver):
    submit(trials=4, epochs=100_000)
    interrupt = threading.Event()
    thread, outcome = drive_in_thread(driver(), interrupt)
    pids = {pid_of(trial) for trial in wait_for(store, running)}
    interrupt.set()
    thread.join(300.0)
    assert outcome == [Outcome.INTERRUPTED]
    trials = store.trials.all("a-search")
    assert {trial.state for trial in trials} == {TrialState.QUEUED}
    assert {a.outcome for trial in trials for a in trial.attempts.values()} <= {"handed_back"}
    assert store.searches.get("a-search").status == SearchStatus.RUNNING
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))


def test_a_host_with_other_versions_is_refused_by_name(store, submit, driver, monkeypatch):
    submit(trials=2)
    older = {**versions(), "tensorflow": "2.0.1"}
    monkeypatch.setattr("alignsearch.workers.dispatchers.ray_actors.versions", lambda: older)
    with pytest.raises(ClusterError, match=r"tensorflow is 2\.\d\d.* and 2\.0\.1 at the driver"):
        driver().run(threading.Event())
    assert {trial.state for trial in store.trials.all("a-search")} == {TrialState.QUEUED}
    assert store.searches.get("a-search").status == SearchStatus.RUNNING
    monkeypatch.undo()
    assert driver().run(threading.Event()) == Outcome.FINISHED


@pytest.fixture
def second_host(hosts, ray_address, tmp_path):
    """The node id of a host that joins the cluster, with a resource that no other has."""
    known = {node["NodeID"] for node in ray.nodes()}
    command = [
        *(str(RAY), "start", f"--address={ray_address}", "--block", *LIMITS),
        *("--num-cpus=0", '--resources={"spot": 2}', "--node-ip-address=127.0.0.1"),
    ]
    # It would wait for its trials to end by themselves before it ended.
    at_once = {**os.environ, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
    with (tmp_path / "host.log").open("w") as log:
        host = subprocess.Popen(
            command, stdout=log, stderr=log, env=at_once, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 300
        while not (joined := {n["NodeID"] for n in ray.nodes() if n["Alive"]} - known):
            assert time.monotonic() < deadline, (tmp_path / "host.log").read_text()
            time.sleep(0.2)
        yield joined.pop()
    finally:
        host.terminate()
        host.wait(300.0)
        wait_until(lambda: {n["NodeID"] for n in ray.nodes() if n["Alive"]} <= known, 300)


def pause():
    time.sleep(0.1)


def training(store):
    """The trials whose workers have reported an epoch."""
    return [each for each in store.trials.all("a-search") if running(each) and each.progress]


def test_a_host_that_goes_hands_back_and_is_given_nothing_more(store, submit, driver, second_host):
    submit(trials=2, epochs=100_000, resources={"spot": 1.0})
    interrupt = threading.Event()
    thread, outcome = drive_in_thread(driver(), interrupt)
    wait_until(lambda: len(training(store)) == 2, 300)
    asked = subprocess.run(
        # On a loaded machine Ray's own command takes many seconds to start.
        [ALIGNSEARCH, "hand-back", "--node", second_host, "--patience", "300"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "2 of 2 workers on this host have handed back and ended\n"
    assert asked.stderr == ""
    # A driver that knows nothing of it goes on placing; Ray does not.
    small = ray.remote(num_cpus=0, resources={"spot": 0.1}, max_retries=0)(pause).remote()
    assert ray.wait([small], timeout=3.0) == ([], [small])
    ray.cancel(small, force=True)
    trials = store.trials.all("a-search")
    assert {trial.state for trial in trials} == {TrialState.QUEUED}
    assert {trial.attempts["1"].outcome for trial in trials} == {"handed_back"}
    interrupt.set()
    thread.join(300.0)
    assert outcome == [Outcome.INTERRUPTED]
    assert {trial.attempts_spent for trial in store.trials.all("a-search")} == {0}


def test_a_host_hands_back_where_the_head_is_gone():
    """Nobody to tell: its trials are handed back all the same."""
    gone = Raylet(0, "ab" * 28, f"127.0.0.1:{free_port()}")
    assert drain([gone], 0.5) == ["the head did not answer in 0.5 s"]


def test_a_host_without_the_node_is_told(tmp_path):
    asked = subprocess.run(
        [ALIGNSEARCH, "hand-back", "--node", "ab" * 28], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 2
    assert "no part of a Ray cluster with the node id abab" in asked.stderr


def test_a_slice_is_taken_by_its_head(store, submit, driver):
    submit(trials=1, parallel=1, resources={"TPU": 4.0, "TPU-v5litepod-16-head": 1.0})
    assert driver().run(threading.Event()) == Outcome.FINISHED


def test_every_host_is_looked_at_from_inside(store_uri, hosts, ray_address):
    """The chips of this cluster are made up, and the doctor finds that out."""
    # The workers of earlier tests may still be ending.
    wait_until(lambda: ray.available_resources().get("TPU") == 8.0, 300.0)
    looked = subprocess.run(
        [ALIGNSEARCH, "doctor", "--cluster", "--json", "--ray", ray_address, "--store", store_uri],
        capture_output=True,
        text=True,
        check=False,
    )
    assert looked.returncode == 1, looked.stderr
    found = {each["what"]: each for each in json.loads(looked.stdout) if each["host"]}
    assert {name for name, each in found.items() if not each["ok"]} == {"device"}
    assert "Ray offers 8 TPU here, TensorFlow sees none" in found["device"]["found"]
    assert "tensorflow-tpu" in found["device"]["remedy"]
    assert found["versions"]["found"] == "equal to the driver's"
    assert re.match(r"answers in \d+\.\d ms", found["store"]["found"])
    assert re.match(r"[+-]\d\.\d{3} s from the store's", found["clock"]["found"])
    assert found["data set digits"]["found"] == "1437 + 360 images"
    assert "GB free" in found["disk"]["found"]
    assert "1 CPU" in found["tensorflow"]["found"]


def test_accelerators_that_are_in_use_are_left_alone(hosts):
    # A function of this module could not be imported by a worker.
    def hold():
        time.sleep(3600)

    running = ray.remote(num_cpus=0, resources={"TPU": 1.0})(hold).remote()
    wait_until(lambda: ray.available_resources().get("TPU") == 7.0, 300.0)
    found = {each.what: each for each in check_cluster(None, "digits", None, patience=10.0)}
    ray.cancel(running, force=True)
    assert found["device"].ok
    assert "trials hold this host's accelerators" in found["device"].found
    assert found["versions"].ok


def test_why_a_worker_cannot_start_is_said_at_once(store, submit, hosts, tmp_path):
    submit(trials=2, parallel=1)
    nowhere = tmp_path / "uri"
    interrupt = threading.Event()
    thread, _ = drive_in_thread(
        Driver(
            store, "a-search", lambda each: RayDispatcher(each, f"file:{nowhere}"), owner="a test"
        ),
        interrupt,
    )
    (trial,) = wait_for(store, lambda trial: trial.error)
    interrupt.set()
    thread.join(300.0)
    assert trial.error.startswith("its worker could not start: ")
    assert str(nowhere) in trial.error
    assert "Traceback" not in trial.error
    told = [e.detail for e in store.logs.events("a-search") if e.what == "worker did not begin"]
    assert told == [f"trial 0: {trial.error}"]


@pytest.fixture
def starved(ray_address, tmp_path):
    """A second host, whose Ray takes any use of memory for too much."""
    # Longer between two looks than a worker's start takes on a busy machine, so that attempts are
    # begun.
    settings = {
        "RAY_memory_usage_threshold": "0.001",
        "RAY_memory_monitor_refresh_ms": "60000",
    }
    with (tmp_path / "ray.log").open("w") as log:
        node = subprocess.Popen(
            [
                *(RAY, "start", f"--address={ray_address}", "--num-cpus=0", "--block"),
                *('--resources={"starved": 1}', *LIMITS),
            ],
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    yield
    os.killpg(node.pid, signal.SIGTERM)
    try:
        node.wait(300.0)
    except subprocess.TimeoutExpired:
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()


def test_a_worker_that_rays_memory_monitor_kills_is_a_crash_that_says_so(
    store, submit, driver, starved, monkeypatch
):
    # A worker that is killed before it has begun is no crash of an attempt: another is started.
    monkeypatch.setattr("alignsearch.search.driver.start_failures.MAX_FAILURES", 1000)
    submit(trials=1, parallel=1, epochs=100_000, resources={"starved": 1.0})
    interrupt = threading.Event()
    thread, _ = drive_in_thread(driver(), interrupt)
    (trial,) = wait_for(store, lambda t: t.attempt and t.attempts["1"].outcome == "crashed", 900)
    interrupt.set()
    thread.join(300.0)
    assert "ran low on memory (Ray's memory monitor)" in trial.attempts["1"].error
    assert "--resources" in trial.attempts["1"].error
