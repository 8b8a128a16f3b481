"""Plain networks for small work: quick, without batch norm or shortcuts.

Their convolutions have a bias, so that FO and BO Bias act on every layer. Rates that were
published for residual networks want larger batches here: at 0.1, backpropagation leaves the
dense network at 20 % error after 10 epochs of digits in batches of 8, and at 3 % in batches of 64.
"""

from typing import Any

import keras

from alignment_core.layers.aligned import Conv2D, Dense
from alignment_core.model_names import PLAIN_WIDTHS
from alignment_core.models.builder import check_width
from alignment_core.models.initialization import initialize
from alignment_core.rules.alignment import Alignment

HIDDEN_LAYERS = 2
"""Of the dense network: two, so that a backward kernel propagates into a trained layer."""

STRIDES = (1, 2, 2)
"""Of the convolutional network's layers; the width doubles from one to the next."""


def dense(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = PLAIN_WIDTHS["dense"],
    stem: str = "small",
    learning_rule: Alignment | None = None,
    seed: int = 0,
) -> Any:
    """Two hidden layers of `width` units with ReLU; `stem` makes no difference.

    Raises ConfigurationError for a width below one.
    """
    check_width(width)
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
    return _with_logits("dense", inputs, x, num_classes, learning_rule, seed)


def convnet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = PLAIN_WIDTHS["convnet"],
    stem: str = "small",
    learning_rule: Alignment | None = None,
    seed: int = 0,
) -> Any:
    """Three 3 x 3 convolutions of `width` and more channels with ReLU; `stem` is ignored.

    Raises ConfigurationError for a width below one.
    """
    check_width(width)
    inputs = x = keras.Input(input_shape)
    for index, strides in enumerate(STRIDES):
        x = Conv2D(
            width * 2**index,
            3,
            strides=strides,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(),
            learning_rule=learning_rule,
            name=f"conv{index + 1}",
        )(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return _with_logits("convnet", inputs, x, num_classes, learning_rule, seed)


def _with_logits(
    name: str, inputs: Any, x: Any, num_classes: int, learning_rule: Alignment | None, seed: int
) -> Any:
    logits = Dense(
        num_classes,
        kernel_initializer=keras.initializers.GlorotUniform(),
        learning_rule=learning_rule,
        name="logits",
    )(x)
    model = keras.Model(inputs, logits, name=name)
    initialize(model, seed)
    return model
