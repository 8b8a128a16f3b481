"""Averages of weights (`use_ema=True`) in a model with two optimizers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from alignment_core.layers.keras_internals import averages_of, count_of_steps


def start_averages(optimizer: Any) -> None:
    """Let the averages of an optimizer that has made no step be its variables' values.

    Keras begins them at zero, which `SwapEMAWeights` would show while R alone is minimized.
    """
    with tf.init_scope():
        # A replica can't assign a variable of all replicas.
        alone = tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context()
        if not alone and not count_of_steps(optimizer):
            for variable, average in averages_of(optimizer):
                average.assign(variable)


@contextmanager
def each_its_own(model: Any) -> Iterator[None]:
    """Let each optimizer of a model write its averages over its own variables when `fit` ends.

    Keras lets J's optimizer write its averages over all trainable variables, by their place.

    Args:
        model: a compiled `AlignedModel`.
    """
    optimizer = model.optimizer

    def finalize(_: Any) -> None:
        for each in (optimizer, model.alignment_optimizer):
            if each is not None and count_of_steps(each):
                for variable, average in averages_of(each):
                    if variable.trainable:
                        variable.assign(average)

    optimizer.finalize_variable_values = finalize
    try:
        yield
    finally:
        del optimizer.finalize_variable_values
