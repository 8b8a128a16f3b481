"""Steering searches that a real `serve` drives over a real Ray."""

import os
import re
import signal
import subprocess
import time
import urllib.request
import uuid
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from gated_search import Gate
from prometheus_client.parser import text_string_to_metric_families

from alignsearch.driving import RAY_LOGS
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store

MARK = "ALIGNSEARCH_TEST_MARK"
ROTATION = "RAY_ROTATION_MAX_BYTES"
# Two slots, whatever this machine has.
TWO_SLOTS = ("--resources", "CPU=0.5", "--parallel", "2")


def wait_until(condition, seconds=300.0):
    """Wait until the condition holds and return what it returns."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it hasn't come to pass"
        time.sleep(0.1)
    return found


class Service:
    """`alignsearch serve` in the background of a shell's folder."""

    def __init__(self, shell):
        self.shell = shell
        self.mark = uuid.uuid4().hex
        self.log = shell.folder / f"serve-{self.mark}.log"
        shell.environment[MARK] = self.mark
        self.process = shell.start("serve", "--metrics-port", "0", log=self.log)
        del shell.environment[MARK]

    def wait_until_it_serves(self):
        wait_until(lambda: "serving the searches of mongodb://" in self.log.read_text(), 300)
        return self

    def metrics(self):
        """The metrics that Prometheus reads: values by name and labels."""
        address = re.search(
            r"^metrics at (http://127\.0\.0\.1:\d+/metrics)$", self.log.read_text(), re.M
        )
        with urllib.request.urlopen(address[1], timeout=300.0) as answer:
            text = answer.read().decode()
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def interrupt(self):
        """Ctrl-C, and wait for the end; the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(300.0)

    def processes(self):
        """The living processes that it and its Ray started, without a store that it revived."""
        living = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rpartition(") ")[2][0]
                command = (folder / "cmdline").read_text()
            except OSError:
                continue
            if marked and state != "Z" and "secantusd" not in command:
                living.append((folder.name, command[:100]))
        return living

    def ray_logs(self):
        """The folder in which its Ray logs."""
        commands = (Path(f"/proc/{pid}/cmdline").read_text() for pid, _ in self.processes())
        found = (re.search(r"\0--log_dir=([^\0]+)", command) for command in commands)
        return Path(next(filter(None, found))[1])

    def end(self):
        """End it, whatever state it is in."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(300.0)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture(scope="module")
def shell(shell_in, tmp_path_factory):
    """A shell in a folder with a store of its own."""
    here = shell_in(tmp_path_factory.mktemp("served"))
    yield here
    here.end_store()


@pytest.fixture(scope="module")
def service(shell):
    """One `serve` for all tests, because its Ray takes long to start."""
    # The store first, so that its process isn't counted among the service's.
    shell.submit("first", "--trials", "3", "--epochs", "2", *TWO_SLOTS)
    shell.environment[ROTATION] = "5000"
    running = Service(shell).wait_until_it_serves()
    del shell.environment[ROTATION]
    yield running
    running.end()


@pytest.fixture(scope="module")
def store(shell, service):
    """The folder's store, to wait on without the cost of a process a look."""
    with Store.connect(shell.json("store", "status")["uri"]) as opened:
        yield opened


def wait_for_status(store, name, status):
    wait_until(lambda: store.searches.get(name).status == status)


def wait_for_running(store, name, trials):
    wait_until(lambda: store.totals.counts(name).get("running", 0) == trials)


def outcomes(trials):
    return Counter(attempt.outcome for trial in trials for attempt in trial.attempts.values())


def test_serve_takes_up_what_waits_and_says_what_comes_of_it(shell, service, store):
    wait_for_status(store, "first", "completed")
    assert shell.json("status", "first")["counts"]["completed"] == 3
    wait_until(lambda: "first: finished" in service.log.read_text())
    said = service.log.read_text()
    assert [f"trial {tid} (" in said for tid in range(3)] == [True] * 3


def test_prometheus_reads_trials_slots_suggestions_and_the_store(service, store):
    wait_for_status(store, "first", "completed")
    found = service.metrics()
    # A search of this name in another store is another series.
    identity = store.searches.get("first").identity
    first = identity.labels.items()
    states = {
        dict(labels)["state"]: value
        for (name, *labels), value in found.items()
        if name == "alignsearch_trials" and set(first) <= set(labels)
    }
    assert states == {state: 3.0 * (state == "completed") for state in (*TrialState, "diverged")}
    assert found["alignsearch_slots", *sorted(first)] == 2
    assert found["alignsearch_slot_utilization", *sorted(first)] == 0
    assert found["alignsearch_suggest_seconds_count",] >= 3
    # Seconds, of which a busy machine takes many.
    assert 0 < found["alignsearch_suggest_seconds_sum",] < 600
    writes = ("command", "update"), ("outcome", "ok")
    assert found["alignsearch_store_seconds_count", *writes] >= 3
    assert found["alignsearch_store_up",] == 1


def test_metrics_are_served_on_loopback_and_say_nothing_of_the_store(service, store):
    port = int(re.search(r"metrics at http://127\.0\.0\.1:(\d+)/", service.log.read_text())[1])
    listening = psutil.Process(service.process.pid).net_connections(kind="tcp")
    assert {c.laddr.ip for c in listening if c.laddr.port == port} == {"127.0.0.1"}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=300.0) as answer:
        text = answer.read().decode()
    assert "alignsearch" in text
    assert "mongodb" not in text


def test_a_submit_is_taken_up_within_a_second(make_search_in, service, store):
    wait_for_status(store, "first", "completed")

    def seconds_until_driven(name):
        made = make_search_in(store, name, trials=1, parallel=1, resources={"CPU": 0.5})
        events = wait_until(lambda: [e for e in store.logs.events(name) if e.what == "running"])
        wait_for_status(store, name, "completed")
        return (events[0].at - made.created_at).total_seconds()

    # Other work on this machine may hold most of them up.
    assert any(seconds_until_driven(f"prompt-{number}") <= 1.0 for number in range(40))


def test_a_search_without_a_slot_is_told_which_serve_takes_it_up(
    shell, make_search_in, service, store
):
    make_search_in(store, "of-gpus", trials=1, resources={"GPU": 1.0})
    waits = shell.json("status", "of-gpus")["waits_for"]
    assert f":{service.process.pid} (`alignsearch serve`) takes it up when a slot is free" in waits
    assert shell.ok("cancel", "of-gpus")


def test_the_store_is_not_stopped_under_a_serve(shell, service, store):
    said = shell.refused("store", "stop")
    assert said.startswith("the store is in use by ")
    assert f"{service.process.pid} (alignsearch serve --metrics-port 0)" in said
    assert "Ctrl-C hands running trials back" in said
    assert service.process.poll() is None
    assert shell.json("store", "status")["running"] is True


def test_pause_lets_trials_finish_and_resume_goes_on_until_stop(shell, service, store):
    # More than end in an hour, whatever holds this test up.
    many = 5000
    shell.submit("steered", "--trials", f"{many}", "--epochs", "25", *TWO_SLOTS)

    def both_busy():
        # One trial may be over and the next one not begun: such a moment passes.
        found = shell.json("status", "steered")
        return found if found["counts"]["running"] == 2 else None

    driven = wait_until(both_busy)
    assert driven["status"] == "running"
    assert driven["driver"].endswith(f":{service.process.pid}")
    assert (
        "the end of a running trial: 2 of 2 slots busy; next lease expires in"
        in driven["waits_for"]
    )

    assert "alignsearch resume steered" in shell.ok("pause", "steered")
    begun = len(shell.json("trials", "steered"))
    wait_until(lambda: store.searches.get("steered").driver is None)
    rests = shell.json("status", "steered")
    assert rests["status"] == "paused"
    # The driver may have been about to begin two more.
    assert begun <= rests["counts"]["completed"] <= begun + 2 < many
    assert "alignsearch resume steered" in rests["waits_for"]
    assert outcomes(store.trials.all("steered")) == {"completed": rests["counts"]["completed"]}

    shell.ok("resume", "steered")
    wait_for_running(store, "steered", 2)
    assert "completes with those that run" in shell.ok("stop", "steered")
    wait_for_status(store, "steered", "completed")
    completed = shell.json("status", "steered")["counts"]["completed"]
    assert rests["counts"]["completed"] < completed < many
    assert outcomes(store.trials.all("steered")) == {"completed": completed}
    assert {trial.state for trial in store.trials.all("steered")} <= {"completed", "cancelled"}
    who = [(event.what, "@" in event.who) for event in store.logs.events("steered")]
    steps = ["created", "running", "paused", "running", "stop requested", "completed"]
    assert who == [(step, True) for step in steps]


def test_cancel_ends_running_trials_now_and_frees_their_slots(shell, service, store):
    shell.submit("dropped", "--trials", "6", "--epochs", "100000", *TWO_SLOTS)
    wait_for_running(store, "dropped", 2)
    assert "trial 0 of dropped is queued" in shell.ok("release", "dropped", "0")
    wait_until(lambda: store.trials.get("dropped", 0).attempt == 2)
    wait_for_running(store, "dropped", 2)
    assert "trial released: trial 0, attempt 1, from " in shell.ok("events", "dropped")
    assert "dropped is cancelled" in shell.ok("cancel", "dropped")
    assert shell.json("status", "dropped")["status"] == "cancelled"
    trials = shell.json("trials", "dropped")
    assert {trial["state"] for trial in trials} == {"cancelled"}
    assert outcomes(store.trials.all("dropped")) == {"cancelled": 2, "released": 1}

    shell.submit("next", "--trials", "1", "--epochs", "1", *TWO_SLOTS)
    wait_for_status(store, "next", "completed")
    assert shell.json("trials", "dropped") == trials


def test_a_log_of_its_ray_begins_anew_when_it_is_long(service):
    logs = service.ray_logs()
    wait_until((logs / "gcs_server.out.1").exists)
    for part in logs.glob("gcs_server.out*"):
        # The oldest one may be gone by now.
        with suppress(FileNotFoundError):
            assert part.stat().st_size < 20000, part


@pytest.fixture(scope="module")
def following(shell, service):
    """The `serve` after the first one, which a test interrupts or has interrupted."""
    service.end()
    running = Service(shell).wait_until_it_serves()
    yield running
    running.end()


def test_an_interrupted_serve_hands_back_and_the_next_one_goes_on(
    shell, service, store, make_search_in, request
):
    # Its trials last until they are interrupted.
    make_search_in(store, "handed", trials=2, epochs=100_000, resources={"CPU": 0.5})
    wait_until(lambda: [t.progress is not None for t in store.trials.all("handed")] == [True] * 2)
    assert service.processes()
    assert service.interrupt() == 0
    # Some of Ray's end by themselves once they miss the others.
    wait_until(lambda: service.processes() == [])
    assert "handed: interrupted" in service.log.read_text()

    waiting = shell.json("status", "handed")
    assert (waiting["status"], waiting["driver"]) == ("running", None)
    assert waiting["counts"]["queued"] == 2
    assert "alignsearch serve" in waiting["waits_for"]
    assert outcomes(store.trials.all("handed")) == {"handed_back": 2}

    # The attempts that come after have an end.
    assert store._db.update("searches", {"_id": "handed"}, {"$set": {"recipe.epochs": 40}})
    following = request.getfixturevalue("following")
    shown = [Path(f"/proc/{pid}/environ").read_text() for pid, _ in following.processes()]
    assert any(f"\0{ROTATION}={RAY_LOGS[ROTATION]}\0" in each for each in shown)
    wait_for_status(store, "handed", "completed")
    assert {trial.state for trial in store.trials.all("handed")} == {"completed"}
    assert outcomes(store.trials.all("handed")) == {"handed_back": 2, "completed": 2}
    assert "Traceback" not in service.log.read_text() + following.log.read_text()


def test_of_two_serves_one_takes_over_within_a_lease_and_revives_the_store(
    shell, following, store, tmp_path
):
    # Longer than a busy machine keeps a driver from renewing it.
    lease, gate = 30.0, Gate(tmp_path)
    both = [following, Service(shell)]
    try:
        both[1].wait_until_it_serves()
        # Its trials wait until one has taken over from the other.
        options = {"trials": 12, "parallel": 2, "resources": {"CPU": 0.5}, "lease_seconds": lease}
        gate.search(store, name="taken", **options)
        wait_for_running(store, "taken", 2)
        both.sort(key=lambda each: each.process.pid != driver_pid(store, "taken"))
        first, second = both
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        left = store.searches.get("taken").driver
        wait_until(lambda: driver_pid(store, "taken") == second.process.pid)
        taken = store.searches.get("taken").driver
        # By the store's clock: once the lease of the dead one has passed, at the next look, which a
        # busy machine delays.
        assert left.expires_at < taken.expires_at - timedelta(seconds=lease)
        assert taken.expires_at - left.expires_at < timedelta(seconds=lease + 300)
        os.kill(shell.json("store", "status")["pid"], signal.SIGKILL)
        # Which looks and starts none.
        wait_until(lambda: shell.json("store", "status")["running"])
        gate.open()
        wait_until(lambda: shell.json("status", "taken")["status"] == "completed", 300)
        second.end()
        assert second.process.returncode == 0
        wait_until(lambda: second.processes() == [])
    finally:
        for each in both:
            each.end()
            for pid, _ in each.processes():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            each.process.wait()
    trials = store.trials.all("taken")
    assert [trial.tid for trial in trials] == list(range(12))
    assert {trial.state for trial in trials} == {"completed"}
    # The killed one's workers died with it or finished what they had: none was repeated otherwise.
    assert sum(trial.attempt for trial in trials) <= 12 + 2


def driver_pid(store, name):
    driver = store.searches.get(name).driver
    return None if driver is None else int(driver.owner.rpartition(":")[2])
