"""A prior over a search's points that fades as results come.

A sampler's score of a point is multiplied by the prior's density to the power of `FADE` over the
number of results (Hvarfner et al. 2022, "piBO: augmenting acquisition functions with user beliefs
for Bayesian optimization": the acquisition times pi(x)^(beta/n)). So it decides while results are
few, and hardly counts once they are many.

Densities are relative to the space's own distribution. The space keeps a share of the prior, so
that no point is excluded, and a misleading prior costs little.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Prior
from alignsearch.search.samplers.axes import Axis
from alignsearch.search.samplers.beliefs import Belief, around, given, problem_of
from alignsearch.search.samplers.densities import LARGEST
from alignsearch.spaces.distributions import Choice, Distribution, PChoice, RandInt, from_json

Floats = NDArray[np.float64]

FADE = 10.0
"""The constant of the fade, piBO's beta: a prior counts fully with so many results.

From 1 to 100 it makes no difference beyond chance (docs/measurements.md, "Priors").
"""

OPEN = 0.5
"""The share of the prior that is the space's own distribution.

A smaller one serves good priors better and misleading ones worse (docs/measurements.md, "Priors").
"""


class FadingPrior:
    """A prior as densities over positions of a space's dimensions."""

    def __init__(
        self, prior: Prior, distributions: Mapping[str, Distribution], axes: Mapping[str, Axis]
    ) -> None:
        """Find the densities.

        Args:
            prior: the prior; its labels are dimensions of the space.
            distributions: the space's own distribution of each dimension, by label.
            axes: the dimensions by label, in the order of the columns of points.

        Raises:
            ConfigurationError: it can't be a prior of the space, as in a store that was damaged;
                submissions are checked before.
        """
        _check(prior, distributions)
        self._beliefs: dict[int, Belief] = {}
        self._points = prior.points
        self._number = max(1, len(prior.points))
        for column, (label, axis) in enumerate(axes.items()):
            if prior.points:
                values = np.array([float(each.get(label, np.nan)) for each in prior.points])
                positions = np.full(len(values), np.nan)
                known = ~np.isnan(values)
                positions[known] = axis.positions(values[known])
                assert prior.width is not None
                self._beliefs[column] = around(axis, positions, prior.width)
            elif label in prior.distributions:
                wanted = from_json(prior.distributions[label])
                self._beliefs[column] = given(distributions[label], wanted)
        self._axes = [*axes.values()]

    def first(
        self, at: int, rng: np.random.Generator
    ) -> tuple[Floats, Mapping[str, float | int]] | None:
        """Return the prior's likeliest point number `at`, if it has one.

        Dimensions of which the prior says nothing are drawn from the space's own distribution.

        Returns:
            Its positions, shape `[1, dimensions]`, and the values that the prior was given for it.
        """
        if at >= self._number:
            return None
        placed = self._own(1, rng)
        for column, belief in self._beliefs.items():
            own = belief.likeliest()[at]
            if not np.isnan(own):
                placed[0, column] = own
        return placed, self._points[at] if self._points else {}

    def draw(self, size: int, rng: np.random.Generator) -> Floats:
        """Return positions of so many points drawn from the prior; every dimension gets one."""
        placed = self._own(size, rng)
        points = rng.integers(self._number, size=size)
        drawn = rng.random(size) >= OPEN
        for column, belief in self._beliefs.items():
            placed[:, column] = np.where(drawn, belief.draw(points, rng), placed[:, column])
        return placed

    def logarithms(self, placed: Floats) -> Floats:
        """Return the logarithm of the prior's density at each point.

        Args:
            placed: positions of points, shape `[points, dimensions]`; NaN where a point has none.
        """
        logarithms = np.zeros((len(placed), self._number))
        for column, belief in self._beliefs.items():
            active = ~np.isnan(placed[:, column])
            with np.errstate(divide="ignore"):
                logarithms[active] += np.log(belief.density(placed[active, column]))
        density = np.exp(np.minimum(logarithms, LARGEST)).mean(axis=1)
        return np.asarray(np.log(OPEN + (1 - OPEN) * density), np.float64)

    def weights(self, placed: Floats, results: int) -> Floats:
        """Return what the prior adds to the logarithm of each point's score."""
        return FADE / max(1, results) * self.logarithms(placed)

    def _own(self, size: int, rng: np.random.Generator) -> Floats:
        drawn = [axis.draw(size, rng) for axis in self._axes]
        return np.stack(drawn, axis=1) if drawn else np.empty((size, 0))


def _check(prior: Prior, distributions: Mapping[str, Distribution]) -> None:
    if prior.points and prior.width is None:
        raise ConfigurationError("its prior has points, and no width around them")
    for label, own in distributions.items():
        if label in prior.distributions:
            problem = problem_of(own, from_json(prior.distributions[label]))
            if problem is not None:
                raise ConfigurationError(f"its prior of {label} can't be used: {problem}")
        for point in prior.points:
            if label in point and not _is_placed(own, point[label]):
                raise ConfigurationError(
                    f"its prior of {label} can't be used: {label} is {own}, and a point of the "
                    f"prior has {point[label]}"
                )


def _is_placed(own: Distribution, value: float) -> bool:
    """Return whether options have one for a point's value; numbers of ranges are cut off."""
    if isinstance(own, Choice | PChoice):
        return value in range(len(own.options))
    return not isinstance(own, RandInt) or own.contains(value)
