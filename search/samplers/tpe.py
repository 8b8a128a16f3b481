"""TPE, the Tree-structured Parzen estimator, with the suggestions of `hyperopt.tpe.suggest`.

HyperOpt 0.3.0 rebuilds lists of documents for every suggestion, and splits them into good and bad
trials once for each metaparameter. Here each result is written once into arrays that grow, and the
split is made once a suggestion. The points are HyperOpt's to the last bit (Bergstra et al. 2011,
"Algorithms for hyper-parameter optimization"; Kunin et al. 2020, App. B.1).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignsearch.search.documents import DEFAULT_PENDING, Observation, Pending, PendingPolicy
from alignsearch.search.samplers.dimensions import Dimension, dimensions_of
from alignsearch.search.samplers.observations import check_observation
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.random_search import random_point, trial_seed
from alignsearch.search.samplers.settings import DEFAULT_SETTINGS, FORGETTING, TpeSettings
from alignsearch.spaces.space import SearchSpace

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

FIRST_CAPACITY = 256
"""Rows of the arrays at first; a search of 300 trials doubles them once."""


class TpeSampler:
    """Suggests random points during the start-up, and TPE's points after it.

    A trial without a loss ranks as the worst. The pending policy says how trials rank that are
    still running, and whether they count towards the start-up.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int,
        startup: int,
        pending: PendingPolicy = DEFAULT_PENDING,
    ) -> None:
        """Start without a result; the first point is random even if `startup` is 0."""
        self._seed = seed
        self._startup = max(1, startup)
        self._policy = PENDING_POLICIES[pending]
        self._dimensions = dimensions_of(space)
        self._tpe = Tpe(self._dimensions)

    @property
    def seen(self) -> int:
        """Number of results told so far."""
        return len(self._tpe)

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        self._tpe.tell(observation)

    def suggest(self, tid: int, pending: Sequence[Pending]) -> dict[str, float | int]:
        """Return the point of trial `tid`: HyperOpt's values by active dimension."""
        seed = trial_seed(self._seed, tid)
        counted = self.seen + (len(pending) if self._policy.counts_towards_startup else 0)
        if counted < self._startup:
            return random_point(self._dimensions, np.random.default_rng(seed))
        losses = self._tpe.losses
        loss = self._policy.stand_in(losses[np.isfinite(losses)])
        if loss is None:
            return self._tpe.suggest((), seed)
        return self._tpe.suggest(pending, seed, pending_loss=loss)


class Tpe:
    """The results of a search's trials in arrays, and TPE's next point from them.

    A dimension's values stand in a row of one array, NaN where the trial's point has none, because
    the trial's choices don't lead to the dimension.
    """

    def __init__(
        self, dimensions: Sequence[Dimension], settings: TpeSettings = DEFAULT_SETTINGS
    ) -> None:
        """Start without a result.

        Args:
            dimensions: the space's dimensions in the order of drawing.
            settings: HyperOpt's numbers, or others.
        """
        self._dimensions = tuple(dimensions)
        self._labels = [each.label for each in dimensions]
        self._settings = settings
        self._size = 0
        self._tids = np.empty(FIRST_CAPACITY, np.int64)
        self._losses = np.empty(FIRST_CAPACITY)
        self._values = np.empty((len(dimensions), FIRST_CAPACITY))
        # Dimensions that some trial's point had no value of.
        self._sparse = np.zeros(len(dimensions), bool)
        self._told: set[int] = set()
        self._good_values: bytes | None = None
        self._good_models: dict[int, Any] = {}

    def __len__(self) -> int:
        """Number of results told so far."""
        return self._size

    @property
    def losses(self) -> Floats:
        """Losses in the order of telling, shape `[results]`; infinite where a trial has none."""
        return self._losses[: self._size]

    def tell(self, observation: Observation) -> None:
        """Record the result of a finished trial; without a loss it ranks as the worst.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        check_observation(observation, self._told, self._dimensions)
        self.tell_unchecked(observation)

    def tell_unchecked(self, observation: Observation) -> None:
        """Record the result of a finished trial as it is.

        A dimension without a number counts as inactive, and a number counts even if the point's
        choices don't lead to its dimension: `hyperopt.tpe.suggest` looks at no more.
        """
        tid, loss = observation.tid, observation.loss
        self._put(self._size, [Pending(tid, observation.point)], math.inf if loss is None else loss)
        self._size += 1
        self._told.add(tid)

    def suggest(
        self, pending: Sequence[Pending], seed: int, *, pending_loss: float = math.inf
    ) -> dict[str, float | int]:
        """Return what `hyperopt.tpe.suggest` returns after its start-up, by active dimension.

        Args:
            pending: trials that are still running.
            seed: random seed of this suggestion.
            pending_loss: the loss that running trials are ranked by. By default they rank with the
                trials that have none, as in HyperOpt.
        """
        if pending:
            self._put(self._size, pending, pending_loss)
        good, bad = self._split(self._size + len(pending))
        self._forget_other_good(good)
        rng = np.random.default_rng(seed)
        point: dict[str, float | int] = {}
        # An option of probability 0, and a number so rare that its density is 0, have the logarithm
        # of minus infinity.
        with np.errstate(all="ignore"):
            for row, dimension in enumerate(self._dimensions):
                if dimension.is_active(point):
                    if row not in self._good_models:
                        self._good_models[row] = self._model(row, good)
                    point[dimension.label] = dimension.prior.best(
                        self._good_models[row], self._model(row, bad), self._settings, rng
                    )
        return point

    def _put(self, row: int, trials: Sequence[Pending], loss: float) -> None:
        """Write trials that share one loss into the arrays, from `row` on."""
        end = row + len(trials)
        while end > len(self._tids):
            self._tids = np.concatenate([self._tids, np.empty_like(self._tids)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
            self._values = np.concatenate([self._values, np.empty_like(self._values)], axis=1)
        self._tids[row:end] = [trial.tid for trial in trials]
        self._losses[row:end] = loss
        labels = self._labels
        points = [[trial.point.get(label) for label in labels] for trial in trials]
        values = np.array(points, np.float64).T
        self._values[:, row:end] = values
        self._sparse |= np.isnan(values).any(axis=1)

    def _model(self, row: int, trials: Rows) -> Any:
        """The model of a dimension among those of these trials that have a value of it."""
        values = self._values[row, trials]
        if self._sparse[row]:
            values = values[~np.isnan(values)]
        return self._dimensions[row].prior.fit(values, self._settings)

    def _forget_other_good(self, good: Rows) -> None:
        """Drop the cached models unless they are of the same good trials, as in most suggestions."""
        values = self._values[:, good].tobytes()
        if values != self._good_values:
            self._good_models = {}
            self._good_values = values

    def _split(self, size: int) -> tuple[Rows, Rows]:
        """The rows of good and of bad trials, each by trial number, as forgetting needs them.

        After `hyperopt.tpe.ap_split_trials`. Its sort is not stable: for tied losses to fall on
        the same side, it must see the same array.
        """
        by_tid = np.argsort(self._tids[:size])
        by_loss = np.argsort(self._losses[by_tid])
        below = min(math.ceil(self._settings.gamma * math.sqrt(size)), FORGETTING)
        good = np.zeros(size, bool)
        good[by_loss[:below]] = True
        return by_tid[good], by_tid[~good]
