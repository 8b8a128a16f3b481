"""A second draw of a kernel from the initializer of the first."""

from collections.abc import Callable
from typing import Any

import numpy as np


def other_draw(initializer: Any) -> Callable[..., Any]:
    """Return an initializer of the same distribution that draws other numbers.

    A Keras initializer with an integer seed draws the same numbers at every call, so the result has
    another seed, which follows from it. An initializer without a seed is constant. One with a
    SeedGenerator draws other numbers by itself.

        >>> first = keras.initializers.GlorotUniform(seed=1)
        >>> bool((first((2, 2)) == other_draw(first)((2, 2))).numpy().any())
        False

    Args:
        initializer: a Keras initializer.
    """
    seed = getattr(initializer, "seed", None)
    if not isinstance(seed, int):
        given: Callable[..., Any] = initializer
        return given
    other = int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])
    drawn: Callable[..., Any] = type(initializer).from_config(
        {**initializer.get_config(), "seed": other}
    )
    return drawn
