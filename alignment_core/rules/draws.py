"""Random numbers that a rule draws anew at each step, from the seed of the step.

    with drawing(seed):
        loss = cost(model(images), labels)

The same seed draws the same numbers, so a training that resumes repeats the one that was
interrupted. Outside of such a context the numbers come from TensorFlow's global generator.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf


class _Draws:
    """The seed of a step, and the number of draws from it so far."""

    def __init__(self, seed: Any) -> None:
        self.seed = seed
        self.count = 0


_current: ContextVar[_Draws | None] = ContextVar("current", default=None)


@contextmanager
def drawing(seed: Any) -> Iterator[None]:
    """Draw the random numbers of rules from one seed, in the order in which they are drawn.

    Args:
        seed: int32 tensor of shape (2,).
    """
    token = _current.set(_Draws(seed))
    try:
        yield
    finally:
        _current.reset(token)


def draw_uniform(shape: Any, dtype: Any) -> Any:
    """Return numbers of `shape` that are uniform on [0, 1], others at each call.

    They are drawn in single precision and rounded to `dtype`, so that a training in lower precision
    draws the same numbers.
    """
    draws = _current.get()
    if draws is None:
        return tf.cast(tf.random.uniform(shape), dtype)
    seed = tf.random.fold_in(draws.seed, draws.count)
    draws.count += 1
    return tf.cast(tf.random.stateless_uniform(shape, seed, alg="philox"), dtype)
