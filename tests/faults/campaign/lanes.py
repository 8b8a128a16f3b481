"""Faults side by side: a lane for each part of the world, and one fault at a time in each lane.

A store, drivers or hosts are struck again once the fault before has been overcome: since it was
repaired, a trial has come to its result, or an attempt has recorded an epoch. So none of these is
counted of a search that stands still. Among many workers, one is struck every few seconds, whenever
one has a trial.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from campaign.kinds import KINDS
from campaign.kinds.kind import LANES, Kind
from campaign.world import DATABASE, World

PAUSES = (0.2, 1.0)
"""Shortest and longest time, in seconds, from a result to the next fault."""
MANY = {"workers", "machines"}
"""Lanes whose faults leave other workers alone, so that the search gets on meanwhile."""
MANY_PAUSES = (1.5, 5.0)
"""The same from one fault of such a lane to the next one."""
PROGRESS_SECONDS = 120.0
"""For a result or an epoch after a fault, while others strike; then a lane strikes no more."""
STRIKE_SECONDS = 420.0
"""For faults of one round; what is left of its search goes on without any."""
UNLIMITED = 10**6
"""Faults of a round that only its time limits."""
MOVED_STORE_CLOCKS = 1 / 3
"""Part of the rounds in which the store's clock may be set: their times can't be judged."""
STORE_CLOCK = "clock: store"

Note = Callable[[str, str, float], None]
"""Called with a fault's kind, its victim, and the seconds that it took."""


def fitting(store: str, searched: str, mode: str, *, separate: bool) -> list[Kind]:
    """Return the kinds of faults that exist for a store, a search and a way of driving."""
    return [
        kind
        for kind in KINDS.values()
        if store in kind.stores
        and kind.mode in {"", mode}
        and (not kind.searched or searched in kind.searched)
        and (separate or not kind.separate)
    ]


def draws(kinds: Iterable[Kind], missing: Counter[str], seed: str) -> Iterator[Kind]:
    """Yield kinds in the order in which they strike, those that are lacking most first.

    missing: how many of each kind the store lacks still; it ends when all have been drawn.
    """
    chance = random.Random(seed)
    kinds = list(kinds)
    left = {kind.name: max(missing[kind.name], 0) for kind in kinds}
    while any(left.values()):
        weights = [left[kind.name] / kind.cost for kind in kinds]
        (kind,) = chance.choices(kinds, weights)
        left[kind.name] -= 1
        yield kind


def plans(kinds: Iterable[Kind], missing: Counter[str], seed: str) -> dict[str, Iterator[Kind]]:
    """Return what strikes in each lane, in order; a round in three may set the store's clock."""
    moves = random.Random(f"{seed} clock").random() < MOVED_STORE_CLOCKS
    kinds = [kind for kind in kinds if moves or kind.name != STORE_CLOCK]
    return {
        lane: draws([kind for kind in kinds if kind.lane == lane], missing, f"{seed} {lane}")
        for lane in LANES
    }


def strike(
    world: World,
    planned: Mapping[str, Iterator[Kind]],
    seed: str,
    note: Note,
    most: int = UNLIMITED,
) -> None:
    """Strike in all lanes until the search or the time is over, or `most` faults have struck.

    The first lane is the calling thread's.

    Raises:
        Exception: the first one of a lane; all others have ended then.
    """
    errors: list[Exception] = []
    until = time.monotonic() + STRIKE_SECONDS
    struck: list[str] = []

    def is_enough() -> bool:
        return len(struck) >= most or time.monotonic() > until

    def note_one(kind: str, victim: str, seconds: float) -> None:
        struck.append(kind)
        note(kind, victim, seconds)

    def run(lane: str) -> None:
        chance = random.Random(f"{seed} pauses {lane}")
        try:
            _lane(world, lane, planned[lane], chance, is_enough, note_one)
        except Exception as error:
            errors.append(error)
            world.given_up.set()

    first, *rest = planned
    others = [threading.Thread(target=run, args=(lane,), name=f"lane {lane}") for lane in rest]
    for each in others:
        each.start()
    run(first)
    for each in others:
        each.join()
    if errors:
        raise errors[0]


def _lane(
    world: World,
    lane: str,
    planned: Iterator[Kind],
    chance: random.Random,
    is_enough: Callable[[], bool],
    note: Note,
) -> None:
    for kind in planned:
        if lane not in MANY and not _gets_on(world):
            return
        pause = chance.uniform(*(MANY_PAUSES if lane in MANY else PAUSES))
        if world.is_over_within(pause) or is_enough():
            return
        moment = time.monotonic()
        victim = kind.strike(world)
        if victim is not None:
            note(kind.name, victim, time.monotonic() - moment)


def _gets_on(world: World) -> bool:
    """Wait until a trial has a result more, or an attempt an epoch more."""
    results, epochs = world.results(DATABASE), world.epochs()

    def is_further() -> bool:
        now = world.epochs()
        further = any(epoch > epochs.setdefault(attempt, epoch) for attempt, epoch in now.items())
        return further or world.results(DATABASE) > results

    return bool(world.wait_for(is_further, PROGRESS_SECONDS))
