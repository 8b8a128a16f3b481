"""How a cluster's slots are shared among searches, over many random clusters and demands."""

import math
import random

import pytest

from alignsearch.search.attempts.allotment import Demand, allot, room

CPUS = [{"CPU": 60.0}]
TPU_HOSTS = [{"CPU": 96.0, "TPU": 8.0}] * 6


def demand(name, wanted, priority=0, held=0, **resources):
    return Demand(name, resources or {"CPU": 1.0}, wanted, held, priority)


def test_equal_searches_share_equally_and_the_first_gets_the_odd_slot():
    assert allot([{"CPU": 7.0}], [demand(n, 60) for n in "abc"]) == {"a": 3, "b": 2, "c": 2}


def test_what_one_cannot_use_goes_to_the_others():
    assert allot(CPUS, [demand("small", 4), demand("large", 100)]) == {"small": 4, "large": 56}


def test_a_priority_of_one_more_doubles_the_share_and_many_more_take_all():
    assert allot(CPUS, [demand("a", 60), demand("b", 60, priority=1)]) == {"a": 20, "b": 40}
    assert allot(CPUS, [demand("a", 60), demand("b", 60, priority=9)]) == {"a": 0, "b": 60}
    extremes = [demand("a", 60, priority=-(2**31)), demand("b", 10, priority=2**31)]
    assert allot(CPUS, extremes) == {"a": 50, "b": 10}


def test_trials_of_different_sizes_share_by_what_they_take():
    searches = [demand("whole", 9, TPU=8.0), demand("chip", 99, TPU=1.0)]
    assert allot(TPU_HOSTS, searches) == {"whole": 3, "chip": 24}


def test_searches_that_need_different_things_do_not_compete():
    hosts = [*TPU_HOSTS, {"CPU": 16.0, "GPU": 4.0}]
    searches = [demand("t", 9, TPU=8.0), demand("g", 9, GPU=1.0), demand("nowhere", 9, NPU=1.0)]
    assert allot(hosts, searches) == {"t": 6, "g": 4, "nowhere": 0}


def test_a_newcomer_waits_for_what_the_others_still_hold():
    old, new = demand("old", 60, held=60), demand("new", 60)
    assert allot(CPUS, [old, new]) == {"old": 30, "new": 0}
    assert allot(CPUS, [demand("old", 60, held=45), new]) == {"old": 30, "new": 15}
    assert allot(CPUS, [demand("old", 60, held=30), new]) == {"old": 30, "new": 30}


def fits(hosts, demands, slots):
    """Return whether so many slots of each fit at once, as far as totals tell."""
    totals = {name: sum(host.get(name, 0.0) for host in hosts) for name in ("CPU", "GPU", "TPU")}
    used = dict.fromkeys(totals, 0.0)
    for each in demands:
        for name, amount in each.resources.items():
            used[name] += amount * slots[each.name]
    return all(used[name] <= totals[name] + 1e-6 for name in totals)


def random_case(rng):
    kinds = [{"CPU": 8.0}, {"CPU": 16.0, "GPU": 4.0}, {"CPU": 96.0, "TPU": 8.0}]
    hosts = [rng.choice(kinds) for _ in range(rng.randint(1, 8))]
    sizes = [{"CPU": 1.0}, {"CPU": 0.5}, {"GPU": 1.0}, {"CPU": 2.0, "GPU": 1.0}]
    sizes += [{"TPU": float(n)} for n in (1, 2, 4, 8)]
    demands = [
        Demand(str(n), rng.choice(sizes), rng.randint(0, 30), 0, rng.randint(-3, 3))
        for n in range(rng.randint(0, 7))
    ]
    return hosts, demands


@pytest.mark.parametrize("seed", range(100))
def test_shares_fit_the_cluster_leave_nothing_unused_and_favour_nobody(seed):
    hosts, demands = random_case(random.Random(seed))
    slots = allot(hosts, demands)
    assert slots.keys() == {each.name for each in demands}
    assert fits(hosts, demands, slots)
    for each in demands:
        assert 0 <= slots[each.name] <= min(each.wanted, room(hosts, each.resources))
        more = {**slots, each.name: slots[each.name] + 1}
        alone = all(slots[other.name] == 0 for other in demands if other is not each)
        if alone and slots[each.name] < each.wanted:
            assert more[each.name] > room(hosts, each.resources)
        for other in demands:
            if other.resources == each.resources and each.wanted > slots[each.name]:
                # A search that wants more has at least its weight's part of an equal one's share.
                ratio = 2.0 ** (each.priority - other.priority)
                assert slots[each.name] + 1 >= math.floor(slots[other.name] * ratio)


@pytest.mark.parametrize("seed", range(100))
def test_shares_are_reached_step_by_step_without_ever_holding_more_than_there_is(seed):
    rng = random.Random(seed)
    hosts, first = random_case(rng)
    one_kind = first[0].resources if first else {"CPU": 1.0}
    before = [Demand(d.name, one_kind, d.wanted, 0, d.priority) for d in first]
    held = allot(hosts, before)
    after = [
        Demand(d.name, one_kind, rng.randint(0, 30), held[d.name], rng.randint(-3, 3))
        for d in before
    ]
    aim = allot(hosts, [Demand(d.name, one_kind, d.wanted, 0, d.priority) for d in after])
    for _ in range(200):
        now = [Demand(d.name, one_kind, d.wanted, held[d.name], d.priority) for d in after]
        allotted = allot(hosts, now)
        assert sum(max(allotted[n], held[n]) for n in held) <= max(
            room(hosts, one_kind), sum(held.values())
        )
        # A search begins at once what it may, and ends one trial at a time.
        held = {n: max(allotted[n], held[n] - 1) for n in held}
    assert held == aim


def test_trials_that_ask_for_nothing_fit_nowhere():
    assert room([{"CPU": 4.0}], {}) == 0
