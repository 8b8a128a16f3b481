"""A small dense network: two hidden layers with ReLU.

It has no batch norm, and every layer has a bias. The learning rates that were published for
residual networks need larger batches here: at 0.1, backpropagation leaves this network at 20 %
error after 10 epochs of digits in batches of 8, and at 3 % in batches of 64.
"""

from typing import Any

import keras

from alignment_core.layers.dense import Dense
from alignment_core.model_names import OWN_WIDTHS
from alignment_core.models.builder import check_buildable
from alignment_core.models.logits import with_logits
from alignment_core.rules.alignment import Alignment

HIDDEN_LAYERS = 2
"""Hidden layers: the fewest with which a backward kernel propagates into a trained layer."""


def dense(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = OWN_WIDTHS["dense"],
    stem: str = "small",
    learning_rule: Alignment | None = None,
    seed: int = 0,
) -> Any:
    """Build the network with two hidden layers of `width` units; see `Builder`.

    `stem` is ignored.

    Raises:
        ConfigurationError: `width` is below one.
    """
    check_buildable(width)
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten(name="flatten")(inputs)
    for index in range(HIDDEN_LAYERS):
        x = Dense(
            width,
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(),
            learning_rule=learning_rule,
            name=f"dense{index + 1}",
        )(x)
    return with_logits("dense", inputs, x, num_classes, learning_rule, seed)
