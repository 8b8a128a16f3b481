"""A search over a real cluster under faults of every kind; `make chaos` runs it whole.

What is searched is a row of `searched.SEARCHED`. The parts are processes as in production: the
embedded store's server behind a network path that can be cut, a Ray head and a second host,
`alignsearch serve` under a supervisor. Faults follow a seeded plan. Afterwards the store is held to
what every worker must have computed.
"""

import argparse
import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from statistics import mean

from outcomes import (
    check_agrees_where_order_allows,
    check_is_the_same,
    check_no_orphans,
    check_promises,
    check_trials,
    pid_of,
)
from searched import SEARCHED, SIZES
from wire import Proxy

from alignsearch.search.documents import checkpoint_names
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.store import Store
from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives, wait_until

BIN = Path(sys.executable).parent
KINDS = ("driver", "worker", "node", "store", "network", "stopped worker")
OUTAGE_SECONDS = 2.0


class World:
    """Store, network path, Ray head, second host and driver of a search, all killable."""

    def __init__(self, folder, slots):
        self.folder = Path(folder)
        self.cpus = slots // 2
        self.environment = {
            **os.environ,
            "RAY_AUTH_MODE": "disabled",
            "RAY_DISABLE_IMPORT_WARNING": "1",
        }
        self.server = EmbeddedStore(self.folder / ".alignsearch")
        self.direct = self.server.ensure()
        self.proxy = Proxy(int(self.direct.rstrip("/").rpartition(":")[2]))
        self.uri = f"mongodb://127.0.0.1:{self.proxy.port}/alignsearch?directConnection=true"
        self.store = Store.connect(self.direct, timeout=60.0)
        self.ray_port = free_port()
        self.head = self._ray("--head", f"--port={self.ray_port}")
        assert wait_until(lambda: listens(self.ray_port), 60)
        self.node = self._second_node()
        self.serving = None
        self.supervised = False
        self.drivers = 0

    def close(self):
        self.stop_serving()
        for started in (self.node, self.head):
            kill_tree(started.pid)
            started.wait()
        self.store.close()
        self.proxy.close()
        self.server.stop()

    def _ray(self, *arguments):
        log = (self.folder / "ray.log").open("a")
        return subprocess.Popen(
            [
                str(BIN / "ray"),
                "start",
                *arguments,
                f"--num-cpus={self.cpus}",
                "--node-ip-address=127.0.0.1",
                "--min-worker-port=0",
                "--max-worker-port=0",
                "--disable-usage-stats",
                # Nobody follows the workers' logs.
                "--include-log-monitor=false",
                f"--object-store-memory={80 * 2**20}",
                "--block",
            ],
            stdout=log,
            stderr=log,
            env=self.environment,
            start_new_session=True,
        )

    def _second_node(self):
        return self._ray(f"--address=127.0.0.1:{self.ray_port}")

    def submit(self, *arguments):
        """Submit a search, once the second host has joined."""
        # A submit that fails, because the host is not there yet, takes seconds as well.
        log = self.folder / "ray.log"
        wait_until(lambda: log.read_text().count("Ray runtime started") >= 2, 60)
        said = []

        def submitted():
            ended = subprocess.run(
                [str(BIN / "alignsearch"), "submit", *arguments, "--store", self.uri],
                env=self.environment,
                cwd=self.folder,
                check=False,
                capture_output=True,
                text=True,
            )
            said.append(ended.stderr)
            return ended.returncode == 0

        assert wait_until(submitted, 60), said[-1]

    def serve(self):
        """Keep a driver running: start a new one whenever it ends."""
        self.supervised = True
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _supervise(self):
        with (self.folder / "serve.log").open("a") as log:
            while self.supervised:
                self.serving = subprocess.Popen(
                    [
                        *(str(BIN / "alignsearch"), "serve", "--store", self.uri),
                        *("--ray", f"127.0.0.1:{self.ray_port}"),
                    ],
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    cwd=self.folder,
                    start_new_session=True,
                )
                self.drivers += 1
                self.serving.wait()

    def stop_serving(self):
        """End the driver by SIGTERM, as its user would."""
        if not self.supervised:
            return
        self.supervised = False
        self.serving.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.serving.wait(40)
        if self.serving.poll() is None:
            self.serving.kill()
        self._supervisor.join()

    def running(self, name):
        """Return the running trials by the pid of their worker."""
        trials = self.store.trials.all(name, [TrialState.RUNNING])
        return {pid_of(trial, trial.attempt): trial for trial in trials}

    def living(self, name):
        """Return the pids of workers that live and have a running trial."""
        return sorted(pid for pid in self.running(name) if lives(pid))

    def is_over(self, name):
        return self.store.searches.get(name).status in TERMINAL_SEARCH_STATUSES

    def inflict(self, kind, name, chance, lease):
        """Inflict one kind of fault, then repair it as an operator or a cluster would."""
        if kind == "driver":
            os.kill(self.serving.pid, signal.SIGKILL)
        elif kind == "node":
            kill_tree(self.node.pid)
            self.node.wait()
            time.sleep(OUTAGE_SECONDS)
            self.node = self._second_node()
        elif kind == "store":
            os.kill(self.server.status().pid, signal.SIGKILL)
            time.sleep(OUTAGE_SECONDS)
            self.server.ensure()
        elif kind == "network":
            self.proxy.cut()
            time.sleep(OUTAGE_SECONDS)
            self.proxy.mend()
        else:
            # With few slots, or right after another fault, it may take a while until one runs.
            wait_until(lambda: self.living(name) or self.is_over(name), 60)
            pids = self.living(name)
            if not pids:
                return
            victim = chance.choice(pids)
            with contextlib.suppress(ProcessLookupError):
                if kind == "worker":
                    os.kill(victim, signal.SIGKILL)
                else:
                    os.kill(victim, signal.SIGSTOP)
                    time.sleep(1.5 * lease)
                    os.kill(victim, signal.SIGCONT)


def run(world, name, searched, *, trials, slots, startup, lease, plan=(), seed=0, timeout=280.0):
    """Run one search under a plan of (pause before, kind).

    Return the seconds that it took, and the moment and kind of each fault.
    """
    world.submit(
        *(*searched.arguments, "--name", name, "--trials", str(trials)),
        *("--parallel", str(slots), "--startup", str(startup), "--lease", str(lease)),
        *("--checkpoints", str(world.folder / "checkpoints"), "--max-attempts", "5"),
        *("--resources", "CPU=1", "--ray", f"127.0.0.1:{world.ray_port}"),
    )
    if not world.supervised:
        world.serve()
    assert wait_until(lambda: world.store.totals.counts(name)[TrialState.COMPLETED] > 0, 120), (
        "no start"
    )
    # Neither figure includes the start of the first workers.
    started = time.monotonic()
    chance = random.Random(seed)
    faults = []

    def over():
        return world.is_over(name)

    for pause, kind in plan:
        if wait_until(over, pause):
            break
        faults.append((time.monotonic() - started, kind))
        world.inflict(kind, name, chance, lease)
    assert wait_until(over, timeout), f"the search did not end: {world.store.totals.counts(name)}"
    seconds = time.monotonic() - started
    return seconds, faults


def check(world, name, searched, trials):
    """Assert results, acknowledged writes and kept checkpoints of a search that is over."""
    known = check_trials(world.store, name, trials, searched)
    check_promises(world, name, {trial.id: trial for trial in known})
    kept = os.listdir(checkpoint_names.of_search(world.store.searches.get(name)))
    assert kept == [str(world.store.totals.best(name).tid)], kept
    return known


def overheads(faults, seconds, rate, finished):
    """Return the seconds that each fault cost, by kind.

    A fault's cost is the time until the next fault, less what the same trials take undisturbed.
    finished: seconds after the start at which trials ended; rate: trials a second, undisturbed.
    """
    costs = defaultdict(list)
    moments = [*faults, (seconds, "end")]
    for (start, kind), (end, _) in itertools.pairwise(moments):
        made = sum(start <= moment < end for moment in finished)
        costs[kind].append(end - start - made / rate)
    return costs


def a_plan(seed, rounds, pauses):
    """Return a plan with each kind of fault once a round, in random order at random moments."""
    chance = random.Random(seed)
    kinds = []
    for _ in range(rounds):
        kinds += chance.sample(KINDS, len(KINDS))
    return [(chance.uniform(*pauses), kind) for kind in kinds]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("searched", choices=SEARCHED)
    options.add_argument("--short", action="store_true")
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    size = SIZES[asked.searched]["short" if asked.short else "whole"]
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        world = World(folder, size.slots)
        try:
            disturb(world, SEARCHED[asked.searched], size, asked.seed)
        except BaseException:
            log = Path(folder) / "serve.log"
            print(log.read_text()[-5000:] if log.exists() else "", file=sys.stderr)
            raise
        finally:
            world.close()


def disturb(world, searched, size, seed):
    """Make the searches of one size, hold the store to their results, and print what it took."""
    made = []

    def search(name, trials=size.trials, slots=size.slots, plan=()):
        known = {"trials": trials, "slots": slots, "startup": size.startup, "lease": size.lease}
        before = world.drivers
        seconds, faults = run(world, name, searched, **known, plan=plan, seed=seed)
        trials_made = check(world, name, searched, trials)
        made.extend(trials_made)
        print(f"{name}: {trials} trials, slots: {slots}, {seconds:.1f} s")
        if plan:
            restarted = world.drivers - max(1, before)
            print(f"{name}: {len(faults)} faults, {restarted} drivers restarted")
            report(trials_made)
        return trials_made, seconds, faults

    if size.undisturbed:
        _, undisturbed, _ = search("undisturbed")
    plan = a_plan(seed, size.rounds, size.pauses)
    known, seconds, faults = search("disturbed", plan=plan)
    if size.undisturbed:
        report_overhead(known, faults, seconds, undisturbed)
    if size.alone:
        alone, _, _ = search("alone", size.alone, slots=1)
        plan = a_plan(seed + 1, 1, size.pauses)
        again, _, _ = search("one-slot", size.alone, slots=1, plan=plan)
        check_is_the_same(alone, again)
        check_agrees_where_order_allows(alone, known, size.startup)
        print("with one slot, the points and losses are those of the search left alone")
    world.stop_serving()
    check_no_orphans(world, made)
    print("every trial ended, each with the one result that its configuration fixes;")
    print("nothing acknowledged is missing, and no worker is left")


def report(known):
    attempts = defaultdict(int)
    for trial in known:
        for attempt in trial.attempts.values():
            attempts[attempt.outcome] += 1
    took_over = sum(attempt.resumed for trial in known for attempt in trial.attempts.values())
    print("attempts:", ", ".join(f"{n} {outcome}" for outcome, n in sorted(attempts.items())))
    print(f"epochs that were taken over from checkpoints: {took_over}")


def report_overhead(known, faults, seconds, undisturbed):
    first = min(trial.timings["finished"] for trial in known)
    finished = [(trial.timings["finished"] - first).total_seconds() for trial in known]
    rate = len(known) / undisturbed
    print(f"{'fault':<16} {'times':>5} {'seconds each':>12}")
    for kind, costs in sorted(overheads(faults, seconds, rate, finished).items()):
        print(f"{kind:<16} {len(costs):>5} {mean(costs):>12.1f}")
    overhead = (seconds - undisturbed) / len(faults)
    print(f"in all {seconds:.1f} s for {undisturbed:.1f} s: {overhead:.1f} s a fault")


def kill_tree(pid):
    """Kill a process and all its descendants at once, as when a host loses its power."""
    tree = [pid]
    for each in tree:
        children = Path(f"/proc/{each}/task/{each}/children")
        with contextlib.suppress(OSError):
            tree += [int(child) for child in children.read_text().split()]
    for each in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
