"""The three stores that are struck: the embedded one, one MongoDB, and a replica set of three.

Each has the same methods, so that a fault is written once. The data lie on small disks, and each
server's clock can be set.
"""

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import mongod
import pymongo
from namespaces import Network, OneHost
from pymongo.errors import PyMongoError
from wire import Proxy

from alignsearch.search.store.embedded import EmbeddedStore
from alignsearch.search.store.processes import lives, wait_until
from campaign.clocks import Clock
from campaign.disks import SmallDisk
from campaign.promises import Acknowledged

AT_HEAD = "10.77.0.100"
"""The embedded store's address: another one than the Ray head's, so that either can be cut off."""
MEMBERS = ("member-0", "member-1", "member-2")
"""Hosts of MongoDB servers."""
EMBEDDED_MEBIBYTES = 256
MONGOD_MEBIBYTES = 512
JOURNAL = ("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=10MB)")
"""Without a journal that is there in advance, a full disk is felt within a second."""
IN_STEP_SECONDS = 30.0
"""For a member to follow the others again; a set goes on without it."""
PATIENCE = 300.0
"""Seconds for a server's start or an election."""


class Server(ABC):
    """One store with its servers.

    Attributes:
        uri: what the program under test gets, with `{}` for the database.
        addresses: of its servers, as other hosts see them.
        disks: where each server keeps its data.
        clock: of all of its servers.
        acknowledged: writes that it has confirmed, where those are noted.
    """

    uri: str
    addresses: tuple[str, ...]
    disks: list[SmallDisk]
    clock: Clock
    acknowledged: Acknowledged = MappingProxyType({"insert": (), "update": ()})
    _refused: Exception | None = None

    @property
    @abstractmethod
    def logs(self) -> list[Path]:
        """The servers' logs."""

    @abstractmethod
    def client(self) -> "pymongo.MongoClient[dict[str, Any]]":
        """Return a connection to the servers themselves."""

    @abstractmethod
    def victim(self, role: str) -> int:
        """Return the process id of the server, or of a set's primary or secondary."""

    @abstractmethod
    def revive(self) -> None:
        """Start what has ended and let go on what was stopped, until the store takes writes."""

    def after_clock(self) -> None:  # noqa: B027
        """Do what the operator's manual asks for once a server's clock is right again: nothing."""

    @abstractmethod
    def stop(self) -> None:
        """End all servers."""

    def _until_it_writes(self, start: Callable[[], object]) -> None:
        """Start the store, and again if it ends once more, as after a full disk it may."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                start()
                if wait_until(self.takes_writes, 5.0):
                    return
            except ConnectionError as error:
                self._refused = error
                time.sleep(1.0)
            if time.monotonic() > until:
                why = f"{type(self._refused).__name__}: {self._refused}"
                raise AssertionError(f"the store takes no writes for {PATIENCE:.0f} s: {why}")

    def takes_writes(self) -> bool:
        """Return whether a durable write is acknowledged now."""
        try:
            with self.client() as client:
                client.campaign.tried.insert_one({})
        except PyMongoError as error:
            self._refused = error
            return False
        return True


class Embedded(Server):
    """The embedded store's server, behind a proxy at an address that other hosts see."""

    def __init__(self, folder: Path, network: Network | OneHost, clock: Clock) -> None:
        self.clock = clock
        self.disks = [SmallDisk(folder / "store", EMBEDDED_MEBIBYTES)]
        self._server = EmbeddedStore(folder / "store" / ".alignsearch")
        self._direct = self._ensured()
        host = "127.0.0.1"
        if isinstance(network, Network):
            host = AT_HEAD
            network.add_address(host)
        self._proxy = Proxy(int(self._direct.rstrip("/").rpartition(":")[2]), host)
        self.acknowledged = self._proxy.acknowledged
        self.addresses = (host,)
        self.uri = f"mongodb://{host}:{self._proxy.port}/{{}}?directConnection=true"

    @property
    def logs(self) -> list[Path]:
        return [self._server.log]

    def _ensured(self) -> str:
        before = dict(os.environ)
        os.environ.update(self.clock.environment)
        try:
            return self._server.ensure()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def client(self) -> "pymongo.MongoClient[dict[str, Any]]":
        return pymongo.MongoClient(
            self._direct, tz_aware=True, serverSelectionTimeoutMS=5000, socketTimeoutMS=10000
        )

    def victim(self, role: str) -> int:
        pid = self._server.status().pid
        assert pid is not None, "the embedded store's server is gone"
        return pid

    def revive(self) -> None:
        pid = self._server.status().pid
        if pid is not None and lives(pid):
            os.kill(pid, signal.SIGCONT)
        self._until_it_writes(self._restarted)

    def _restarted(self) -> None:
        # On another port, where somebody has taken its own meanwhile.
        self._direct = self._ensured()
        self._proxy.aim(int(self._direct.rstrip("/").rpartition(":")[2]))

    def stop(self) -> None:
        pid = self._server.status().pid
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
        self._server.stop()
        self._proxy.close()
        self.disks[0].remove()


class Mongo(Server):
    """MongoDB's servers, each on a host of its own: one alone, or members of a set."""

    def __init__(
        self, folder: Path, network: Network | OneHost, clock: Clock, *, members: int
    ) -> None:
        self.clock = clock
        self.disks = [
            SmallDisk(folder / "store" / str(number), MONGOD_MEBIBYTES) for number in range(members)
        ]
        options = mongod.ReplicaSet.OPTIONS if members > 1 else ()
        self.members = [
            mongod.Mongod(
                disk.folder,
                *options,
                *JOURNAL,
                host=network.addresses[host],
                inside=network.inside(host),
                environment=clock.environment,
            )
            for disk, host in zip(self.disks, MEMBERS, strict=False)
        ]
        self.hosts = MEMBERS[:members]
        self.addresses = tuple(network.addresses[host] for host in self.hosts)
        self._set = mongod.ReplicaSet(folder, 0) if members > 1 else None
        if self._set is None:
            self.members[0].start()
            self.uri = f"mongodb://{self.members[0].address}/{{}}"
        else:
            self._set.members = self.members
            self._set.start()
            self.uri = self._set.uri

    @property
    def logs(self) -> list[Path]:
        return [member.log for member in self.members]

    def client(self) -> "pymongo.MongoClient[dict[str, Any]]":
        return pymongo.MongoClient(
            self.uri.format("admin"),
            tz_aware=True,
            serverSelectionTimeoutMS=10000,
            socketTimeoutMS=10000,
        )

    def member(self, role: str) -> mongod.Mongod:
        """Return the primary, or a secondary, or the only server."""
        if self._set is None:
            return self.members[0]
        primary = self._set.primary()
        if role == "primary":
            return primary
        return next(each for each in self.members if each is not primary)

    def host_of(self, member: mongod.Mongod) -> str:
        """Return the name of the host that a server is on."""
        return self.hosts[self.members.index(member)]

    def victim(self, role: str) -> int:
        return self.member(role).pid

    def step_down(self) -> str:
        """Have the primary step down; return its address."""
        assert self._set is not None
        return self._set.step_down().address

    def revive(self) -> None:
        self._until_it_writes(self._revive_members)

    def _revive_members(self) -> None:
        until = time.monotonic() + IN_STEP_SECONDS
        while True:
            # One that was asked to end may take its time, and end only now.
            for member in self.members:
                member.revive()
            if self._set is None or self._set.is_whole() or time.monotonic() > until:
                return
            time.sleep(0.5)

    def after_clock(self) -> None:
        """Start a set's members again, one by one and the primary last (docs/operating.md).

        MongoDB 6.0.5 sets the times of its members' heartbeats and elections by the wall clock.
        After a jump of two hours none elects another primary, and SIGTERM doesn't end one.
        """
        if self._set is None:
            return
        primary = self._set.primary()
        for member in [*(each for each in self.members if each is not primary), primary]:
            member.kill()
            self.revive()

    def stop(self) -> None:
        for member in self.members:
            member.stop()
        for disk in self.disks:
            disk.remove()


STORES: Mapping[str, Callable[[Path, Network | OneHost, Clock], Server]] = {
    "embedded": Embedded,
    "mongod": lambda folder, network, clock: Mongo(folder, network, clock, members=1),
    "members": lambda folder, network, clock: Mongo(folder, network, clock, members=3),
}
"""Kinds of stores by name."""
