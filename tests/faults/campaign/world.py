"""The world that is struck: a store, a Ray cluster of two hosts, and drivers, all on one machine.

Each host is a network namespace. The campaign itself runs on the host `head`, beside Ray's head and
the drivers; the second host, `workers`, has half of the slots. A twin of each search, under the
same name in another database of the store, runs on the same cluster with a driver that nothing
strikes: whatever happens to it is another search's doing.
"""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from namespaces import Network, OneHost
from pymongo.errors import PyMongoError

from alignsearch.search.store.processes import free_port, lives, wait_until
from campaign import clocks
from campaign.disks import SmallDisk
from campaign.processes import Supervised, kill_tree, named, tree, trial_workers
from campaign.stores import STORES

BIN = Path(sys.executable).parent
HOSTS = ("head", "workers", "member-0", "member-1", "member-2")
SLOTS = 8
TWIN_SLOTS = 2
SHARE = 0.5
"""Ray's CPUs of one trial."""
LEASE = 5.0
"""Seconds: short, so that a lease passes in a fault, and long beside what two cores need."""
DATABASE = "campaign"
TWIN = "twin"
CHECKPOINT_MEBIBYTES = 32
LOG_MEBIBYTES = 384
PROGRAM = "CAMPAIGN_PROGRAM"
"""Variable with the PYTHONPATH of the program under test, where another one than the installed."""
PAUSE = 0.3
"""Seconds between two looks at the store, which has enough to do."""
ANSWER_SECONDS = 400.0
"""For the store to answer again: longer than whoever repairs it tries."""
Answer = TypeVar("Answer")
OVER = {"completed", "cancelled", "failed", "paused"}
"""A search in one of these ends no more by itself; the oracle says which of them are wrong."""


class World:
    """Store, cluster and drivers.

    Attributes:
        chance: decides who is struck, and for how long.
        name: of the search that runs now; its twin has the same.
        hosts: held by whoever ends or starts a host.
        given_up: set once a fault could not be repaired, so that nobody waits for results.
    """

    def __init__(self, folder: Path, network: Network | OneHost, kind: str) -> None:
        """Start everything but the main driver."""
        self.folder = folder
        self.network = network
        self.kind = kind
        self.chance = random.Random(0)
        self.name = ""
        self.clock_moved = False
        self.hosts = threading.RLock()
        self.given_up = threading.Event()
        library = clocks.compiled(folder)
        self.driver_clock = clocks.Clock(folder / "driver.clock", library)
        self.worker_clock = clocks.Clock(folder / "worker.clock", library)
        self.checkpoints = SmallDisk(folder / "checkpoints", CHECKPOINT_MEBIBYTES)
        self.logs = SmallDisk(folder / "l", LOG_MEBIBYTES)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ALIGNSEARCH_")},
            # The campaign's own folders must not hide what is shipped to workers.
            "PYTHONPATH": os.environ.get(PROGRAM, ""),
            "RAY_AUTH_MODE": "disabled",
            "RAY_DISABLE_IMPORT_WARNING": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self.store = STORES[kind](folder, network, clocks.Clock(folder / "store.clock", library))
        self._client = self.store.client()
        self.ray_port = free_port()
        self.head: subprocess.Popen[bytes]
        self.node: subprocess.Popen[bytes]
        self.start_cluster()
        self.driver: Supervised | None = None
        self.mode = ""
        self.twin = self._supervised("serve", TWIN, {})

    @property
    def address(self) -> str:
        """The Ray head's address."""
        return f"{self.network.addresses['head']}:{self.ray_port}"

    def close(self) -> None:
        """End everything at once."""
        for each in (self.driver, self.twin):
            if each is not None:
                each.stop(patience=0.0)
        for started in (self.node, self.head):
            kill_tree(started.pid)
            started.wait()
        self._client.close()
        self.store.stop()
        self.checkpoints.remove()
        self.logs.remove()

    # The cluster.

    def start_cluster(self) -> None:
        """Start Ray's head and then the second host, and wait until both are there."""
        self.head = self._ray(
            "head",
            {},
            "--head",
            f"--port={self.ray_port}",
            "--include-dashboard=false",
            f"--temp-dir={self.logs.folder}",
        )
        host, port = self.address.split(":")
        assert wait_until(lambda: _listens(host, int(port)), 300), "Ray's head doesn't listen"
        self.start_node()

    def start_node(self) -> None:
        """Start the second host."""
        self.node = self._ray("workers", self.worker_clock.environment, f"--address={self.address}")

    def _ray(
        self, host: str, environment: dict[str, str], *arguments: str
    ) -> "subprocess.Popen[bytes]":
        # The log is apart from the disk that is filled: it is ours, not the cluster's.
        with (self.folder / "ray.log").open("ab") as log:
            return subprocess.Popen(
                [
                    *self.network.inside(host),
                    *(str(BIN / "ray"), "start", *arguments, "--block"),
                    f"--num-cpus={round((SLOTS + TWIN_SLOTS) * SHARE / 2) + 1}",
                    f"--node-ip-address={self.network.addresses[host]}",
                    *("--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats"),
                    "--include-log-monitor=false",
                    f"--object-store-memory={80 * 2**20}",
                ],
                stdout=log,
                stderr=log,
                # Workers that yield to all other work of this machine make a round longer.
                env={**self.environment, "RAY_worker_niceness": "0", **environment},
                start_new_session=True,
            )

    def revive_node(self) -> None:
        """End what is left of the second host and start it again."""
        kill_tree(self.node.pid)
        self.node.wait()
        self.start_node()

    def revive_cluster(self) -> None:
        """Start the whole cluster again, and the twin's driver with it."""
        for started in (self.node, self.head):
            kill_tree(started.pid)
            started.wait()
        self.start_cluster()

    def gcs(self) -> int | None:
        """Return the process of Ray's global control service."""
        return named(self.head.pid, "gcs_server")

    def raylet(self) -> int | None:
        """Return the process of the second host's raylet."""
        return named(self.node.pid, "raylet")

    # Drivers.

    def drive(self, mode: str) -> None:
        """Have the main search driven by `serve`, or by the process of `submit --wait`."""
        if mode != self.mode:
            self.stop_driving()
        if self.driver is None:
            self.driver = self._supervised(mode, DATABASE, self.driver_clock.environment)
        self.mode = mode

    def stop_driving(self) -> None:
        """End the main driver as its user would."""
        if self.driver is not None:
            self.driver.stop()
            self.driver = None

    def _supervised(self, mode: str, database: str, environment: dict[str, str]) -> Supervised:
        def command() -> list[str]:
            uri = self.store.uri.format(database)
            if mode == "serve":
                return [str(BIN / "alignsearch"), "serve", "--store", uri, "--ray", self.address]
            script = Path(__file__).with_name("wait.py")
            return [sys.executable, str(script), uri, self.name, self.address]

        return Supervised(
            command,
            self.folder,
            self.folder / f"{database}.log",
            {**self.environment, **environment},
        )

    # The search.

    def submit(self, database: str, trials: int, slots: int, arguments: Sequence[str]) -> None:
        """Submit the search `name` to one of the two databases."""
        command = [
            *(str(BIN / "alignsearch"), "submit", *arguments, "--name", self.name),
            *("--trials", str(trials), "--parallel", str(slots), "--startup", "20"),
            *("--lease", str(LEASE), "--max-attempts", "100", "--seed", self.name[1:]),
            *("--checkpoints", str(self.checkpoints.folder), "--resources", f"CPU={SHARE}"),
            *("--ray", self.address, "--store", self.store.uri.format(database)),
        ]
        said: list[str] = []

        def submitted() -> bool:
            ended = subprocess.run(
                command,
                env=self.environment,
                cwd=self.folder,
                check=False,
                capture_output=True,
                text=True,
            )
            said.append(ended.stderr)
            return ended.returncode == 0 or "already" in ended.stderr

        assert wait_until(submitted, 300), said[-1]

    def document(self, database: str = DATABASE) -> dict[str, Any]:
        """Return the search as it is stored."""
        return self._read(database, "searches", {"_id": self.name})[0]

    def running(self) -> list[dict[str, Any]]:
        """Return the trials that run."""
        return self._read(DATABASE, "trials", {"search": self.name, "state": "running"})

    def epochs(self) -> dict[tuple[str, int], int]:
        """Return the last epochs of the running trials, by trial and attempt."""
        progress = {
            (each["_id"], each["attempt"]): (each.get("progress") or {}).get("epoch")
            for each in self.running()
        }
        return {attempt: epoch for attempt, epoch in progress.items() if epoch is not None}

    def has_begun(self) -> bool:
        """Return whether a trial has a result; a search that is paused is an error."""
        search = self.document()
        assert search["status"] != "paused", search["error"]
        return self.results(DATABASE) > 0

    def results(self, *databases: str) -> int:
        """Return how many trials of the search have a result, in all of these databases."""
        ended = {"search": self.name, "state": "completed"}

        def count() -> int:
            return sum(self._client[each].trials.count_documents(ended) for each in databases)

        return self._answer(count)

    def _read(self, database: str, collection: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        return self._answer(lambda: list(self._client[database][collection].find(query)))

    def _answer(self, ask: Callable[[], Answer]) -> Answer:
        """Return the store's answer, also of one that is just coming back."""
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            with suppress(PyMongoError):
                return ask()
            assert time.monotonic() < until, "the store doesn't answer"
            time.sleep(PAUSE)

    def is_over(self, database: str = DATABASE) -> bool:
        """Return whether the search has ended."""
        return self.document(database)["status"] in OVER

    def workers(self) -> dict[int, dict[str, Any]]:
        """Return the running trials by the process that makes their attempt, if it lives."""
        found = {pid_of(trial["lease"]["owner"]): trial for trial in self.running()}
        return {pid: trial for pid, trial in found.items() if lives(pid)}

    def on_second_host(self) -> set[int]:
        """Return the processes of the second host that have a running trial."""
        return {each.pid for each in tree(self.node.pid)} & self.workers().keys()

    def driver_pid(self) -> int | None:
        """Return the process that holds the search's lease, if it is the main driver."""
        held = self.document().get("driver")
        if held is None or self.driver is None or pid_of(held["owner"]) != self.driver.pid:
            return None
        return self.driver.pid

    def wait_for(self, condition: Any, seconds: float = 60.0) -> Any:
        """Return the condition's first value that is true; None once the search is over."""
        until = time.monotonic() + seconds
        while not self.given_up.is_set() and not self.is_over() and time.monotonic() < until:
            if value := condition():
                return value
            self._keep_hosts()
        return None

    def is_over_within(self, seconds: float, *databases: str) -> bool:
        """Wait until the search is over, in all of these databases; return whether it is."""
        until = time.monotonic() + seconds
        while not all(self.is_over(database) for database in databases or (DATABASE,)):
            if time.monotonic() > until or self.given_up.is_set():
                return False
            self._keep_hosts()
        return True

    def _keep_hosts(self) -> None:
        """Wait a moment, and start a host again that has ended by itself, as its service does."""
        time.sleep(PAUSE)
        if not self.hosts.acquire(blocking=False):
            return
        try:
            if self.head.poll() is not None:
                self.revive_cluster()
            elif self.node.poll() is not None:
                self.start_node()
        finally:
            self.hosts.release()

    def left_workers(self, seconds: float) -> list[int]:
        """Return the actors that are still there after so many seconds without a driver."""
        roots = self.head.pid, self.node.pid
        wait_until(lambda: not trial_workers(*roots), seconds)
        return trial_workers(*roots)


def pid_of(owner: str) -> int:
    """Return the process id in the name of a worker or a driver, like HOST:PID."""
    return int(owner.rpartition(":")[2])


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0
