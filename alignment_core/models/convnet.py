"""A small convolutional network: three convolutions with ReLU.

It has no batch norm and no shortcuts. Its convolutions have a bias, so that FO Bias and BO Bias
act on every layer.
"""

from typing import Any

import keras

from alignment_core.layers.conv import Conv2D
from alignment_core.model_names import OWN_WIDTHS
from alignment_core.models.builder import check_buildable
from alignment_core.models.logits import with_logits
from alignment_core.rules.alignment import Alignment

STRIDES = (1, 2, 2)
"""Stride of each convolution. The number of channels doubles from one to the next."""


def convnet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = OWN_WIDTHS["convnet"],
    stem: str = "small",
    learning_rule: Alignment | None = None,
    seed: int = 0,
) -> Any:
    """Build the network with three 3 x 3 convolutions of `width` and more channels; see `Builder`.

    `stem` is ignored.

    Raises:
        ConfigurationError: `width` is below one.
    """
    check_buildable(width)
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
    return with_logits("convnet", inputs, x, num_classes, learning_rule, seed)
