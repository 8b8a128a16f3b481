"""HyperOpt's distributions: the prior of each, as TPE models it, from the distribution's arguments.

Another distribution takes a row of `PRIORS`.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from numpy.typing import NDArray

from alignsearch.search.samplers.categorical import CategoricalPrior
from alignsearch.search.samplers.gaussian import GaussianPrior
from alignsearch.search.samplers.settings import TpeSettings


class Prior(Protocol):
    """The prior of one dimension, which models observed values and suggests the next one."""

    def fit(self, values: NDArray[np.float64], settings: TpeSettings) -> Any:
        """Return the model of observed values, shape `[observations]`, by trial number."""

    def best(self, good: Any, bad: Any, settings: TpeSettings, rng: np.random.Generator) -> Any:
        """Draw candidates from the good trials' model; return the one with the best score."""


def _uniform(low: float, high: float, **rest: Any) -> Prior:
    return GaussianPrior(0.5 * (high + low), 1.0 * (high - low), float(low), float(high), **rest)


def _normal(mu: float, sigma: float, **rest: Any) -> Prior:
    return GaussianPrior(mu, sigma, **rest)


def _qloguniform(low: float, high: float, q: float) -> Prior:
    least = np.maximum(hyperopt_tpe.EPS, np.exp(low))
    return _uniform(low, high, q=q, logarithmic=True, least=least)


def _randint(low: int, high: int | None = None) -> Prior:
    return CategoricalPrior(low) if high is None else CategoricalPrior(high - low, first=low)


PRIORS: dict[str, Callable[..., Prior]] = {
    "uniform": _uniform,
    "quniform": _uniform,
    "loguniform": lambda low, high: _uniform(low, high, logarithmic=True),
    "qloguniform": _qloguniform,
    "normal": _normal,
    "qnormal": _normal,
    "lognormal": lambda mu, sigma: _normal(mu, sigma, logarithmic=True),
    "qlognormal": lambda mu, sigma, q: _normal(
        mu, sigma, q=q, logarithmic=True, least=hyperopt_tpe.EPS
    ),
    "randint": _randint,
    # `hp.choice` is a `randint` over its options, `hp.pchoice` this one.
    "categorical": lambda p: CategoricalPrior(len(p), probabilities=tuple(p)),
}
"""The prior of each of HyperOpt's distributions, by the name of its node, from its arguments."""
