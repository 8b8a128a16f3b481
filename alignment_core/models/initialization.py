"""Initial weights, drawn from a seed."""

from typing import Any

import keras
import numpy as np

from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization


def initialize(model: Any, seed: int) -> None:
    """Draw all weights of a network anew.

    Forward and backward kernels are drawn independently from the same initializer. A network that
    was trained before gets the same weights, bit by bit, as a new one.

        >>> model = get_model("dense")((8, 8, 1), 10, width=16, seed=3)
        >>> first = model.layers[-1].kernel.numpy()
        >>> initialize(model, seed=4)
        >>> bool((model.layers[-1].kernel.numpy() == first).any())
        False

    Args:
        model: a Keras model of this library's layers.
        seed: random seed. The weights depend on it and on the layers' order only.
    """
    kernels = [layer for layer in model.layers if isinstance(layer, Conv2D | Dense)]
    for layer, draws in zip(kernels, np.random.SeedSequence(seed).spawn(len(kernels)), strict=True):
        forward_seed, backward_seed, feedback_seed = (
            int(draw) for draw in draws.generate_state(3) >> 1
        )
        shape = tuple(layer.kernel.shape)
        layer.kernel.assign(_draw(layer.kernel_initializer, shape, forward_seed))
        if layer.learning_rule is not None:
            drawn_shape = (*shape[:-1], layer.learning_rule.backward_units(shape[-1]))
            drawn = _draw(layer.backward_initializer, drawn_shape, backward_seed)
            layer.backward_kernel.assign(layer.as_backward(drawn))
            if layer.feedback_kernel is not None:
                shape = tuple(layer.feedback_kernel.shape)
                initializer = layer.learning_rule.feedback_initializer
                layer.feedback_kernel.assign(_draw(initializer, shape, feedback_seed))
        if layer.use_bias:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            layer.gamma.assign(layer.gamma_initializer(layer.gamma.shape))
            layer.beta.assign(keras.ops.zeros(layer.beta.shape))
            layer.moving_mean.assign(keras.ops.zeros(layer.moving_mean.shape))
            layer.moving_variance.assign(keras.ops.ones(layer.moving_variance.shape))


def _draw(initializer: Any, shape: tuple[int, ...], seed: int) -> Any:
    seeded = initializer.__class__.from_config({**initializer.get_config(), "seed": seed})
    return seeded(shape)
