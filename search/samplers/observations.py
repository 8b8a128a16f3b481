"""The results that a sampler was told: their check, and which trials' they are."""

import math
from collections.abc import Container, Sequence

import numpy as np

from alignsearch.search.documents import Observation, Point
from alignsearch.search.samplers.dimensions import Dimension, dimensions_of
from alignsearch.spaces.space import SearchSpace

_NUMBERS = (int, float, np.integer, np.floating)


class Told:
    """A space's dimensions, and the trials whose results were told: the base of samplers.

    A sampler that learns from results extends `tell`.
    """

    def __init__(self, space: SearchSpace) -> None:
        """Start without a result."""
        self._dimensions = dimensions_of(space)
        self._told: set[int] = set()

    @property
    def seen(self) -> int:
        """Number of results told so far."""
        return len(self._told)

    def tell(self, observation: Observation) -> None:
        """Count the result of a finished trial.

        Raises:
            ValueError: as `alignsearch.search.samplers.observations.check_observation`.
        """
        check_observation(observation, self._told, self._dimensions)
        self._told.add(observation.tid)


def check_observation(
    observation: Observation, told: Container[int], dimensions: Sequence[Dimension]
) -> None:
    """Refuse a result that a sampler can't learn from.

    Args:
        observation: the result.
        told: numbers of the trials whose results were told before.
        dimensions: the space's dimensions. The result's point must have those that its choices
            make active; it may have others.

    Raises:
        ValueError: the trial's result was told before, its loss is not a number, or its point
            lacks an active dimension of the space or has a value that is not a number.
    """
    tid, point, loss = observation.tid, observation.point, observation.loss
    if tid in told:
        raise ValueError(f"the result of trial {tid} was told before")
    if any(math.isnan(each) for each in (loss, *observation.losses) if each is not None):
        raise ValueError(f"the loss of trial {tid} is not a number; give None instead")
    wrong = sorted(each.label for each in dimensions if not _is_usable(each, point))
    if wrong:
        raise ValueError(f"the point of trial {tid} has no number for {', '.join(wrong)}")


def _is_usable(dimension: Dimension, point: Point) -> bool:
    """Return whether the dimension has a number in the point, or is inactive and absent."""
    value = point.get(dimension.label)
    if value is None:
        return not dimension.is_active(point)
    return isinstance(value, _NUMBERS) and not math.isnan(value)
