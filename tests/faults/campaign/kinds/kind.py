"""The shape of a kind of faults."""

from collections.abc import Callable
from dataclasses import dataclass

from campaign.world import World

LANES = ("store", "drivers", "workers", "machines", "hosts")
"""Parts of a world, each struck by one fault at a time. The first one's faults start servers."""
ALL = ("embedded", "mongod", "members")
ON_MONGODB = ("mongod", "members")
IN_A_SET = ("members",)


@dataclass(frozen=True)
class Kind:
    """A row of a table of faults.

    Attributes:
        name: the row's name, for logs and tables.
        strike: inflicts the fault on a world whose search runs, repairs it as a person or a cluster
            would, and returns who was struck; None, and nothing done, if nobody had work.
        stores: the kinds of stores that it exists on.
        mode: `serve` or `wait`, where it strikes one way of driving alone; empty for both.
        searched: the kinds of searches that it is for; empty for all.
        separate: whether it needs hosts that are network namespaces.
        cost: how much longer it takes than others, so that it is drawn less often at first.
        lane: the name of what it strikes, in `lanes`; faults of one lane never overlap.
    """

    name: str
    strike: Callable[[World], str | None]
    stores: tuple[str, ...] = ALL
    mode: str = ""
    searched: tuple[str, ...] = ()
    separate: bool = False
    cost: int = 1
    lane: str = ""
