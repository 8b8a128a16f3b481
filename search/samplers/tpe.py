"""TPE, the Tree-structured Parzen estimator, with the suggestions of `hyperopt.tpe.suggest`.

HyperOpt 0.3.0 rebuilds lists of documents for every suggestion, and splits them into good and bad
trials once for each metaparameter. Here each trial is written once into arrays that grow, and the
split is made once a suggestion. The points are HyperOpt's to the last bit (Bergstra et al. 2011,
"Algorithms for hyper-parameter optimization"; Kunin et al. 2020, App. B.1): where an estimate of
the bad trials' density leaves a doubt which candidate is the best one, HyperOpt's own decides.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignsearch.search.documents import (
    DEFAULT_PENDING,
    Observation,
    Pending,
    PendingPolicy,
    Point,
)
from alignsearch.search.samplers.categorical import CategoricalPrior, forgetting
from alignsearch.search.samplers.dimensions import Dimension, dimensions_of
from alignsearch.search.samplers.gaussian import GaussianPrior
from alignsearch.search.samplers.observations import check_observation
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.random_search import random_point, trial_seed
from alignsearch.search.samplers.settings import DEFAULT_SETTINGS, FORGETTING, TpeSettings
from alignsearch.search.samplers.sorted_column import SortedColumn, doubled
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
    """The trials of a search in arrays, and TPE's next point from them.

    Each trial has a row from when it is first seen, running or finished. A dimension's values stand
    in a row of one array, NaN where the trial's point has none, because the trial's choices don't
    lead to the dimension.
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
        self._rows: dict[int, tuple[int, Point]] = {}
        self._tids = np.empty(FIRST_CAPACITY, np.int64)
        self._losses = np.empty(FIRST_CAPACITY)
        self._is_told = np.zeros(FIRST_CAPACITY, bool)
        self._values = np.empty((len(dimensions), FIRST_CAPACITY))
        # Dimensions that some trial's point had no value of.
        self._sparse = np.zeros(len(dimensions), bool)
        self._choices = {
            at: each.prior
            for at, each in enumerate(dimensions)
            if isinstance(each.prior, CategoricalPrior)
        }
        self._options = {at: np.zeros(FIRST_CAPACITY, np.int64) for at in self._choices}
        self._columns = {
            at: (SortedColumn(), each.prior)
            for at, each in enumerate(dimensions)
            if isinstance(each.prior, GaussianPrior) and each.prior.q is None
        }
        self._in_order = True
        """True if the rows of the last suggestion are in the order of trial numbers."""
        self._told: set[int] = set()
        self._told_losses = np.empty(FIRST_CAPACITY)
        self._good_values: bytes | None = None
        self._good_models: dict[int, Any] = {}

    def __len__(self) -> int:
        """Number of results told so far."""
        return len(self._told)

    @property
    def losses(self) -> Floats:
        """Losses in the order of telling, shape `[results]`; infinite where a trial has none."""
        return self._told_losses[: len(self._told)]

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
        loss = math.inf if observation.loss is None else observation.loss
        row = self._row(observation.tid, observation.point)
        self._losses[row] = loss
        self._is_told[row] = True
        if len(self) == len(self._told_losses):
            self._told_losses = doubled(self._told_losses)
        self._told_losses[len(self)] = loss
        self._told.add(observation.tid)

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
        good, bad = self._split(self._counted(pending, pending_loss))
        self._forget_other_good(good)
        weights = np.zeros(self._size)
        weights[bad] = forgetting(len(bad))
        rng = np.random.default_rng(seed)
        point: dict[str, float | int] = {}
        # An option of probability 0, and a number so rare that its density is 0, have the logarithm
        # of minus infinity.
        with np.errstate(all="ignore"):
            for row, dimension in enumerate(self._dimensions):
                if not dimension.is_active(point):
                    continue
                if row not in self._good_models:
                    self._good_models[row] = self._model(row, good)
                found = None
                if row in self._columns:
                    found = self._estimated(row, weights, bad, rng)
                if found is None:
                    others = self._others(row, weights, bad)
                    found = dimension.prior.best(
                        self._good_models[row], others, self._settings, rng
                    )
                point[dimension.label] = found
        return point

    def _row(self, tid: int, point: Point) -> int:
        """Return the row of a trial, which gets one when it is first seen."""
        known = self._rows.get(tid)
        if known is not None and (known[1] is point or known[1] == point):
            return known[0]
        row = self._size
        if row == len(self._tids):
            self._tids, self._losses = doubled(self._tids), doubled(self._losses)
            self._is_told, self._values = doubled(self._is_told), doubled(self._values)
            self._options = {at: doubled(options) for at, options in self._options.items()}
        values = np.array([point.get(label) for label in self._labels], np.float64)
        self._rows[tid] = row, point
        self._tids[row] = tid
        self._values[:, row] = values
        lacking = np.isnan(values)
        self._sparse |= lacking
        for at, (column, prior) in self._columns.items():
            if not lacking[at]:
                column.add(prior.placed(values[at]), row)
        for at, options in self._options.items():
            if not lacking[at]:
                options[row] = values[at] - self._choices[at].first
        self._size += 1
        return row

    def _counted(self, pending: Sequence[Pending], loss: float) -> Rows:
        """The rows of finished trials and of those that run, by trial number.

        loss: what running trials are ranked by.
        """
        running = [self._row(each.tid, each.point) for each in pending]
        counted = self._is_told[: self._size].copy()
        self._losses[running] = loss
        counted[running] = True
        rows = np.flatnonzero(counted)
        tids = self._tids[rows]
        self._in_order = bool((tids[1:] > tids[:-1]).all())
        if self._in_order:
            return rows
        by_tid: Rows = rows[tids.argsort(kind="stable")]
        return by_tid

    def _estimated(
        self, row: int, weights: Floats, bad: Rows, rng: np.random.Generator
    ) -> float | None:
        """The next number of a dimension, by an estimate of the bad trials' density.

        weights: what the bad trials weigh, by row. None where there is no estimate.
        """
        column, prior = self._columns[row]
        if not column.is_finite:
            return None
        if self._sparse[row]:
            having = bad[~np.isnan(self._values[row, bad])]
            weights = np.zeros(self._size)
            weights[having] = forgetting(len(having))
        estimate = column.components(
            weights, prior.mean, prior.deviation, self._settings.prior_weight
        )
        if estimate is None:
            return None
        return prior.best_by(
            estimate, self._good_models[row], lambda: self._model(row, bad), self._settings, rng
        )

    def _others(self, row: int, weights: Floats, bad: Rows) -> Any:
        """The model of a dimension among the bad trials, which have these weights by row."""
        if row not in self._options or self._sparse[row] or not self._in_order:
            return self._model(row, bad)
        options = self._options[row][: self._size]
        return self._choices[row].fit_weighted(options, weights, self._settings)

    def _model(self, row: int, trials: Rows) -> Any:
        """The model of a dimension among those of these trials that have a value of it."""
        values = self._values[row, trials]
        if self._sparse[row]:
            values = values[~np.isnan(values)]
        return self._dimensions[row].prior.fit(values, self._settings)

    def _forget_other_good(self, good: Rows) -> None:
        """Drop the cached models, unless they are of the same good trials, as mostly."""
        values = self._values[:, good].tobytes()
        if values != self._good_values:
            self._good_models = {}
            self._good_values = values

    def _split(self, by_tid: Rows) -> tuple[Rows, Rows]:
        """The rows of good and of bad trials, each by trial number, as forgetting needs them.

        After `hyperopt.tpe.ap_split_trials`. Its sort is not stable: where losses are tied at the
        border, the same array must be sorted for the same of them to be good.
        """
        size, losses = len(by_tid), self._losses[by_tid]
        below = min(math.ceil(self._settings.gamma * math.sqrt(size)), FORGETTING)
        good = np.zeros(size, bool)
        border = np.partition(losses, (below - 1, below)) if 0 < below < size else None
        if border is not None and border[below - 1] < border[below]:
            good = losses <= border[below - 1]
        else:
            good[losses.argsort()[:below]] = True
        return by_tid[good], by_tid[~good]
