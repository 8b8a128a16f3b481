"""Allotment of a cluster's slots to searches by fair shares, as a pure function of numbers.

A share is counted in the resource of which a search takes the largest part (dominant resource
fairness, Ghodsi et al., 2011). Trials on two chips and trials on eight, or on GPUs and on CPUs,
thus share one cluster fairly. A share is weighted by the search's priority: each step up doubles
the weight, so that ten steps leave next to nothing to others.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Resources = Mapping[str, float]
"""Amounts by Ray's names of resources, such as {"TPU": 8.0}."""

LARGEST_PRIORITY = 30
"""Priority, above and below zero, beyond which a step makes no difference: 2 to the 30th is far
more than any number of slots."""
ROUNDING = 1e-9
"""Difference of two amounts that is rounding: Ray's smallest amount is 0.0001."""


@dataclass(frozen=True)
class Demand:
    """The demand of one search.

    Attributes:
        name: the search's name.
        resources: resources of one trial, all on one host.
        wanted: number of slots that it has trials for, `parallel` at most.
        held: number of slots whose workers live now, busy or idle.
        priority: each step doubles the search's weight.
    """

    name: str
    resources: Resources
    wanted: int
    held: int = 0
    priority: int = 0


def allot(hosts: Sequence[Resources], demands: Sequence[Demand]) -> dict[str, int]:
    """Return how many slots each search may use now, by its name.

    A search that holds more than its share may use its share only. A search that holds less gets
    more once others have given slots back: no slot is allotted while another search holds it.

    Args:
        hosts: resources that each host offers.
        demands: the searches; of two with equal shares the first one is served first.
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
    """Return the fair shares as if no slot were held."""
    free = _Free(hosts)
    shares = dict.fromkeys((each.name for each in demands), 0)
    for demand in _by_turns(hosts, demands, shares):
        if shares[demand.name] < demand.wanted and free.take(demand.resources):
            shares[demand.name] += 1
    return shares


def _by_turns(
    hosts: Sequence[Resources], demands: Sequence[Demand], given: Mapping[str, int]
) -> Iterator[Demand]:
    """Yield the search whose turn to take a slot it is, until no search takes any.

    The next turn is that of the search whose share, divided by its weight, would be smallest with
    one slot more. The caller adds the taken slot to `given`; a search that takes none has no more
    turns.
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
    """The resources that are left on each host."""

    def __init__(self, hosts: Sequence[Resources]) -> None:
        self._hosts = [dict(host) for host in hosts]

    def take(self, resources: Resources) -> bool:
        """Take a trial's resources from the fullest host with enough; return False if none has."""
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
