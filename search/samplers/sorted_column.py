"""One dimension's numbers in ascending order, kept while results come one by one.

HyperOpt sorts the numbers of all trials anew for each suggestion. A density that needs to be right
to some digits only (`gaussian.SCORE_TOLERANCE`) can be had from an order that each number enters
once.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEW = 4
"""New numbers that are put in their places one by one; more of them are sorted at once."""


class Components(NamedTuple):
    """A mixture of Gaussians, as `hyperopt.tpe.adaptive_parzen_normal` makes it.

    Its weights aren't divided by their sum, which no comparison of two places needs.
    """

    weights: Floats
    means: Floats
    deviations: Floats
    least: float
    """No deviation is smaller."""


class SortedColumn:
    """The numbers of one dimension, each with the row of its trial."""

    def __init__(self) -> None:
        """Start without a number."""
        self._numbers = np.empty(256)
        self._rows = np.empty(256, np.intp)
        self._size = 0
        self._new: list[tuple[float, int]] = []
        self.is_finite = True
        """False once a number was infinite or none: these have no place in an order."""

    def add(self, number: float, row: int) -> None:
        """Take in the number of a trial."""
        self.is_finite &= math.isfinite(number)
        self._new.append((number, row))

    def components(
        self, weights: Floats, mean: float, deviation: float, prior_weight: float
    ) -> Components | None:
        """Return a Gaussian for each trial that has a weight, and one for the prior.

        Args:
            weights: weights by row; a row of weight 0 is left out.
            mean: the prior's mean.
            deviation: the prior's standard deviation.
            prior_weight: the prior's weight.

        Returns:
            The mixture; None of fewer than two numbers, whose widths have another rule, and where
            two are equal: which of them is wider depends on HyperOpt's sort.
        """
        self._settle()
        theirs = weights[self._rows[: self._size]]
        kept = theirs > 0
        numbers, theirs = self._numbers[: self._size][kept], theirs[kept]
        size = len(numbers)
        if size < 2:
            return None
        at = int(numbers.searchsorted(mean))
        means = _with(numbers, at, mean)
        gaps = means[1:] - means[:-1]
        if not gaps.all():
            return None
        widths = np.empty(size + 1)
        np.maximum(gaps[:-1], gaps[1:], out=widths[1:-1])
        widths[0], widths[-1] = gaps[0], gaps[-1]
        least = least_deviation(deviation, len(means))
        np.maximum(widths, least, out=widths)
        np.minimum(widths, deviation, out=widths)
        widths[at] = deviation
        return Components(_with(theirs, at, prior_weight), means, widths, least)

    def _settle(self) -> None:
        """Put the new numbers in their places."""
        if not self._new:
            return
        end = self._size + len(self._new)
        while end > len(self._numbers):
            self._numbers, self._rows = doubled(self._numbers), doubled(self._rows)
        if len(self._new) <= FEW:
            for number, row in self._new:
                size = self._size
                at = int(self._numbers[:size].searchsorted(number))
                for array, new in ((self._numbers, number), (self._rows, row)):
                    array[at + 1 : size + 1] = array[at:size]
                    array[at] = new
                self._size += 1
        else:
            self._numbers[self._size : end], self._rows[self._size : end] = zip(
                *self._new, strict=True
            )
            order = self._numbers[:end].argsort(kind="stable")
            self._numbers[:end] = self._numbers[order]
            self._rows[:end] = self._rows[order]
            self._size = end
        self._new.clear()


def least_deviation(prior: float, components: int) -> float:
    """Return the least deviation in a mixture of so many components.

    prior: the prior's deviation. After `hyperopt.tpe.adaptive_parzen_normal`.
    """
    return prior / min(100.0, 1.0 + components)


def doubled(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array with twice the room in its last dimension; the new half has zeros."""
    return np.concatenate([array, np.zeros_like(array)], axis=-1)


def _with(numbers: Floats, at: int, number: float) -> Floats:
    """Return the numbers with another one before the one `at` this place."""
    longer = np.empty(len(numbers) + 1)
    longer[:at], longer[at], longer[at + 1 :] = numbers[:at], number, numbers[at:]
    return longer
