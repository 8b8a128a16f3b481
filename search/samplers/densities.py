"""TPE's densities: fit them to trials, draw candidates, and choose the best candidate.

All numerical work is HyperOpt's: its Parzen estimators, samplers and densities are called on the
same numbers in the order in which HyperOpt's graph draws, so the same seed gives the same point to
the last bit (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization").
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from hyperopt.pyll import scope
from hyperopt.pyll.stochastic import categorical
from numpy.typing import NDArray

from alignsearch.spaces.space import Choice, Distribution, LogUniform, Uniform

Floats = NDArray[np.float64]
Mixture = tuple[Floats, Floats, Floats]
"""A mixture of Gaussians: weights, means and standard deviations of its components."""
Model = Mixture | Floats
"""The density of one metaparameter among some trials.

A mixture for ranges (over the logarithm where the range is log-uniform), the probability of each
option for choices.
"""

CANDIDATES: int = hyperopt_tpe._default_n_EI_candidates
PRIOR_WEIGHT: float = hyperopt_tpe._default_prior_weight
FORGETTING: int = hyperopt_tpe.DEFAULT_LF
"""Number of newest trials that weigh fully; HyperOpt's linear forgetting lets older ones fade."""

SCORE_TOLERANCE = 1e-3
"""Largest difference between two candidates' scores that single precision may have made.

Candidates this close to the best one are compared again by HyperOpt's own densities. The error is
below 1e-4 (`approximate_log_density`); ten times that leaves room.
"""

_bincount = scope._impls["bincount"]


def fit(prior: Distribution, values: Floats) -> Model:
    """Fit the density of one metaparameter.

    Args:
        prior: the metaparameter's distribution in the search space.
        values: HyperOpt's values of the trials, shape `[trials]`, ordered by trial number, because
            older trials weigh less.
    """
    return _FIT[type(prior)](prior, values)


def best_candidate(
    prior: Distribution, good: Model, bad: Model, rng: np.random.Generator
) -> float | int:
    """Draw candidates from the good trials' density; return the one with the best score.

    The score is the logarithm of the good trials' density over the bad trials' density. The first
    one wins where several have the best score, as in HyperOpt's `broadcast_best`.
    """
    return _BEST[type(prior)](prior, good, bad, rng)


def parzen_mixture(observed: Floats, low: float, high: float) -> Mixture:
    """The mixture of a Gaussian for each observation and one for the prior on [low, high]."""
    mixture: Mixture = hyperopt_tpe.adaptive_parzen_normal(
        observed, PRIOR_WEIGHT, 0.5 * (high + low), 1.0 * (high - low)
    )
    return mixture


def approximate_log_density(
    places: Floats, weights: Floats, means: Floats, deviations: Floats
) -> Floats:
    """The log density of a Gaussian mixture at `places`, up to a constant, in single precision.

    Most of TPE's time goes into the bad trials' mixture: thousands of components for each
    candidate. Single precision is faster, and its error is below 1e-4:

    - Distances are measured from the middle of the means. No deviation is below a hundredth of the
      prior's (`adaptive_parzen_normal`), so a distance counted in deviations is wrong by less than
      1e-5. Components beyond ten deviations don't count beside the prior's own component.
    - Heights are relative to the widest component, which is the prior's or as wide. Every place in
      the bounds lies within one deviation of its mean, so no sum comes near the smallest or
      largest number of single precision.

    Args:
        places: shape `[candidates]`.
        weights: shape `[components]`, as `means` and `deviations`.
        means: means of the components, ascending.
        deviations: standard deviations of the components.

    Returns:
        Log densities, shape `[candidates]`, all wrong by the same constant.
    """
    middle = 0.5 * (means[0] + means[-1])
    scales = math.sqrt(0.5) / deviations
    heights = weights * scales
    terms = np.subtract.outer(
        (places - middle).astype(np.float32), (means - middle).astype(np.float32)
    )
    # In place: at 10,000 components an array takes a megabyte, and longer to allocate than to fill.
    terms *= scales.astype(np.float32)
    np.square(terms, out=terms)
    np.subtract(np.log(heights / heights[scales.argmin()]).astype(np.float32), terms, out=terms)
    np.exp(terms, out=terms)
    density: Floats = np.log(terms.sum(axis=1)).astype(np.float64)
    return density


def _best_uniform(
    prior: Uniform, good: Mixture, bad: Mixture, rng: np.random.Generator
) -> float | int:
    bounds = {"low": prior.low, "high": prior.high}
    candidates = hyperopt_tpe.GMM1(*good, **bounds, rng=rng, size=CANDIDATES)
    good_density = hyperopt_tpe.GMM1_lpdf(candidates, *good, **bounds)
    nearly = _near_best(good_density - approximate_log_density(candidates, *bad))
    if len(nearly) == 1:
        return _plain(candidates[nearly[0]])
    bad_density = hyperopt_tpe.GMM1_lpdf(candidates[nearly], *bad, **bounds)
    return _best(candidates[nearly], good_density[nearly], bad_density)


def _best_loguniform(
    prior: LogUniform, good: Mixture, bad: Mixture, rng: np.random.Generator
) -> float | int:
    bounds = {"low": math.log(prior.low), "high": math.log(prior.high)}
    candidates = hyperopt_tpe.LGMM1(*good, **bounds, rng=rng, size=CANDIDATES)
    good_density = hyperopt_tpe.LGMM1_lpdf(candidates, *good, **bounds)
    logs = np.log(candidates)
    nearly = _near_best(good_density - (approximate_log_density(logs, *bad) - logs))
    if len(nearly) == 1:
        return _plain(candidates[nearly[0]])
    bad_density = hyperopt_tpe.LGMM1_lpdf(candidates[nearly], *bad, **bounds)
    return _best(candidates[nearly], good_density[nearly], bad_density)


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


def _near_best(scores: Floats) -> NDArray[np.intp]:
    """Indices of the candidates that may have the best score, given the scores' tolerance."""
    return np.flatnonzero(scores >= scores.max() - SCORE_TOLERANCE)


def _best(candidates: Any, good_density: Floats, bad_density: Floats) -> float | int:
    return _plain(candidates[np.argmax(good_density - bad_density)])


def _plain(value: Any) -> float | int:
    plain: float | int = value.item()
    return plain


def _option_probabilities(prior: Choice, observed: Floats) -> Floats:
    """The probability of each option among the observations and the prior."""
    counts: Floats = PRIOR_WEIGHT + _bincount(
        observed, offset=0, weights=_forgetting(len(observed)), minlength=len(prior.options)
    )
    return counts / np.sum(counts)


_FIT: dict[type, Callable[..., Model]] = {
    Uniform: lambda prior, values: parzen_mixture(values, prior.low, prior.high),
    LogUniform: lambda prior, values: parzen_mixture(
        np.log(values), math.log(prior.low), math.log(prior.high)
    ),
    Choice: _option_probabilities,
}


# All choices of a space ask for the weights of the good trials and of the bad ones in turn.
@lru_cache(maxsize=4)
def _forgetting(observations: int) -> Floats:
    weights: Floats = hyperopt_tpe.linear_forgetting_weights(observations, FORGETTING)
    return weights
