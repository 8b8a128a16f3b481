"""TPE over numbers: one Gaussian mixture for eight of HyperOpt's distributions.

Uniform and normal numbers, their logarithmic forms, and the rounded form of each differ in the
prior's component, in bounds, in rounding, and in whether the mixture is over the logarithm.

The numerical work is HyperOpt's: its Parzen estimators, samplers and densities are called on the
same numbers in the same order, so the same seed gives the same point to the last bit (Bergstra et
al. 2011, "Algorithms for hyper-parameter optimization").
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hyperopt import tpe as hyperopt_tpe
from numpy.typing import NDArray

from alignsearch.search.samplers.rounded import rounded_log_density
from alignsearch.search.samplers.settings import TpeSettings
from alignsearch.search.samplers.sorted_column import Components, least_deviation

Floats = NDArray[np.float64]
Mixture = tuple[Floats, Floats, Floats]
"""A mixture of Gaussians: weights, means and standard deviations of its components."""

SCORE_TOLERANCE = 1e-3
"""Largest difference between two candidates' scores that single precision may have made.

Candidates this close to the best one are compared again by HyperOpt's own densities. The error is
below 1e-4 (`approximate_log_density`); ten times that leaves room. Both grow with the numbers'
spread.
"""

WIDEST_SPREAD = 8.0
"""Largest distance from the prior's mean, in its deviations, that single precision is used for.

Farther out, where only numbers without bounds lie, sums could fall below the smallest number.
"""

MANY = 2000
"""Components from which each candidate is compared with those near it alone."""

REACH = 8.0
"""Deviations beyond which narrow components don't count: a million of them together, each a hundred
times as high as the prior's, are a billionth of it."""


@dataclass(frozen=True)
class GaussianPrior:
    """The prior of a dimension whose values are numbers.

    Attributes:
        mean: mean of the prior's component, of the logarithm if `logarithmic`.
        deviation: standard deviation of the prior's component, as `mean`.
        low: lower bound; None for the normal distributions; as `mean`.
        high: upper bound, which is excluded; None for the normal distributions; as `mean`.
        q: values are rounded to multiples of this number; None without rounding.
        logarithmic: whether the logarithm of the number has this distribution.
        least: observed values below this number count as this number; None for no limit. Rounding
            gives 0, which has no logarithm.
    """

    mean: float
    deviation: float
    low: float | None = None
    high: float | None = None
    q: float | None = None
    logarithmic: bool = False
    least: float | None = None

    def fit(self, values: Floats, settings: TpeSettings) -> Mixture:
        """Return a mixture of a Gaussian for each observed value and one for the prior.

        Args:
            values: observed values, shape `[observations]`, ordered by trial number, because older
                trials weigh less.
            settings: the weight of the prior.
        """
        if self.logarithmic:
            values = np.log(values if self.least is None else np.maximum(values, self.least))
        mixture: Mixture = hyperopt_tpe.adaptive_parzen_normal(
            values, settings.prior_weight, self.mean, self.deviation
        )
        return mixture

    def best(
        self, good: Mixture, bad: Mixture, settings: TpeSettings, rng: np.random.Generator
    ) -> float:
        """Draw candidates from the good trials' mixture; return the one with the best score.

        The score is the logarithm of the good trials' density over the bad trials' density. The
        first one wins where several have the best score, as in HyperOpt's `broadcast_best`.
        """
        least = least_deviation(self.deviation, len(bad[1]))
        estimate = Components(*bad, least) if self.q is None else None
        return self.best_by(estimate, good, lambda: bad, settings, rng)

    def best_by(
        self,
        estimate: Components | None,
        good: Mixture,
        bad: Callable[[], Mixture],
        settings: TpeSettings,
        rng: np.random.Generator,
    ) -> float:
        """Return what `best` returns, by an estimate as far as it leaves no doubt.

        Args:
            estimate: the bad trials' mixture, or one whose density is the same up to rounding; None
                without one.
            good: the good trials' mixture.
            bad: makes the bad trials' mixture.
            settings: the number of candidates.
            rng: random generator.
        """
        candidates = self.draw(good, settings.candidates, rng)
        nearly = np.arange(len(candidates))
        if estimate is not None:
            nearly = self._near_best(candidates, good, estimate)
        if len(nearly) == 1:
            return float(candidates[nearly[0]])
        nearby = candidates[nearly]
        scores = self.log_density(nearby, good) - self.log_density(nearby, bad())
        return float(candidates[nearly[scores.argmax()]])

    def placed(self, value: float) -> float:
        """Return a value on the axis on which its mixture lies."""
        if not self.logarithmic:
            return value
        return math.log(value) if value > 0 else -math.inf

    def draw(self, mixture: Mixture, number: int, rng: np.random.Generator) -> Floats:
        """Draw as HyperOpt's `GMM1` and `LGMM1` do, which convert more for each draw.

        Args:
            mixture: the mixture to draw from; draws outside the bounds are repeated.
            number: number of draws.
            rng: random generator.
        """
        if self.low is None or self.high is None:
            draw = hyperopt_tpe.LGMM1 if self.logarithmic else hyperopt_tpe.GMM1
            unbounded: Floats = draw(*mixture, q=self.q, rng=rng, size=number)
            return unbounded
        weights, means, deviations = mixture
        middles, widths = means.tolist(), deviations.tolist()
        drawn: list[float] = []
        while len(drawn) < number:
            component = rng.multinomial(1, weights).argmax()
            value = rng.normal(middles[component], widths[component])
            if self.low <= value < self.high:
                drawn.append(value)
        candidates = np.exp(drawn) if self.logarithmic else np.array(drawn)
        return candidates if self.q is None else np.round(candidates / self.q) * self.q

    def log_density(self, places: Floats, mixture: Mixture) -> Floats:
        """Return HyperOpt's log density of a mixture at `places`, shape `[places]`."""
        low, high = self.low, self.high
        if self.q is not None:
            return rounded_log_density(
                places, *mixture, q=self.q, low=low, high=high, logarithmic=self.logarithmic
            )
        density = hyperopt_tpe.LGMM1_lpdf if self.logarithmic else hyperopt_tpe.GMM1_lpdf
        exact: Floats = density(places, *mixture, low=low, high=high)
        return exact

    def _near_best(self, candidates: Floats, good: Mixture, bad: Components) -> NDArray[np.intp]:
        """Indices of candidates that may have the best score, by estimates of both densities."""
        everything = np.arange(len(candidates))
        places = np.log(candidates) if self.logarithmic else candidates
        spread = self._spread(places, bad.means)
        if not spread <= WIDEST_SPREAD:
            return everything
        scores = _log_density(places, *good)
        if len(bad.means) < MANY:
            scores -= approximate_log_density(places, *bad[:3], middle=self.mean)
        else:
            scores -= windowed_log_density(places, bad, middle=self.mean)
        if not np.isfinite(scores).all():
            return everything
        return np.flatnonzero(scores >= scores.max() - SCORE_TOLERANCE * max(1.0, spread))

    def _spread(self, places: Floats, means: Floats) -> float:
        """The largest distance from the prior's mean, in the prior's deviations."""
        low, high = min(places.min(), means[0]), max(places.max(), means[-1])
        return float(max(high - self.mean, self.mean - low) / self.deviation)


def approximate_log_density(
    places: Floats, weights: Floats, means: Floats, deviations: Floats, *, middle: float
) -> Floats:
    """The log density of a Gaussian mixture at `places`, up to a constant, in single precision.

    Most of TPE's time goes into the bad trials' mixture: thousands of components for each
    candidate. Single precision is faster, and its error is below 1e-4 where places and means lie
    within half of the prior's deviation from its mean, and grows in proportion:

    - Distances are measured from the prior's mean. No deviation is below a hundredth of the
      prior's (`adaptive_parzen_normal`), so a distance counted in deviations is wrong by less than
      1e-5. Components beyond ten deviations don't count beside the prior's own component.
    - Heights are relative to the widest component, which is the prior's or as wide. Every place
      lies within eight deviations of its mean (`WIDEST_SPREAD`), so no sum comes near the smallest
      or largest number of single precision.

    Args:
        places: shape `[candidates]`.
        weights: shape `[components]`, as `means` and `deviations`.
        means: means of the components, ascending.
        deviations: standard deviations of the components.
        middle: the prior's mean.

    Returns:
        Log densities, shape `[candidates]`, all wrong by the same constant.
    """
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


def windowed_log_density(places: Floats, mixture: Components, *, middle: float) -> Floats:
    """Return what `approximate_log_density` returns, of thousands of components.

    Nearly all of them have the least deviation then, a hundredth of the prior's, and count near
    their means alone. The others are few: their neighbours are a hundredth of it away.

    Args:
        places: shape `[candidates]`.
        mixture: the mixture.
        middle: the prior's mean.
    """
    weights, means, deviations, least = mixture
    narrow = deviations <= least
    scale = math.sqrt(0.5) / least
    heights = np.where(narrow, weights, 0.0).astype(np.float32)
    centres = ((means - middle) * scale).astype(np.float32)
    scaled = ((places - middle) * scale).astype(np.float32)
    first = means.searchsorted(places - REACH * least).tolist()
    last = means.searchsorted(places + REACH * least).tolist()
    density = np.empty(len(places))
    for at, (begin, end) in enumerate(zip(first, last, strict=True)):
        terms = centres[begin:end] - scaled[at]
        np.square(terms, out=terms)
        np.negative(terms, out=terms)
        np.exp(terms, out=terms)
        density[at] = terms.dot(heights[begin:end])
    wide = np.flatnonzero(~narrow)
    logs = _log_terms(places, weights[wide], means[wide], deviations[wide])
    found: Floats = np.log(density / least + np.exp(logs).sum(axis=1))
    return found


def _log_density(places: Floats, weights: Floats, means: Floats, deviations: Floats) -> Floats:
    """The log density of a mixture of a few Gaussians, up to a constant."""
    terms = _log_terms(places, weights, means, deviations)
    found: Floats = np.log(np.exp(terms).sum(axis=1))
    return found


def _log_terms(places: Floats, weights: Floats, means: Floats, deviations: Floats) -> Floats:
    """The logarithm of each component's density, shape `[candidates, components]`."""
    away = np.subtract.outer(places, means)
    away /= deviations
    np.square(away, out=away)
    away *= -0.5
    away += np.log(weights / deviations)
    return away
