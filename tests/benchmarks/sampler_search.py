"""One simulated search over a table: asynchronous, exact in its order, without any waiting."""

import heapq
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from looked_up import Draws, Lookup
from sampler_peers import PEERS, Peer, Point

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
    peer = Timed(PEERS[sampler_name](searched, seed))
    outcomes: dict[str, Outcome] = {}
    best, picked, lowest = "", "", float("inf")
    for told, (key, loss) in enumerate(results(searched, peer, slots, seed, TRIALS), start=1):
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
    return Searched(searched.name, sampler_name, slots, seed, outcomes, peer.seconds / TRIALS)


class Timed:
    """A sampler with the CPU seconds that it has taken."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.seconds = 0.0

    def ask(self, tid: int, pending: Mapping[int, Point]) -> Point:
        began = time.process_time()
        point = self._peer.ask(tid, pending)
        self.seconds += time.process_time() - began
        return point

    def tell(self, tid: int, point: Point, loss: float) -> None:
        began = time.process_time()
        self._peer.tell(tid, point, loss)
        self.seconds += time.process_time() - began


def results(
    searched: Lookup, peer: Peer, slots: int, seed: int, trials: int
) -> Iterator[tuple[str, float]]:
    """Yield each trial's configuration and the loss that the search sees, as the trials end."""
    draws = Draws(searched, seed)
    running: dict[int, Point] = {}
    ending: list[tuple[float, int, float, str]] = []
    now = 0.0
    for tid in range(trials + slots):
        if len(ending) == slots or tid >= trials:
            if not ending:
                break
            now, done, loss, key = heapq.heappop(ending)
            peer.tell(done, running.pop(done), loss)
            yield key, loss
        if tid < trials:
            point = peer.ask(tid, running)
            key = searched.key_of(point)
            loss, lasts = draws.of(key, 0)
            running[tid] = point
            heapq.heappush(ending, (now + lasts, tid, loss, key))
