"""Wall clocks that are set two hours off, forward or back, and right again."""

import time
from functools import partial

from campaign.clocks import TWO_HOURS, Clock
from campaign.kinds.kind import Kind
from campaign.world import World

SECONDS = (1.0, 6.0)
"""Shortest and longest time for which a clock is off: a store's is asked every five."""


def _set(whose: str, world: World) -> str | None:
    clocks = {
        "driver": world.driver_clock,
        "workers": world.worker_clock,
        "store": world.store.clock,
    }
    clock: Clock = clocks[whose]
    busy = world.on_second_host if whose == "workers" else world.workers
    if not clock.settable or not world.wait_for(busy, 30.0):
        return None
    hours = world.chance.choice((TWO_HOURS, -TWO_HOURS))
    # Times that a store's clock gave can't be compared any more.
    world.clock_moved |= whose == "store"
    clock.set(hours)
    try:
        time.sleep(world.chance.uniform(*SECONDS))
    finally:
        clock.set(0)
        if whose == "store":
            world.store.after_clock()
    return f"{hours:+d} s"


ROWS = tuple(
    Kind(f"clock: {whose}", partial(_set, whose), lane=lane)
    for whose, lane in (("driver", "drivers"), ("workers", "machines"), ("store", "store"))
)
