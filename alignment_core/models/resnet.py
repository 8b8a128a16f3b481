"""Residual networks (He et al. 2016) whose every kernel carries a learning rule.

Beside the published code of Kunin et al. 2020: an identity shortcut is used wherever
shapes match, as He et al. have it, while the published code projects in the first
block of every stage, matching shapes or not. So the parameters are the 11,689,512 of
the usual ResNet-18.
"""

from typing import Any, Literal

import keras
import numpy as np

from alignment_core.alignments import Alignment
from alignment_core.errors import ConfigurationError
from alignment_core.layers import Conv2D, Dense
from alignment_core.models.normalization import BatchNormalization

Stem = Literal["imagenet", "small"]

RESNET18_BLOCKS = (2, 2, 2, 2)
"""Basic blocks in each stage; the width doubles and the image halves from stage to stage."""


def resnet18(
    input_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: int = 64,
    stem: str = "imagenet",
    learning_rule: Alignment | None = None,
    seed: int = 0,
) -> Any:
    """A `keras.Model` from images (batch, height, width, channels) to logits.

    `width` is the first stage's number of channels. The stem is 7 x 7 with stride 2
    and a max pool ("imagenet"), or one 3 x 3 convolution ("small", for images of 8 to
    64 pixels). The first layer has a backward kernel and an alignment loss like any
    other, but nothing is propagated through it.

    Convolutions have no bias; strided ones pad explicitly, so that the alignment's
    input is the padded image; the last gamma of each block starts at zero. All as in
    the published code of Kunin et al. 2020, v1 networks.

    Raises ConfigurationError for an unknown stem or a width below one.
    """
    if stem not in _STEMS:
        raise ConfigurationError(f"no stem is called {stem!r}; there are {', '.join(_STEMS)}")
    if width < 1:
        raise ConfigurationError(f"a network's width must be at least 1, not {width}")
    inputs = keras.Input(input_shape)
    x = _STEMS[stem](inputs, width, learning_rule)
    for stage, blocks in enumerate(RESNET18_BLOCKS):
        for block in range(blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            name = f"stage{stage + 1}_block{block + 1}"
            x = _basic_block(x, width * 2**stage, strides, learning_rule, name)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = Dense(
        num_classes,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        learning_rule=learning_rule,
        name="logits",
    )(x)
    model = keras.Model(inputs, logits, name="resnet18")
    initialize(model, seed)
    return model


def initialize(model: Any, seed: int) -> None:
    """Draw every weight afresh, from `seed` and its place in the network alone.

    Forward and backward kernels are drawn independently from the same initializer;
    a network that is used again starts as a new one would, bit by bit.
    """
    kernels = [layer for layer in model.layers if isinstance(layer, Conv2D | Dense)]
    for layer, draws in zip(kernels, np.random.SeedSequence(seed).spawn(len(kernels)), strict=True):
        forward_seed, backward_seed = (int(draw) for draw in draws.generate_state(2) >> 1)
        layer.kernel.assign(_draw(layer, forward_seed))
        if layer.learning_rule is not None:
            layer.backward_kernel.assign(layer.as_backward(_draw(layer, backward_seed)))
        if layer.use_bias:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))
    for layer in model.layers:
        if isinstance(layer, BatchNormalization):
            layer.gamma.assign(layer.gamma_initializer(layer.gamma.shape))
            layer.beta.assign(keras.ops.zeros(layer.beta.shape))
            layer.moving_mean.assign(keras.ops.zeros(layer.moving_mean.shape))
            layer.moving_variance.assign(keras.ops.ones(layer.moving_variance.shape))


def _draw(layer: Any, seed: int) -> Any:
    initializer = layer.kernel_initializer
    seeded = initializer.__class__.from_config({**initializer.get_config(), "seed": seed})
    return seeded(layer.kernel.shape, dtype=layer.kernel.dtype)


def _conv(
    x: Any,
    filters: int,
    size: int,
    strides: int,
    learning_rule: Alignment | None,
    *,
    name: str,
    relu_follows: bool = False,
) -> Any:
    padding = "same"
    if strides > 1 and size > 1:
        before = (size - 1) // 2
        after = size - 1 - before
        x = keras.layers.ZeroPadding2D(((before, after), (before, after)), name=f"{name}_pad")(x)
    if strides > 1:
        padding = "valid"
    return Conv2D(
        filters,
        size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(),
        learning_rule=learning_rule,
        relu_follows=relu_follows,
        name=name,
    )(x)


def _norm(x: Any, name: str, *, gamma: Literal["ones", "zeros"] = "ones") -> Any:
    return BatchNormalization(gamma_initializer=gamma, name=f"{name}_norm")(x)


def _relu(x: Any, name: str) -> Any:
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _imagenet_stem(x: Any, width: int, learning_rule: Alignment | None) -> Any:
    x = _conv(x, width, 7, 2, learning_rule, name="stem", relu_follows=True)
    x = _relu(_norm(x, "stem"), "stem")
    return keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)


def _small_stem(x: Any, width: int, learning_rule: Alignment | None) -> Any:
    x = _conv(x, width, 3, 1, learning_rule, name="stem", relu_follows=True)
    return _relu(_norm(x, "stem"), "stem")


_STEMS = {"imagenet": _imagenet_stem, "small": _small_stem}


def _basic_block(
    x: Any, filters: int, strides: int, learning_rule: Alignment | None, name: str
) -> Any:
    shortcut = x
    if strides > 1 or x.shape[-1] != filters:
        project = f"{name}_project"
        shortcut = _norm(_conv(x, filters, 1, strides, learning_rule, name=project), project)
    first, second = f"{name}_conv1", f"{name}_conv2"
    x = _conv(x, filters, 3, strides, learning_rule, name=first, relu_follows=True)
    x = _relu(_norm(x, first), first)
    x = _norm(_conv(x, filters, 3, 1, learning_rule, name=second), second, gamma="zeros")
    return _relu(keras.layers.Add(name=f"{name}_add")([x, shortcut]), name)
