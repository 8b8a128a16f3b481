"""The last layer of the small networks, and their initial weights."""

from typing import Any

import keras

from alignment_core.layers.dense import Dense
from alignment_core.models.initialization import initialize
from alignment_core.rules.alignment import Alignment


def with_logits(
    name: str, inputs: Any, x: Any, num_classes: int, learning_rule: Alignment | None, seed: int
) -> Any:
    """Return a `keras.Model` from `inputs` to logits (batch, num_classes) of the features `x`."""
    logits = Dense(
        num_classes,
        kernel_initializer=keras.initializers.GlorotUniform(),
        learning_rule=learning_rule,
        relu_follows=False,
        name="logits",
    )(x)
    model = keras.Model(inputs, logits, name=name)
    initialize(model, seed)
    return model
