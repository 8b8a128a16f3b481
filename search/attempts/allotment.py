"""Which search may use how many of a cluster's slots: data in, numbers out.

Every search gets its fair share of the cluster, by weight. A share is counted in the resource
of which the search takes the largest part (dominant resource fairness, Ghodsi et al., 2011), so
that trials on two chips and trials on eight, or on GPUs and on CPUs, share one cluster fairly.
A priority of one more doubles a search's weight; ten more leave next to nothing to others.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Resources = Mapping[str, float]

LARGEST_PRIORITY = 30
"""Beyond it, in both directions, priorities make no further difference."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Demand:
    """What one search asks of the cluster.

    Attributes:
        resources: of one trial, by Ray's names; a trial runs on one host.
        wanted: slots that it has work for, its `parallel` at most.
        held: slots whose workers live now, busy or not.
    """

    name: str
    resources: Resources
    wanted: int
    held: int = 0
    priority: int = 0


def allot(hosts: Sequence[Resources], demands: Sequence[Demand]) -> dict[str, int]:
    """Return how many slots each search may use now, by name.

    Of equals, the first comes first. A search with more than its share keeps its share only; one
    with less gets more as others give theirs back: nobody is told to use what is still held.
    """
    shares = _fair(hosts, demands)
    free = _Free(hosts)
    for demand in demands:
        for _ in range(demand.held):
            free.take(demand.resources)
    allotted = {each.name: min(shares[each.name], each.held) for each in demands}
    for demand in _by_turns(hosts, demands, allotted):
        if allotted[demand.name] < shares[demand.name] and free.take(demand.resources):
            allotted[demand.name] += 1
    return allotted


def room(hosts: Sequence[Resources], resources: Resources) -> int:
    """Return how many trials of these resources fit on the hosts at once, each on one host."""
    return sum(
        min(
            (int(host.get(name, 0.0) / amount + ROUNDING) for name, amount in resources.items()),
            default=0,
        )
        for host in hosts
    )


def _fair(hosts: Sequence[Resources], demands: Sequence[Demand]) -> dict[str, int]:
    """The fair shares, were nothing held."""
    free = _Free(hosts)
    shares = dict.fromkeys((each.name for each in demands), 0)
    for demand in _by_turns(hosts, demands, shares):
        if shares[demand.name] < demand.wanted and free.take(demand.resources):
            shares[demand.name] += 1
    return shares


def _by_turns(
    hosts: Sequence[Resources], demands: Sequence[Demand], given: Mapping[str, int]
) -> Iterator[Demand]:
    """Give out whose turn is next, until those whose turn it is take nothing any more.

    It is the turn of the search that would have the smallest share for its weight with one slot
    more. The caller adds to `given` what a search takes; one that takes nothing has no more turns.
    """
    totals: dict[str, float] = {}
    for host in hosts:
        for name, amount in host.items():
            totals[name] = totals.get(name, 0.0) + amount

    def turn(place: int) -> tuple[float, int]:
        demand = demands[place]
        part = max(n / totals[name] for name, n in demand.resources.items())
        priority = max(-LARGEST_PRIORITY, min(LARGEST_PRIORITY, demand.priority))
        return ((given[demand.name] + 1) * part / 2.0**priority, place)

    placeable = (
        place
        for place, demand in enumerate(demands)
        if all(totals.get(name) for name in demand.resources)
    )
    turns = [turn(place) for place in placeable]
    heapq.heapify(turns)
    while turns:
        _, place = heapq.heappop(turns)
        demand = demands[place]
        before = given[demand.name]
        yield demand
        if given[demand.name] > before:
            heapq.heappush(turns, turn(place))


class _Free:
    """What the hosts have left."""

    def __init__(self, hosts: Sequence[Resources]) -> None:
        self._hosts = [dict(host) for host in hosts]

    def take(self, resources: Resources) -> bool:
        """Take one trial's resources where they leave the least; False if they fit nowhere."""
        fitting = [
            host
            for host in self._hosts
            if all(host.get(name, 0.0) + ROUNDING >= n for name, n in resources.items())
        ]
        if not fitting:
            return False
        host = min(fitting, key=lambda host: sum(host[name] for name in resources))
        for name, amount in resources.items():
            host[name] -= amount
        return True
