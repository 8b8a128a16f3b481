"""One simulated search over a table: asynchronous, exact in its order, without any waiting."""

import heapq
import time
from dataclasses import dataclass

from looked_up import Draws, Lookup
from sampler_peers import PEERS, Point

TRIALS = 250
STAGES = {"a third": TRIALS // 3, "all": TRIALS}
"""Results that are in when a search is judged."""


@dataclass(frozen=True)
class Outcome:
    """How one search stood at one stage.

    Attributes:
        best: percentile of the best configuration evaluated, by its mean loss.
        picked: percentile of the configuration whose loss seen is the lowest.
        best_regret, picked_regret: the same as distances to the table's lowest mean loss.
    """

    best: float
    picked: float
    best_regret: float
    picked_regret: float


@dataclass(frozen=True)
class Searched:
    """One search: its outcome at each stage, and the CPU seconds of a suggestion."""

    table: str
    sampler: str
    slots: int
    seed: int
    outcomes: dict[str, Outcome]
    seconds: float


def search(searched: Lookup, sampler_name: str, slots: int, seed: int) -> Searched:
    """Simulate a search of 250 trials, `slots` at once.

    A trial lasts as long as the table says of the configuration's losses that this seed draws.
    """
    peer = PEERS[sampler_name](searched, seed)
    draws = Draws(searched, seed)
    running: dict[int, Point] = {}
    ending: list[tuple[float, int, float, str]] = []
    outcomes: dict[str, Outcome] = {}
    now, seconds, told = 0.0, 0.0, 0
    best, picked, lowest = "", "", float("inf")
    for tid in range(TRIALS + slots):
        if len(ending) == slots or tid >= TRIALS:
            if not ending:
                break
            now, done, loss, key = heapq.heappop(ending)
            began = time.process_time()
            peer.tell(done, running.pop(done), loss)
            seconds += time.process_time() - began
            told += 1
            if loss < lowest:
                lowest, picked = loss, key
            if not best or searched.mean(key) < searched.mean(best):
                best = key
            for stage, count in STAGES.items():
                if told == count:
                    outcomes[stage] = Outcome(
                        searched.percentile(best),
                        searched.percentile(picked),
                        searched.regret(best),
                        searched.regret(picked),
                    )
        if tid < TRIALS:
            began = time.process_time()
            point = peer.ask(tid, running)
            seconds += time.process_time() - began
            key = searched.key_of(point)
            loss, lasts = draws.of(key, 0)
            running[tid] = point
            heapq.heappush(ending, (now + lasts, tid, loss, key))
    return Searched(searched.name, sampler_name, slots, seed, outcomes, seconds / TRIALS)
