"""Networks that are cut, and a primary that steps down."""

import time
from collections.abc import Sequence

from namespaces import Network

from campaign.kinds.kind import IN_A_SET, Kind
from campaign.stores import Mongo
from campaign.world import LEASE, World

SILENCE = (0.5, 2.0)
"""Shortest and longest cut, in leases."""
HOST_SILENCE = (1.2, 3.0)
"""The same for a whole host, whose leases pass. Ray gives a host up after half a minute."""


def _workers_from_store(world: World) -> str | None:
    busy = world.wait_for(world.on_second_host, 30.0)
    if not busy:
        return None
    _cut(world, [("workers", address) for address in world.store.addresses])
    return f"{len(busy)} busy workers"


def _host(world: World) -> str | None:
    """Cut the second host off from the head and the store: nobody can end its workers meanwhile."""
    busy = world.wait_for(world.on_second_host, 30.0)
    if not busy:
        return None
    network = world.network
    assert isinstance(network, Network)
    network.cut("workers")
    try:
        time.sleep(LEASE * world.chance.uniform(*HOST_SILENCE))
    finally:
        network.mend("workers")
    return f"{len(busy)} busy workers"


def _members(role: str, world: World) -> str | None:
    """Cut one member off from the others; clients reach all of them."""
    store = world.store
    assert isinstance(store, Mongo)
    if not world.wait_for(world.workers):
        return None
    victim = store.host_of(store.member(role))
    address = world.network.addresses[victim]
    others = [host for host in store.hosts if host != victim]
    _cut(world, [(host, address) for host in others])
    store.revive()
    return f"{role} {victim}"


def _cut(world: World, pairs: Sequence[tuple[str, str]]) -> None:
    """Hide addresses from hosts for a while."""
    network = world.network
    assert isinstance(network, Network)
    for host, address in pairs:
        network.hide(host, address)
    try:
        time.sleep(LEASE * world.chance.uniform(*SILENCE))
    finally:
        for host, address in pairs:
            network.show(host, address)


def _step_down(world: World) -> str | None:
    store = world.store
    assert isinstance(store, Mongo)
    if not world.wait_for(world.workers):
        return None
    return f"primary {store.step_down()}"


ROWS = (
    Kind("cut: workers from store", _workers_from_store, separate=True, lane="hosts"),
    Kind("cut: a host", _host, separate=True, lane="hosts"),
    Kind(
        "cut: primary from members",
        lambda world: _members("primary", world),
        IN_A_SET,
        separate=True,
        lane="store",
    ),
    Kind(
        "cut: secondary from members",
        lambda world: _members("secondary", world),
        IN_A_SET,
        separate=True,
        lane="store",
    ),
    Kind("stepdown", _step_down, IN_A_SET, lane="store"),
)
