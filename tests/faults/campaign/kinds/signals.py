"""Processes that are killed, stopped for a while, or asked to end."""

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from alignsearch.search.store.processes import lives, wait_until
from campaign.kinds.kind import ALL, IN_A_SET, Kind
from campaign.processes import send
from campaign.world import LEASE, World

OUTAGES = (0.5, 5.0)
"""Shortest and longest time for which a store or a cluster is stopped, or away."""
SILENCE = (0.5, 2.0)
"""The same for a driver or a worker, in leases: within its lease, and beyond it."""
PATIENCE = 30.0
"""Seconds for a process to end after SIGTERM: a driver hands its trials back meanwhile."""


def _driver(how: signal.Signals, world: World) -> str | None:
    pid = world.wait_for(lambda: world.running() and world.driver_pid())
    if pid is None or not send(pid, how):
        return None
    if how is signal.SIGSTOP:
        _let_go_on(pid, LEASE * world.chance.uniform(*SILENCE))
    elif how is signal.SIGTERM:
        wait_until(lambda: not lives(pid), PATIENCE)
    return f"process {pid}"


def _worker(how: signal.Signals, world: World) -> str | None:
    workers = world.wait_for(world.workers)
    if not workers:
        return None
    victim = world.chance.choice(sorted(workers))
    if not send(victim, how):
        return None
    if how is signal.SIGSTOP:
        _let_go_on(victim, LEASE * world.chance.uniform(*SILENCE))
    return f"process {victim} with trial {workers[victim]['_id']}"


def _raylet(how: signal.Signals, world: World) -> str | None:
    pid = world.raylet()
    busy = world.wait_for(world.on_second_host, 30.0)
    with world.hosts:
        if pid is None or not busy or not send(pid, how):
            return None
        if how is signal.SIGSTOP:
            _let_go_on(pid, world.chance.uniform(*OUTAGES))
        else:
            wait_until(lambda: not lives(pid), PATIENCE)
            time.sleep(world.chance.uniform(0.0, 2.0))
            world.revive_node()
    return f"process {pid} with {len(busy)} busy workers"


def _gcs(how: signal.Signals, world: World) -> str | None:
    pid = world.gcs()
    busy = world.wait_for(world.workers)
    with world.hosts:
        if pid is None or not busy or not send(pid, how):
            return None
        if how is signal.SIGSTOP:
            _let_go_on(pid, world.chance.uniform(*OUTAGES))
            return f"process {pid}"
        wait_until(lambda: not lives(pid), PATIENCE)
        world.revive_cluster()
    # A driver gives up by itself after 40 s. A person who starts the cluster again starts drivers
    # again, too, and now and then waits for what they say.
    waits = world.chance.random() < 0.1
    for each in (world.driver, world.twin):
        assert each is not None
        old = each.pid
        if not (waits and wait_until(lambda old=old: not lives(old), 90.0)):
            send(old, signal.SIGKILL)
    return f"process {pid}"


def _server(role: str, how: signal.Signals, world: World) -> str | None:
    if not world.wait_for(world.workers):
        return None
    pid = world.store.victim(role)
    if not send(pid, how):
        return None
    if how is not signal.SIGSTOP:
        wait_until(lambda: not lives(pid), PATIENCE)
    time.sleep(world.chance.uniform(*OUTAGES))
    world.store.revive()
    return f"process {pid}"


def _let_go_on(pid: int, seconds: float) -> None:
    time.sleep(seconds)
    send(pid, signal.SIGCONT)


SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}

Strike = Callable[[signal.Signals, World], "str | None"]


def _rows(name: str, strike: Strike, stores: tuple[str, ...] = ALL, **more: Any) -> list[Kind]:
    return [
        Kind(f"{name} {word}", partial(strike, how), stores, **more)
        for word, how in SIGNALS.items()
    ]


ROWS = (
    *_rows("driver", _driver, mode="wait", lane="drivers"),
    *_rows("serve", _driver, mode="serve", lane="drivers"),
    *_rows("worker", _worker, lane="workers"),
    *_rows("raylet", _raylet, cost=2, lane="hosts"),
    *_rows("GCS", _gcs, cost=4, lane="hosts"),
    *_rows("server", partial(_server, "primary"), ("embedded", "mongod"), lane="store"),
    *_rows("primary", partial(_server, "primary"), IN_A_SET, lane="store"),
    *_rows("secondary", partial(_server, "secondary"), IN_A_SET, lane="store"),
)
