"""LeNet as BioTorch trains it on MNIST and Fashion-MNIST: three convolutions, two dense layers.

The kernels begin uniform between Glorot's limits and the biases at zero. BioTorch's first public
version (September 2021) has a ReLU after the first dense layer, as here. An earlier state of its
repository has none, and begins the biases at one.
"""

from typing import Any

import keras

from alignment_core.errors import ConfigurationError
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.model_names import OWN_WIDTHS
from alignment_core.models.builder import check_buildable
from alignment_core.models.logits import with_logits
from alignment_core.rules.alignment import Alignment

SMALLEST_IMAGE = 32
"""Side of the smallest image in pixels, of which the third convolution leaves one position."""

CHANNELS = (1, 16 / 6, 20)
"""Channels of the convolutions, as multiples of the width: 6, 16 and 120."""

UNITS = 14
"""Units of the first dense layer, as a multiple of the width: 84."""


def lenet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = OWN_WIDTHS["lenet"],
    stem: str = "small",
    learning_rule: Alignment | None = None,
    seed: int = 0,
) -> Any:
    """Build the network with a first convolution of `width` channels; see `Builder`.

    Each 5 x 5 convolution, without padding, is followed by a ReLU, and the first two by a max pool.
    `stem` is ignored.

    Raises:
        ConfigurationError: `width` is below one, or the images are smaller than 32 x 32.
    """
    check_buildable(width)
    if min(input_shape[:2]) < SMALLEST_IMAGE:
        raise ConfigurationError(
            f"lenet needs images of {SMALLEST_IMAGE} x {SMALLEST_IMAGE} pixels at least, not "
            f"{input_shape[0]} x {input_shape[1]}: use the data set fashion_mnist_32"
        )
    inputs = x = keras.Input(input_shape)
    for index, channels in enumerate(CHANNELS):
        x = Conv2D(
            max(1, round(channels * width)),
            5,
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(),
            learning_rule=learning_rule,
            name=f"conv{index + 1}",
        )(x)
        if index < len(CHANNELS) - 1:
            x = keras.layers.MaxPooling2D(2, name=f"pool{index + 1}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = Dense(
        UNITS * width,
        activation="relu",
        kernel_initializer=keras.initializers.GlorotUniform(),
        learning_rule=learning_rule,
        name="dense1",
    )(x)
    return with_logits("lenet", inputs, x, num_classes, learning_rule, seed)
