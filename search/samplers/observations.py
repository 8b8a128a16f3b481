"""The check of a result that every sampler makes before it records the result."""

import math
from collections.abc import Container, Set

import numpy as np

from alignsearch.search.documents import Observation

_NUMBERS = (int, float, np.integer, np.floating)


def check_observation(
    observation: Observation, told: Container[int], sampled_names: Set[str]
) -> None:
    """Refuse a result that a sampler can't learn from.

    Args:
        observation: the result.
        told: numbers of the trials whose results were told before.
        sampled_names: metaparameters that the result's point must have; it may have others.

    Raises:
        ValueError: the trial's result was told before, its loss is not a number, or its point
            lacks a metaparameter of the space or has a value that is not a number.
    """
    tid, point, loss = observation.tid, observation.point, observation.loss
    if tid in told:
        raise ValueError(f"the result of trial {tid} was told before")
    if loss is not None and math.isnan(loss):
        raise ValueError(f"the loss of trial {tid} is not a number; give None instead")
    wrong = sorted(name for name in sampled_names if not isinstance(point.get(name), _NUMBERS))
    if wrong:
        raise ValueError(f"the point of trial {tid} has no number for {', '.join(wrong)}")
