"""TPE, the Tree-structured Parzen estimator, with the suggestions of `hyperopt.tpe.suggest`.

HyperOpt 0.3.0 rebuilds lists of documents for every suggestion, and splits them into good and bad
trials once for each metaparameter. Here each result is written once into arrays that grow, and the
split is made once a suggestion. The points are HyperOpt's to the last bit (Bergstra et al. 2011,
"Algorithms for hyper-parameter optimization"; Kunin et al. 2020, App. B.1).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from numpy.typing import NDArray

from alignsearch.search.documents import DEFAULT_PENDING, Observation, Pending, PendingPolicy
from alignsearch.search.samplers.densities import FORGETTING, Floats, Model, best_candidate, fit
from alignsearch.search.samplers.observations import check_observation
from alignsearch.search.samplers.pending import PENDING_POLICIES
from alignsearch.search.samplers.random_search import random_point, trial_seed
from alignsearch.spaces.space import SearchSpace

Rows = NDArray[np.intp]

GAMMA: float = hyperopt_tpe._default_gamma
MOST_GOOD = FORGETTING
"""Largest number of trials that count as good; HyperOpt takes its forgetting's length for it."""

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
        self._space = space
        self._seed = seed
        self._startup = max(1, startup)
        self._policy = PENDING_POLICIES[pending]
        self._tpe = Tpe(space)

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
        """Return the point of trial `tid`: HyperOpt's values by metaparameter."""
        seed = trial_seed(self._seed, tid)
        counted = self.seen + (len(pending) if self._policy.counts_towards_startup else 0)
        if counted < self._startup:
            return random_point(self._space, seed)
        losses = self._tpe.losses
        loss = self._policy.stand_in(losses[np.isfinite(losses)])
        if loss is None:
            return self._tpe.suggest((), seed)
        return self._tpe.suggest(pending, seed, pending_loss=loss)


class Tpe:
    """The results of a search's trials in arrays, and TPE's next point from them."""

    def __init__(self, space: SearchSpace) -> None:
        """Start without a result."""
        # HyperOpt draws in this order: `pyll.rec_eval` takes the last of a node's inputs first,
        # and the inputs of the node that holds all metaparameters are sorted by label.
        drawn = sorted(space.sampled, key=lambda each: each.name, reverse=True)
        self._space = space
        self._names = [each.name for each in drawn]
        self._priors = [each.distribution for each in drawn]
        self._size = 0
        self._tids = np.empty(FIRST_CAPACITY, np.int64)
        self._losses = np.empty(FIRST_CAPACITY)
        self._values = np.empty((len(drawn), FIRST_CAPACITY))
        self._told: set[int] = set()
        self._good_values: bytes | None = None
        self._good_models: list[Model] = []

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
        check_observation(observation, self._told, self._space.sampled_names)
        tid, loss = observation.tid, observation.loss
        self._put(self._size, [Pending(tid, observation.point)], math.inf if loss is None else loss)
        self._size += 1
        self._told.add(tid)

    def suggest(
        self, pending: Sequence[Pending], seed: int, *, pending_loss: float = math.inf
    ) -> dict[str, float | int]:
        """Return what `hyperopt.tpe.suggest` returns after its start-up, by metaparameter.

        Args:
            pending: trials that are still running.
            seed: random seed of this suggestion.
            pending_loss: the loss that running trials are ranked by. By default they rank with the
                trials that have none, as in HyperOpt.
        """
        if pending:
            self._put(self._size, pending, pending_loss)
        good, bad = self._split(self._size + len(pending))
        rng = np.random.default_rng(seed)
        models = zip(self._models_of_good(good), self._models(bad), strict=True)
        return {
            name: best_candidate(prior, *good_and_bad, rng)
            for name, prior, good_and_bad in zip(self._names, self._priors, models, strict=True)
        }

    def _put(self, row: int, trials: Sequence[Pending], loss: float) -> None:
        """Write trials that share one loss into the arrays, from `row` on."""
        end = row + len(trials)
        while end > len(self._tids):
            self._tids = np.concatenate([self._tids, np.empty_like(self._tids)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
            self._values = np.concatenate([self._values, np.empty_like(self._values)], axis=1)
        self._tids[row:end] = [trial.tid for trial in trials]
        self._losses[row:end] = loss
        points = [[trial.point[name] for name in self._names] for trial in trials]
        self._values[:, row:end] = np.array(points).T

    def _models(self, rows: Rows) -> Iterator[Model]:
        """The density of each metaparameter among these trials."""
        for prior, values in zip(self._priors, self._values, strict=True):
            yield fit(prior, values[rows])

    def _models_of_good(self, good: Rows) -> list[Model]:
        """The densities among the good trials, cached: most suggestions share them."""
        values = self._values[:, good].tobytes()
        if values != self._good_values:
            self._good_models = list(self._models(good))
            self._good_values = values
        return self._good_models

    def _split(self, size: int) -> tuple[Rows, Rows]:
        """The rows of good and of bad trials, each by trial number, as forgetting needs them.

        After `hyperopt.tpe.ap_split_trials`. Its sort is not stable: for tied losses to fall on
        the same side, it must see the same array.
        """
        by_tid = np.argsort(self._tids[:size])
        by_loss = np.argsort(self._losses[by_tid])
        below = min(math.ceil(GAMMA * math.sqrt(size)), MOST_GOOD)
        good = np.zeros(size, bool)
        good[by_loss[:below]] = True
        return by_tid[good], by_tid[~good]
