"""The order of results by several metrics and constraints, and the sampler that follows it."""

import math

import numpy as np
import pytest

from alignsearch.search.documents import Observation
from alignsearch.search.documents.front import front
from alignsearch.search.samplers.sampler import SAMPLERS, make_sampler
from alignsearch.search.samplers.several import Best, crowding
from alignsearch.spaces.hyperopt_space import from_hyperopt


def seen(*losses, violations=None):
    violations = violations or [0.0] * len(losses)
    return {
        tid: Observation(tid, {}, None if each is None else each[0], each or (), violation)
        for tid, (each, violation) in enumerate(zip(losses, violations, strict=True))
    }


def best_first(results, number, most=None):
    best = Best(most or len(results))
    for result in results.values():
        best.add(result)
    return best.first(number)


def ranks_by_definition(losses):
    """How many fronts are taken away before a point is on one (Deb et al. 2002)."""
    left, ranks, rank = set(range(len(losses))), {}, 0
    while left:
        top = {
            at
            for at in left
            if not any(
                all(losses[other][m] <= losses[at][m] for m in range(len(losses[at])))
                and losses[other] != losses[at]
                for other in left
            )
        }
        ranks |= dict.fromkeys(top, rank)
        left -= top
        rank += 1
    return ranks


@pytest.mark.parametrize("metrics", [1, 2, 3])
def test_results_come_by_the_front_that_they_are_on(metrics):
    rng = np.random.default_rng(metrics)
    losses = [tuple(each) for each in (rng.integers(8, size=(50, metrics)) / 3).tolist()]
    ranks = ranks_by_definition(losses)
    order = best_first(seen(*losses), len(losses))
    assert sorted(order) == list(range(50))
    assert [ranks[tid] for tid in order] == sorted(ranks.values())


def test_only_as_many_are_ordered_as_are_of_use():
    assert best_first(seen((3.0, 3.0), (1.0, 1.0), (2.0, 2.0), (4.0, 4.0)), 1) == [1]


@pytest.mark.parametrize("metrics", [1, 2])
def test_the_first_are_the_same_whatever_was_dropped_and_in_any_order_of_adding(metrics):
    rng = np.random.default_rng(7)
    losses = [tuple(each) for each in rng.random((300, metrics)).tolist()]
    losses = [None if rng.random() < 0.1 else each for each in losses]
    violations = [max(0.0, each) for each in rng.uniform(-1, 1, 300)]
    results = seen(*losses, violations=violations)
    shuffled = {tid: results[tid] for tid in rng.permutation(300).tolist()}
    # On the first front, whose order is by crowding, nothing is ever dropped.
    most = len(front([each for each, v in zip(losses, violations, strict=True) if each and not v]))
    whole = best_first(results, most)
    assert best_first(results, most, most=most) == whole
    assert best_first(shuffled, most, most=most) == whole


def test_what_breaks_constraints_comes_after_all_others_the_nearest_first_and_failures_last():
    losses = [(0.0, 0.0), (9.0, 9.0), None, (1.0, 1.0)]
    assert best_first(seen(*losses, violations=[0.5, 0.0, 0.0, 0.1]), 4) == [1, 3, 0, 2]


def test_one_metric_with_constraints_is_ordered_by_its_loss():
    losses = [(3.0,), (1.0,), (2.0,), (0.0,)]
    assert best_first(seen(*losses, violations=[0, 0, 0, 1e-9]), 4) == [1, 2, 0, 3]


def test_the_crowding_distance_is_that_of_the_paper():
    # Five points on a line: the ends are infinite, and each point between them has
    # (next - previous) / extent, summed over two metrics.
    points = [(0.0, 10.0), (1.0, 9.0), (2.0, 8.0), (6.0, 4.0), (10.0, 0.0)]
    assert crowding(points) == pytest.approx([math.inf, 0.4, 1.0, 1.6, math.inf])


def test_a_front_between_the_largest_floats_has_distances_too():
    ends, middle = (-1.7e308, 1.7e308), (0.0, 0.0)
    assert crowding([ends, middle, ends[::-1]]) == [math.inf, 2.0, math.inf]


def test_a_copy_of_a_point_is_as_crowded_as_can_be():
    assert crowding([(0.0, 1.0), (0.0, 1.0), (1.0, 0.0)]) == [math.inf, 0.0, math.inf]


def _space():
    from hyperopt import hp

    return from_hyperopt({"x": hp.uniform("x", 0, 1), "y": hp.uniform("y", 0, 1)}, name="plane")


def searched(losses_of, algo, trials=80, violation_of=lambda point: 0.0):
    sampler = make_sampler(algo, _space(), seed=0, startup=15)
    found = []
    for tid in range(trials):
        point = sampler.suggest(tid, ())
        losses = losses_of(point)
        found.append(point)
        several = losses if len(losses) > 1 else ()
        sampler.tell(Observation(tid, point, losses[0], several, violation_of(point)))
    return found


def test_a_front_is_found_along_its_whole_length():
    # The front is the line from one optimum to the other, y = 0.3.
    def losses(point):
        off = abs(point["y"] - 0.3)
        return (abs(point["x"] - 0.2) + off, abs(point["x"] - 0.8) + off)

    late = searched(losses, "combined")[40:]
    by_chance = searched(losses, "random")[40:]
    away, chance = (np.median([abs(p["y"] - 0.3) for p in each]) for each in (late, by_chance))
    assert away < chance / 2
    near = [point["x"] for point in late if abs(point["y"] - 0.3) < 0.1]
    assert min(near) < 0.35
    assert max(near) > 0.65


def test_the_search_gathers_at_the_bound_of_a_constraint_that_keeps_it_from_the_best():
    def violation(point):
        return max(0.0, point["x"] - 0.4)

    # The loss alone would lead to x = 1.
    late = searched(lambda p: (-p["x"],), "combined", violation_of=violation)[40:]
    # The constraint ignored, it would be near 0.6; by chance it is 0.25.
    assert np.median([abs(point["x"] - 0.4) for point in late]) < 0.18
    assert max(p["x"] for p in late if violation(p) == 0) > 0.35


def test_the_table_says_which_samplers_serve_several_metrics():
    assert SAMPLERS["combined"].serves_several
    # HyperOpt's to the bit, and HyperOpt knows one loss.
    assert not SAMPLERS["tpe"].serves_several
