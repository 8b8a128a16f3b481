"""TPE's suggestions, those of `hyperopt.tpe.suggest` of HyperOpt 0.3.0, from arrays that grow.

HyperOpt rebuilds lists of documents for every suggestion, and splits them into good and bad
trials once a metaparameter. Here a result is taken in once, and the split is made once. All that
is numerical stays HyperOpt's: its Parzen estimators, its samplers and densities are called on the
same numbers in the order in which its graph would draw, so that the same seed gives the same point
to the last bit (Bergstra et al., 2011; Kunin et al. 2020, App. B.1).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from hyperopt.pyll import scope
from hyperopt.pyll.stochastic import categorical
from numpy.typing import NDArray

from alignsearch.search.documents import Pending, Point
from alignsearch.spaces.space import Choice, LogUniform, SearchSpace, Uniform

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
Mixture = tuple[Floats, Floats, Floats]
"""Weights, means and deviations of Gaussians."""
Model = Mixture | Floats
"""What trials say of a metaparameter: a mixture, of logarithms where those are uniform, or each
option's share."""

CANDIDATES: int = hyperopt_tpe._default_n_EI_candidates
GAMMA: float = hyperopt_tpe._default_gamma
PRIOR_WEIGHT: float = hyperopt_tpe._default_prior_weight
FORGETTING: int = hyperopt_tpe.DEFAULT_LF
"""The newest observations that weigh fully, and the most trials that count as good."""

DOUBT = 1e-3
"""Candidates whose scores lie closer together are told apart by HyperOpt's own densities."""

FIRST_CAPACITY = 256

_bincount = scope._impls["bincount"]


class Tpe:
    """The results of trials over one space, in arrays, and TPE's next point from them."""

    def __init__(self, space: SearchSpace) -> None:
        """Start without a result."""
        # `pyll.rec_eval` takes the last of a node's inputs first, and the inputs of the node
        # that holds all metaparameters are sorted by label.
        drawn = sorted(space.sampled, key=lambda each: each.name, reverse=True)
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
        """Results taken in."""
        return self._size

    def __contains__(self, tid: int) -> bool:
        """Whether the result of trial `tid` is taken in."""
        return tid in self._told

    @property
    def losses(self) -> Floats:
        """The losses in the order of their arrival, infinite where a trial has none."""
        return self._losses[: self._size]

    def tell(self, tid: int, point: Point, loss: float | None) -> None:
        """Take in the result of trial `tid`; without a loss it ranks as the worst.

        Raises:
            ValueError: the trial's result is taken in already, or the loss is not a number.
        """
        if tid in self._told:
            raise ValueError(f"the result of trial {tid} is taken in already")
        if loss is not None and math.isnan(loss):
            raise ValueError(f"the loss of trial {tid} is not a number; give None instead")
        self._put(self._size, [Pending(tid, point)], math.inf if loss is None else loss)
        self._size += 1
        self._told.add(tid)

    def suggest(
        self, pending: Sequence[Pending], seed: int, *, pending_loss: float = math.inf
    ) -> dict[str, float | int]:
        """Return what `hyperopt.tpe.suggest` returns after its start-up, by metaparameter.

        With the default `pending_loss` a pending trial ranks with those without a loss, as in
        HyperOpt; another value stands in for its loss.
        """
        if pending:
            self._put(self._size, pending, pending_loss)
        good, bad = self._split(self._size + len(pending))
        rng = np.random.default_rng(seed)
        models = zip(self._models_of_good(good), self._models(bad), strict=True)
        return {
            name: _BEST[type(prior)](prior, *good_and_bad, rng)
            for name, prior, good_and_bad in zip(self._names, self._priors, models, strict=True)
        }

    def _put(self, row: int, trials: Sequence[Pending], loss: float) -> None:
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
        """What these trials say of each metaparameter."""
        for prior, values in zip(self._priors, self._values, strict=True):
            yield _MODEL[type(prior)](prior, values[rows])

    def _models_of_good(self, good: Rows) -> list[Model]:
        """The same of the good trials, few of which change from one suggestion to the next."""
        values = self._values[:, good].tobytes()
        if values != self._good_values:
            self._good_models = list(self._models(good))
            self._good_values = values
        return self._good_models

    def _split(self, size: int) -> tuple[Rows, Rows]:
        """The rows of good and of bad trials, each by tid, as linear forgetting wants them.

        After `hyperopt.tpe.ap_split_trials`. Its sort is not stable: for tied losses to fall on
        the same side, it must see the same array.
        """
        by_tid = np.argsort(self._tids[:size])
        by_loss = np.argsort(self._losses[by_tid])
        below = min(math.ceil(GAMMA * math.sqrt(size)), FORGETTING)
        good = np.zeros(size, bool)
        good[by_loss[:below]] = True
        return by_tid[good], by_tid[~good]


def _best_uniform(
    prior: Uniform, good: Mixture, bad: Mixture, rng: np.random.Generator
) -> float | int:
    bounds = {"low": prior.low, "high": prior.high}
    candidates = hyperopt_tpe.GMM1(*good, **bounds, rng=rng, size=CANDIDATES)
    good_density = hyperopt_tpe.GMM1_lpdf(candidates, *good, **bounds)
    leaders = _leaders(good_density - _nearly_density(candidates, *bad))
    if len(leaders) == 1:
        return _plain(candidates[leaders[0]])
    bad_density = hyperopt_tpe.GMM1_lpdf(candidates[leaders], *bad, **bounds)
    return _best(candidates[leaders], good_density[leaders], bad_density)


def _best_loguniform(
    prior: LogUniform, good: Mixture, bad: Mixture, rng: np.random.Generator
) -> float | int:
    bounds = {"low": math.log(prior.low), "high": math.log(prior.high)}
    candidates = hyperopt_tpe.LGMM1(*good, **bounds, rng=rng, size=CANDIDATES)
    good_density = hyperopt_tpe.LGMM1_lpdf(candidates, *good, **bounds)
    logs = np.log(candidates)
    leaders = _leaders(good_density - (_nearly_density(logs, *bad) - logs))
    if len(leaders) == 1:
        return _plain(candidates[leaders[0]])
    bad_density = hyperopt_tpe.LGMM1_lpdf(candidates[leaders], *bad, **bounds)
    return _best(candidates[leaders], good_density[leaders], bad_density)


def _best_choice(prior: Choice, good: Floats, bad: Floats, rng: np.random.Generator) -> float | int:
    candidates = categorical(good, rng, CANDIDATES)
    return _best(
        candidates,
        hyperopt_tpe.randint_via_categorical_lpdf(candidates, good),
        hyperopt_tpe.randint_via_categorical_lpdf(candidates, bad),
    )


_BEST: dict[type, Callable[..., float | int]] = {
    Uniform: _best_uniform,
    LogUniform: _best_loguniform,
    Choice: _best_choice,
}


def _parzen(observed: Floats, low: float, high: float) -> Mixture:
    """The mixture of the observations and the prior."""
    mixture: Mixture = hyperopt_tpe.adaptive_parzen_normal(
        observed, PRIOR_WEIGHT, 0.5 * (high + low), 1.0 * (high - low)
    )
    return mixture


def _nearly_density(places: Floats, weights: Floats, means: Floats, deviations: Floats) -> Floats:
    """The log density of a Gaussian mixture, but for a constant, in single precision.

    Of the bad trials' mixture: thousands of components for each candidate are most of TPE's work.
    Measured from the middle of the means, single precision is wrong by less than 1e-4: no
    deviation is below a hundredth of the prior's (`adaptive_parzen_normal`), which holds the
    error of a distance in deviations below 1e-5, and components beyond ten deviations don't count
    beside the prior's own. The widest component, which is the prior's or as wide, has a place in
    the bounds within one deviation: in its terms no sum is near the ends of single precision.
    """
    middle = 0.5 * (means[0] + means[-1])
    scales = math.sqrt(0.5) / deviations
    heights = weights * scales
    terms = np.subtract.outer(
        (places - middle).astype(np.float32), (means - middle).astype(np.float32)
    )
    # In place: at 10,000 components an array takes a megabyte, and longer to get than to fill.
    terms *= scales.astype(np.float32)
    np.square(terms, out=terms)
    np.subtract(np.log(heights / heights[scales.argmin()]).astype(np.float32), terms, out=terms)
    np.exp(terms, out=terms)
    density: Floats = np.log(terms.sum(axis=1)).astype(np.float64)
    return density


def _leaders(scores: Floats) -> Rows:
    """The candidates, in order, one of which has the highest score; `scores` are nearly exact."""
    return np.flatnonzero(scores >= scores.max() - DOUBT)


def _shares(prior: Choice, observed: Floats) -> Floats:
    """The share of each option among the observations and the prior."""
    counts: Floats = PRIOR_WEIGHT + _bincount(
        observed, offset=0, weights=_forgetting(len(observed)), minlength=len(prior.options)
    )
    return counts / np.sum(counts)


_MODEL: dict[type, Callable[..., Model]] = {
    Uniform: lambda prior, values: _parzen(values, prior.low, prior.high),
    LogUniform: lambda prior, values: _parzen(
        np.log(values), math.log(prior.low), math.log(prior.high)
    ),
    Choice: _shares,
}


@lru_cache(maxsize=4)
def _forgetting(observations: int) -> Floats:
    weights: Floats = hyperopt_tpe.linear_forgetting_weights(observations, FORGETTING)
    return weights


def _best(candidates: Any, good_density: Floats, bad_density: Floats) -> float | int:
    """The first candidate of the highest ratio of densities, as in `broadcast_best`."""
    return _plain(candidates[np.argmax(good_density - bad_density)])


def _plain(value: Any) -> float | int:
    plain: float | int = value.item()
    return plain
