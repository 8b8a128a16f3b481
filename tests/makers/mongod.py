"""Real MongoDB servers of this machine: one alone, or replica sets; they end with their maker.

`make test` puts mongod into `.venv/mongod`. Where it can't run, `missing()` says why.
"""

import functools
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from alignsearch.search.store.processes import free_port

MONGOD = Path(sys.prefix) / "mongod" / "fiftyone" / "db" / "bin" / "mongod"
NAME = "tests"
"""Name of every replica set here."""
HOST = "127.0.0.1"
PATIENCE = 300.0
"""Seconds for a server's start, an election or an end: each takes two, on a quiet machine."""

LIMITS = (
    # A server takes half of the machine's memory otherwise.
    *("--wiredTigerCacheSizeGB", "0.25", "--quiet", "--nounixsocket"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    # Failures by command: tests of what an answer means that a healthy set never gives.
    *("--setParameter", "enableTestCommands=1"),
)


@functools.cache
def missing():
    """Return why mongod can't run here; None if it can, or if it could and isn't installed."""
    machine = f"{platform.system()} on {platform.machine()}"
    if machine != "Linux on x86_64":
        return f"the tests' MongoDB is for Linux on x86_64, and this is {machine}"
    if not MONGOD.exists():
        return None
    tried = subprocess.run([MONGOD, "--version"], check=False, capture_output=True, text=True)
    return tried.stderr.strip() or "mongod fails" if tried.returncode else None


class Mongod:
    """One server with a folder and a port of its own, on the loopback interface.

    options: of mongod, besides those that every server here gets. host: the address where it
    listens. inside: the command that runs another one on its host. environment: variables besides
    those of this process.
    """

    def __init__(self, folder, *options, host=HOST, inside=(), environment=None):
        self.folder = folder
        self.port = free_port()
        self.address = f"{host}:{self.port}"
        self._host = host
        self._inside = inside
        self._environment = {**os.environ, **(environment or {})}
        self.log = folder / "mongod.log"
        self._options = options
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    @property
    def uri(self):
        """The address of this server alone, whatever set it is in; other options may follow."""
        return f"mongodb://{self.address}/?directConnection=true"

    def start(self, *more):
        """Start the server, also again on the data that it left; it listens then."""
        assert MONGOD.exists(), f"{MONGOD} is missing: run `make .venv/mongod`"
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        # It ends with the process that started it, however that ends.
        assert threading.current_thread() is threading.main_thread()
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", *self._inside, MONGOD),
                *("--dbpath", data, "--port", str(self.port), "--bind_ip", self._host),
                *("--logpath", self.log, "--logappend", *LIMITS, *self._options, *more),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
        )
        wait_for(self._listens, f"{self.log}: the server listens")

    def _listens(self):
        assert self._process.poll() is None, f"mongod has ended: {self.log.read_text()[-3000:]}"
        # Its log goes on after a restart: what counts comes after this process's own id.
        _, begun, log = self.log.read_bytes().rpartition(f'"pid":{self.pid},'.encode())
        return bool(begun) and b"Waiting for connections" in log

    def kill(self, number=signal.SIGKILL):
        """Send the server a signal and wait until it has ended."""
        os.kill(self.pid, number)
        self._process.wait(PATIENCE)

    def pause(self):
        """Stop the server's process without ending it, as a host that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def revive(self):
        """Let a paused server go on, or start one that was killed."""
        if self._process.poll() is None:
            os.kill(self.pid, signal.SIGCONT)
        else:
            self.start()

    def stop(self):
        """End the server, if it lives."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def command(self, *command, **options):
        """Run an administrator's command on this server; return its answer."""
        with closing(pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=20_000)) as client:
            return client.admin.command(*command, **options)


class ReplicaSet:
    """A replica set of servers of this machine.

    Attributes:
        members: its servers, in the order of their numbers.
    """

    OPTIONS = ("--replSet", NAME, "--oplogSize", "64")
    """Options of every member."""

    def __init__(self, folder, members=1, *options):
        self.members = [
            Mongod(folder / str(number), *self.OPTIONS, *options) for number in range(members)
        ]

    def start(self):
        """Start all members of a new set, and wait for a primary and for members in step."""
        for member in self.members:
            member.start()
        members = [{"_id": n, "host": each.address} for n, each in enumerate(self.members)]
        # Elections within a second or two, where MongoDB's default is ten.
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
        config = {"_id": NAME, "members": members, "settings": settings}
        self.members[0].command("replSetInitiate", config)
        self.wait_for_all()

    def wait_for_all(self):
        """Wait until one member is primary and all others are secondaries."""
        wait_for(self.is_whole, "one member is primary, and the others follow it")
        # A primary takes no writes before it has applied all that it had to.
        self.primary()

    def is_whole(self):
        """Return whether one member is primary and all others are secondaries."""
        return sorted(self._states()) == ["PRIMARY", *["SECONDARY"] * (len(self.members) - 1)]

    def _states(self):
        for member in self.members:
            try:
                status = member.command("replSetGetStatus")
            except PyMongoError:
                continue
            if any(each["stateStr"] == "PRIMARY" for each in status["members"]):
                return [each["stateStr"] for each in status["members"]]
        return []

    @property
    def uri(self):
        """The set's URI without a database: `uri.format(database)` has one."""
        hosts = ",".join(member.address for member in self.members)
        return f"mongodb://{hosts}/{{}}?replicaSet={NAME}"

    def primary(self):
        """Return the member that is primary now, waiting for an election."""
        found = []

        def look():
            for member in self.members:
                try:
                    if member.command("hello").get("isWritablePrimary"):
                        found.append(member)
                        return True
                except PyMongoError:
                    continue
            return False

        wait_for(look, "there is a primary")
        return found[-1]

    def step_down(self):
        """Have the primary step down; return it. It may be primary again in ten seconds."""
        old = self.primary()
        try:
            old.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
        except OperationFailure:
            # No secondary is in step yet: without one the set would have no primary.
            time.sleep(0.5)
            return self.step_down()
        return old

    def set_election_timeout(self, seconds):
        """Have members wait so long for a primary that they don't hear, before they elect one."""
        config = self.primary().command("replSetGetConfig")["config"]
        config["version"] += 1
        config["settings"] |= {"electionTimeoutMillis": round(1000 * seconds)}
        self.primary().command("replSetReconfig", config)
        self.wait_for_all()

    def stop(self):
        for member in self.members:
            member.stop()


@contextmanager
def one_member(folder, *options):
    """Run a server that is no replica set; yields it."""
    member = Mongod(folder, *options)
    try:
        member.start()
        yield member
    finally:
        member.stop()


@contextmanager
def replica_set(folder, members=1, *options):
    """Run a new replica set; yields it."""
    made = ReplicaSet(folder, members, *options)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def kill_primary(trio):
    """Kill a set's primary by SIGKILL; return it."""
    victim = trio.primary()
    victim.kill(signal.SIGKILL)
    return victim


def wait_for(condition, what):
    """Return as soon as the condition holds; fail after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not in {PATIENCE:.0f} s: {what}"
        time.sleep(0.05)
