"""Recognition of ReLU activations, whichever library they come from."""

from typing import Any

import keras
import tensorflow as tf

RELUS = (keras.activations.relu, keras.ops.relu, tf.nn.relu)
"""The functions that are the same ReLU."""


def is_relu(activation: Any) -> bool | None:
    """Return whether a layer's activation is a ReLU; None if that can't be known.

        >>> is_relu(tf.nn.relu), is_relu(keras.activations.tanh), is_relu(lambda x: x)
        (True, False, None)

    Args:
        activation: a function, operation or layer of Keras or TensorFlow, or any other callable.
    """
    if any(activation is relu for relu in RELUS):
        return True
    if (type(activation).__module__, type(activation).__name__) == ("keras.src.ops.nn", "Relu"):
        return True  # keras.ops.relu in a functional model.
    if isinstance(activation, keras.layers.ReLU):
        plain = activation.max_value is None
        return plain and not activation.negative_slope and not activation.threshold
    if isinstance(activation, keras.layers.Activation):
        return is_relu(activation.activation)
    if activation is None or activation is keras.activations.linear:
        return False
    module = getattr(activation, "__module__", type(activation).__module__) or ""
    return False if module.split(".")[0] in ("keras", "tensorflow") else None
