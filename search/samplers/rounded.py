"""Log densities of rounded numbers (`quniform`, `qnormal`, `qloguniform`, `qlognormal`).

HyperOpt adds the components of the mixture one by one in a Python loop. Here all of them are
computed at once and added in the same order, so the sums are the same to the last bit.
"""

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float64]

SATURATED = 6.0
"""From here on `erf` is exactly 1 in double precision, and exactly -1 below its negative.

An interval that lies wholly beyond it has probability 0, and adds nothing to a sum.
"""

# Half of `rounded_log_density`'s time is memory traffic; blocks of this many components stay in
# the processor's cache.
_BLOCK = 2048


def rounded_log_density(
    places: Floats,
    weights: Floats,
    means: Floats,
    deviations: Floats,
    *,
    q: float,
    low: float | None,
    high: float | None,
    logarithmic: bool,
) -> Floats:
    """Return what `hyperopt.tpe.GMM1_lpdf` returns with a `q`, or `LGMM1_lpdf` if `logarithmic`.

    Args:
        places: multiples of `q`, shape `[places]`.
        weights: shape `[components]`, as `means` and `deviations`.
        means: means of the components; of the logarithm if `logarithmic`.
        deviations: standard deviations of the components.
        q: distance of neighbouring values.
        low: lower bound of the unrounded number, of its logarithm if `logarithmic`; None without.
        high: upper bound, as `low`.
        logarithmic: whether the components are normal in the number's logarithm.
    """
    distinct, inverse = np.unique(places, return_inverse=True)
    lower, upper = _edges(distinct, q, low, high, logarithmic)
    widths = np.maximum(np.sqrt(2) * deviations, hyperopt_tpe.EPS)
    probability = np.zeros(len(distinct))
    for start in range(0, len(means), _BLOCK):
        block = slice(start, start + _BLOCK)
        where, masses = _masses(
            lower, upper, weights[block], means[block], widths[block], logarithmic
        )
        # `bincount` adds in the order of its input: component by component, as HyperOpt's loop.
        where = np.concatenate([np.arange(len(distinct)), where])
        masses = np.concatenate([probability, masses])
        probability = np.bincount(where, masses, len(distinct))
    accepted = 1.0
    if low is not None and high is not None:
        accepted = np.sum(
            weights
            * (
                hyperopt_tpe.normal_cdf(high, means, deviations)
                - hyperopt_tpe.normal_cdf(low, means, deviations)
            )
        )
    density: Floats = (np.log(probability) - np.log(accepted))[inverse]
    return density


def _edges(
    places: Floats, q: float, low: float | None, high: float | None, logarithmic: bool
) -> tuple[Floats, Floats]:
    """The ends of the intervals that are rounded to the places, as logarithms if asked for."""
    lower, upper = places - q / 2, places + q / 2
    if low is not None and high is not None:
        upper = np.minimum(upper, np.exp(high) if logarithmic else high)
        lower = np.maximum(lower, np.exp(low) if logarithmic else low)
    if not logarithmic:
        return lower, upper
    lower = np.maximum(0, lower)
    smallest = hyperopt_tpe.EPS
    return np.log(np.maximum(lower, smallest)), np.log(np.maximum(upper, smallest))


def _masses(
    lower: Floats,
    upper: Floats,
    weights: Floats,
    means: Floats,
    widths: Floats,
    logarithmic: bool,
) -> tuple[NDArray[np.intp], Floats]:
    """The probability of each interval under each component, where it isn't 0.

    Returns:
        Indices of the intervals, and the weighted probabilities, component by component.
    """
    below = (lower - means[:, None]) / widths[:, None]
    above = (upper - means[:, None]) / widths[:, None]
    nothing = (below >= SATURATED) & (above >= SATURATED)
    nothing |= (below <= -SATURATED) & (above <= -SATURATED)
    component, where = np.nonzero(~nothing)
    below, above, weight = below[component, where], above[component, where], weights[component]
    # HyperOpt writes the two distribution functions differently, which changes their last bits.
    if logarithmic:
        return where, weight * (0.5 + 0.5 * erf(above)) - weight * (0.5 + 0.5 * erf(below))
    return where, weight * (0.5 * (1 + erf(above))) - weight * (0.5 * (1 + erf(below)))
