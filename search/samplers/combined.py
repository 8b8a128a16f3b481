"""TPE by independent and by joint densities combined, for many trials at once.

TPE prefers points that are likelier among good trials than among bad ones (Bergstra et al. 2011,
"Algorithms for hyper-parameter optimization"). With a density for each dimension, as in HyperOpt,
it learns soon where each dimension is good by itself; with one joint density it learns which values
go together (Falkner et al. 2018, "BOHB"). Here a point's score is the product of both ratios. The
independent densities are as narrow as the good trials lie close; the joint one is wider.

Trials that are still running are left out of the densities: ranked as bad, as HyperOpt does, sixty
of them keep the search away from where it is best. No point is suggested twice instead, as long as
there is another one.
"""

import math
from bisect import insort
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from alignsearch.search.documents import Observation, Pending, Point, Prior
from alignsearch.search.samplers.axes import axis_of
from alignsearch.search.samplers.densities import Densities, Kinds, Scales
from alignsearch.search.samplers.fading_prior import FadingPrior
from alignsearch.search.samplers.observations import Told
from alignsearch.search.samplers.random_search import random_point, trial_seed
from alignsearch.search.samplers.several import Best
from alignsearch.spaces.space import SearchSpace

Floats = NDArray[np.float64]
Key = frozenset[tuple[str, float | int]]

GOOD = 0.1
"""Good trials as a share of all, as in Optuna."""
FEWEST_GOOD, MOST_GOOD = 2, 25

ONE_SCALE: Scales = (1.0,)
FINE: Scales = (1.0, 0.3)
"""Multiples of the bandwidths once a search has learnt from results many times over."""

GENERATIONS = 8
"""Results a slot from which on a search looks at fine scales, too. Before, sixty trials at once
would crowd around the few good ones that are known."""

CANDIDATES = 24
"""Points that are drawn from the good trials' densities, of which the best is suggested, as in
HyperOpt."""

EXPECTED = 8
"""Points that are drawn from a search's prior beside these, if it has one."""

MOST_BAD = 200
"""Bad trials that are looked at; of more, so many are drawn at random. The cost of a suggestion
stays the same from then on."""

TRIES = 20
"""Random points that are drawn for one that no trial has."""


class CombinedSampler(Told):
    """Suggests random points during the start-up, and afterwards by both densities."""

    def __init__(
        self, space: SearchSpace, *, seed: int, startup: int, prior: Prior | None = None
    ) -> None:
        """Start without a result; the first point is random even if `startup` is 0.

        With a prior, the first points are the prior's likeliest ones.
        """
        super().__init__(space)
        self._seed = seed
        self._startup = max(1, startup)
        distributions = {each.name: each.distribution for each in space.sampled}
        self._at = {each.label: at for at, each in enumerate(self._dimensions)}
        self._axes = [axis_of(distributions[each.label]) for each in self._dimensions]
        self._kinds = Kinds(self._axes)
        axes = dict(zip(self._at, self._axes, strict=True))
        self._prior = None if prior is None else FadingPrior(prior, distributions, axes)
        self._best = Best(MOST_GOOD)
        self._tids: list[int] = []
        self._positions: dict[int, Floats] = {}
        self._points: set[Key] = set()

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial; without a loss it ranks as the worst.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        super().tell(observation)
        tid, point = observation.tid, observation.point
        self._best.add(observation)
        insort(self._tids, tid)
        self._positions[tid] = self._placed(point)
        active = (each.label for each in self._dimensions if each.is_active(point))
        self._points.add(_key({label: point[label] for label in active}))

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the point of trial `tid`: HyperOpt's values by active dimension."""
        rng = np.random.default_rng(trial_seed(self._seed, tid))
        taken = {_key(each.point) for each in pending}
        if self.seen < self._startup:
            return self._started(tid, rng, taken)
        scales = FINE if self.seen >= GENERATIONS * (len(pending) + 1) else ONE_SCALE
        good, bad = (Densities(self._kinds, each, scales) for each in self._split(rng))
        drawn = good.draw(CANDIDATES, rng)
        if self._prior is not None:
            drawn = np.concatenate([drawn, self._prior.draw(EXPECTED, rng)])
        placed = self._active(drawn)
        scores = good.score(placed) - bad.score(placed)
        if self._prior is not None:
            scores += self._prior.weights(placed, self.seen)
        for at in np.argsort(-scores, kind="stable"):
            point = self._point(placed[at])
            if self._is_new(point, taken):
                return point
        return self._fresh(rng, taken)

    def _started(
        self, tid: int, rng: np.random.Generator, taken: set[Key]
    ) -> dict[str, float | int]:
        """A point of the start-up: random, or with a prior one of the prior's."""
        if self._prior is None:
            return self._fresh(rng, taken)
        points: Iterable[dict[str, float | int]] = map(
            self._point, self._active(self._prior.draw(TRIES, rng))
        )
        first = self._prior.first(tid, rng)
        if first is not None:
            placed, values = first
            # Positions are rounded: a point that somebody gave is tried as it was given.
            point = self._point(self._active(placed)[0])
            points = chain([{label: values.get(label, point[label]) for label in point}], points)
        for point in points:
            if self._is_new(point, taken):
                return point
        return self._fresh(rng, taken)

    def _placed(self, point: Point) -> Floats:
        """The point's positions by dimension, NaN where it has none."""
        placed = np.full(len(self._dimensions), math.nan)
        for at, (dimension, axis) in enumerate(zip(self._dimensions, self._axes, strict=True)):
            if dimension.is_active(point):
                placed[at] = axis.positions(np.array([float(point[dimension.label])]))[0]
        return placed

    def _active(self, placed: Floats) -> Floats:
        """The positions of the dimensions that each point's choices allow, NaN for the others."""
        for at, dimension in enumerate(self._dimensions):
            if dimension.gates:
                active = np.zeros(len(placed), bool)
                for choice, option in dimension.gates:
                    active |= placed[:, self._at[choice]] == option
                placed[~active, at] = math.nan
        return placed

    def _point(self, placed: Floats) -> dict[str, float | int]:
        """The point at these positions, with values of the types that HyperOpt's have."""
        return {
            dimension.label: axis.value(position)
            for dimension, axis, position in zip(self._dimensions, self._axes, placed, strict=True)
            if not math.isnan(position)
        }

    def _is_new(self, point: Point, taken: set[Key]) -> bool:
        key = _key(point)
        return key not in self._points and key not in taken

    def _fresh(self, rng: np.random.Generator, taken: set[Key]) -> dict[str, float | int]:
        """A random point, one that no trial has if some draws find one."""
        for _ in range(TRIES):
            point = random_point(self._dimensions, rng)
            if self._is_new(point, taken):
                break
        return point

    def _split(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """The positions of good and of bad trials, whatever the order in which they were told."""
        number = min(max(math.ceil(GOOD * self.seen), FEWEST_GOOD), MOST_GOOD)
        good = self._best.first(number)
        looked_at = min(self.seen, MOST_BAD + len(good))
        others = rng.choice(self.seen, looked_at, replace=False) if self.seen > looked_at else None
        tids = self._tids if others is None else [self._tids[at] for at in others]
        bad = [tid for tid in tids if tid not in set(good)][:MOST_BAD]
        return self._rows(good), self._rows(bad)

    def _rows(self, tids: Sequence[int]) -> Floats:
        """The positions of some trials, shape `[trials, dimensions]`."""
        positions = np.array([self._positions[tid] for tid in tids])
        return positions.reshape(-1, len(self._dimensions))


def _key(point: Point) -> Key:
    """The active dimensions and their values, of which equal ones are equal as keys."""
    return frozenset(point.items())
