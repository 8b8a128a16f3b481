"""Two drivers of one search at once: one was silent beyond its lease, and another took over."""

import signal
import time

from campaign.kinds.kind import Kind
from campaign.processes import kill_tree, send
from campaign.world import World, pid_of

TAKE_OVER_SECONDS = 40.0
"""For a new process to start and to take the lease that has passed."""
BOTH_SECONDS = (2.0, 8.0)
"""For which both drive."""


def _two(world: World) -> str | None:
    first = world.wait_for(lambda: world.running() and world.driver_pid())
    if first is None or world.driver is None:
        return None
    second = world.driver.start_one()
    took_over = False
    try:
        # The other is ready to take over by the time at which the first one falls silent.
        time.sleep(world.chance.uniform(2.0, 5.0))
        if not send(first, signal.SIGSTOP):
            return None
        until = time.monotonic() + TAKE_OVER_SECONDS
        while time.monotonic() < until and not world.is_over():
            if took_over := _holds(second.pid, world):
                break
            time.sleep(0.2)
        send(first, signal.SIGCONT)
        time.sleep(world.chance.uniform(*BOTH_SECONDS))
    finally:
        send(first, signal.SIGCONT)
        kill_tree(second.pid)
        second.wait()
    return f"process {first} after {second.pid} had taken over" if took_over else None


def _holds(pid: int, world: World) -> bool:
    held = world.document().get("driver")
    return held is not None and pid_of(held["owner"]) == pid


ROWS = (Kind("two drivers", _two, cost=4, lane="drivers"),)
