"""Disks without room, and a trial without memory."""

import resource
import time

import psutil

from campaign.disks import SmallDisk
from campaign.kinds.kind import Kind
from campaign.world import World

FULL_SECONDS = (1.0, 4.0)
MEMORY_SECONDS = 1.5
HEADROOM = 2**22
"""Bytes that a process may still take: less than what a step of `nested.py` does."""


def _full(disk: SmallDisk, world: World) -> bool:
    if not disk.limited or not world.wait_for(world.workers):
        return False
    disk.fill()
    try:
        time.sleep(world.chance.uniform(*FULL_SECONDS))
    finally:
        disk.empty()
    return True


def _store(world: World) -> str | None:
    disk = world.chance.choice(world.store.disks)
    if not _full(disk, world):
        return None
    world.store.revive()
    return str(disk.folder.relative_to(world.folder))


def _checkpoints(world: World) -> str | None:
    return "checkpoints" if _full(world.checkpoints, world) else None


def _logs(world: World) -> str | None:
    return "Ray's folder" if _full(world.logs, world) else None


def _memory(world: World) -> str | None:
    workers = world.wait_for(world.workers)
    if not workers:
        return None
    victim = world.chance.choice(sorted(workers))
    try:
        used = psutil.Process(victim).memory_info().vms
        before = resource.prlimit(victim, resource.RLIMIT_AS, (used + HEADROOM, -1))
        time.sleep(MEMORY_SECONDS)
        resource.prlimit(victim, resource.RLIMIT_AS, before)
    except (ProcessLookupError, psutil.NoSuchProcess):
        # It has died of it.
        pass
    return f"process {victim} with trial {workers[victim]['_id']}"


ROWS = (
    Kind("full disk: store", _store, cost=2, lane="store"),
    Kind("full disk: checkpoints", _checkpoints, lane="machines"),
    Kind("full disk: logs", _logs, lane="machines"),
    Kind("full memory", _memory, searched=("function",), lane="machines"),
)
