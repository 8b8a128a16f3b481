"""The order of results in a search of several metrics or with constraints, the best first.

Results that keep all constraints come first, by their rank: the front of all, then the front of the
others, and so on. Within a rank, results come first whose neighbours on the front are far. Then
come those that break constraints, the least violation first (constrained domination, non-dominated
sorting and crowding distance of Deb et al. 2002, "A fast and elitist multiobjective genetic
algorithm: NSGA-II"). TPE takes the first of this order as its good trials, as in Ozaki et al. 2020,
"Multiobjective tree-structured Parzen estimator for computationally expensive optimization
problems", which breaks ties by hypervolume instead.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from alignsearch.search.documents import Observation
from alignsearch.search.documents.front import Losses, front


def best_first(results: Mapping[int, Observation], number: int) -> list[int]:
    """Return the numbers of trials, the best first.

    Args:
        results: observations by trial number. One without a loss ranks as the worst.
        number: how many of the order are of use: the others are in no order among themselves, as
            far as they keep the constraints.
    """
    tids = sorted(results)
    known = [tid for tid in tids if results[tid].loss is not None]
    kept = [tid for tid in known if not results[tid].violation]
    ordered: list[int] = []
    while kept and len(ordered) < number:
        losses = [_losses(results[tid]) for tid in kept]
        places = front(losses)
        ordered += [kept[places[at]] for at in _spread_first([losses[at] for at in places])]
        chosen = set(places)
        kept = [tid for at, tid in enumerate(kept) if at not in chosen]
    broken = [tid for tid in known if results[tid].violation]
    broken.sort(key=lambda tid: (results[tid].violation, _losses(results[tid])))
    lost = [tid for tid in tids if results[tid].loss is None]
    return [*ordered, *kept, *broken, *lost]


def crowding(losses: Sequence[Losses]) -> list[float]:
    """Return the crowding distance of each point of a front; infinite at its ends.

    It is the sum over the metrics of the distance between a point's two neighbours, as a share of
    the front's extent. Equal points count once: a copy has the distance 0.
    """
    points = np.array(sorted(set(losses)))
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        sorted_column = column[order]
        extent = sorted_column[-1] - sorted_column[0]
        distance[order[[0, -1]]] = math.inf
        if extent > 0 and math.isfinite(extent):
            distance[order[1:-1]] += (sorted_column[2:] - sorted_column[:-2]) / extent
    of = dict(zip(map(tuple, points.tolist()), distance.tolist(), strict=True))
    return [of.pop(each, 0.0) for each in losses]


def _spread_first(losses: Sequence[Losses]) -> list[int]:
    """Return the places of a front's points, the least crowded first."""
    if len(losses[0]) == 1:
        return list(range(len(losses)))
    distances = crowding(losses)
    return sorted(range(len(losses)), key=lambda at: -distances[at])


def _losses(result: Observation) -> Losses:
    assert result.loss is not None
    return result.losses or (result.loss,)
