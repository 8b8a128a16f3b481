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
from collections.abc import Sequence

import numpy as np

from alignsearch.search.documents import Observation
from alignsearch.search.documents.front import Losses, front


class Best:
    """The results that can be among the first ones of that order, of all that were added.

    A result with as many others surely before it as are asked for is dropped: more only join them.
    So the cost of adding one doesn't grow with the number of results, as long as few are equally
    good.
    """

    def __init__(self, most: int) -> None:
        """Keep what is needed to know the first `most`."""
        self._most = most
        self._results: dict[int, Observation] = {}
        self._before: dict[int, int] = {}

    def add(self, result: Observation) -> None:
        """Add a result."""
        before = 0
        for tid, other in [*self._results.items()]:
            before += _precedes(other, result)
            if _precedes(result, other):
                self._before[tid] += 1
                if self._before[tid] >= self._most:
                    del self._results[tid], self._before[tid]
        if before < self._most:
            self._results[result.tid], self._before[result.tid] = result, before

    def first(self, number: int) -> list[int]:
        """Return the numbers of the first trials, at most `most`, the best first."""
        tids = sorted(self._results)
        known = [tid for tid in tids if self._results[tid].loss is not None]
        kept = [tid for tid in known if not self._results[tid].violation]
        if all(len(self._results[tid].losses) < 2 for tid in kept):
            ordered = sorted(kept, key=lambda tid: _losses(self._results[tid]))
        else:
            ordered = self._by_fronts(kept, number)
        broken = [tid for tid in known if self._results[tid].violation]
        broken.sort(key=lambda tid: _violation_first(self._results[tid]))
        lost = [tid for tid in tids if self._results[tid].loss is None]
        return [*ordered, *broken, *lost][:number]

    def _by_fronts(self, kept: list[int], number: int) -> list[int]:
        ordered: list[int] = []
        while kept and len(ordered) < number:
            losses = [_losses(self._results[tid]) for tid in kept]
            places = front(losses)
            ordered += [kept[places[at]] for at in _spread_first([losses[at] for at in places])]
            chosen = set(places)
            kept = [tid for at, tid in enumerate(kept) if at not in chosen]
        return ordered


def _precedes(one: Observation, other: Observation) -> bool:
    """Return whether a result comes before another one, whatever the others are."""
    if one.loss is None or other.loss is None:
        if one.loss is other.loss is None:
            return one.tid < other.tid
        return other.loss is None
    if one.violation or other.violation:
        if not (one.violation and other.violation):
            return not one.violation
        return (*_violation_first(one), one.tid) < (*_violation_first(other), other.tid)
    mine, theirs = _losses(one), _losses(other)
    if len(mine) == 1:
        return (mine, one.tid) < (theirs, other.tid)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def _violation_first(result: Observation) -> tuple[float, Losses]:
    return result.violation, _losses(result)


def crowding(losses: Sequence[Losses]) -> list[float]:
    """Return the crowding distance of each point of a front; infinite at its ends.

    It is the sum over the metrics of the distance between a point's two neighbours, as a share of
    the front's extent. Equal points count once: a copy has the distance 0.
    """
    # Halves, because the extent from -1e308 to 1e308 is beyond all floats.
    points = np.array(sorted(set(losses))) / 2
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        sorted_column = column[order]
        extent = sorted_column[-1] - sorted_column[0]
        distance[order[[0, -1]]] = math.inf
        if extent > 0 and math.isfinite(extent):
            distance[order[1:-1]] += (sorted_column[2:] - sorted_column[:-2]) / extent
    of = dict(zip(sorted(set(losses)), distance.tolist(), strict=True))
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
