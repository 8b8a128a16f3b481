"""Fair shares of a cluster among searches: who may use how many slots, and what to ask for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alignsearch.search.attempts.allotment import Demand, Resources, allot, room
from alignsearch.search.documents import Search


@dataclass(frozen=True)
class Shares:
    """The shares of one round.

    Attributes:
        slots: number of slots that each search may use, by the search's name.
        requested: resources of each trial that could run now, for an autoscaler.
        unplaceable: waiting searches that no host of the cluster has the resources for.
    """

    slots: dict[str, int]
    requested: list[Resources]
    unplaceable: list[Search]


def running_demand(search: Search, wanted: int, held: int) -> Demand:
    """Return the demand of a search that is driven.

    Args:
        search: the search.
        wanted: number of slots that it has trials for.
        held: number of slots whose workers live.
    """
    return Demand(search.name, search.resources, wanted, held, search.priority)


def waiting_demand(search: Search) -> Demand:
    """Return the demand of a search that has no driver yet: all its slots, none of them held."""
    wanted = min(search.parallel, search.trials)
    return Demand(search.name, search.resources, wanted, 0, search.priority)


def share(
    hosts: Sequence[Resources], running: Iterable[Demand], waiting: Sequence[Search]
) -> Shares:
    """Share the hosts among driven and waiting searches.

    Args:
        hosts: resources that each host of the cluster offers, by Ray's names.
        running: demands of the driven searches; of equal shares the first comes first.
        waiting: searches without a driver; of equal shares they come after the driven ones.
    """
    demands = [*running, *map(waiting_demand, waiting)]
    return Shares(
        slots=allot(hosts, demands),
        requested=[each.resources for each in demands for _ in range(each.wanted)],
        unplaceable=[search for search in waiting if room(hosts, search.resources) == 0],
    )
