"""Residual networks v1 and v2, in which every kernel carries a learning rule.

v1 (He et al. 2016a): a ReLU follows the sum of each block. v2 (He et al. 2016b): batch norm and
ReLU come before each convolution, and no ReLU follows the sum.

One thing differs from the published code of Kunin et al. 2020. Here a shortcut is the identity
wherever shapes match, as in He et al.; the published code projects in the first block of every
stage. The networks of basic blocks, ResNet-18 and -34, therefore have the usual number of
parameters here, and a projection more there. `resnet18_projecting` and `resnet34_projecting` are
the published code's.
"""

from dataclasses import dataclass
from typing import Any, Literal

import keras

from alignment_core.errors import ConfigurationError
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization
from alignment_core.models.builder import Builder, check_buildable
from alignment_core.models.initialization import initialize
from alignment_core.rules.alignment import Alignment

STEMS = ("imagenet", "small")
"""First layers: 7 x 7 with stride 2 and a max pool, or one 3 x 3 convolution."""

EXPANSION = 4
"""Output channels of a bottleneck for each channel of its 3 x 3 convolution."""


@dataclass(frozen=True)
class Architecture:
    """The blocks of one residual network.

    Attributes:
        name: the network's name.
        blocks: number of blocks in each stage, four of them for ImageNet and three for CIFAR.
            The width doubles and the image halves from stage to stage.
        bottleneck: whether a block has 1 x 1, 3 x 3 and 1 x 1 convolutions instead of two 3 x 3.
        version: 1 or 2.
        projecting: whether the first stage's first block has a projection, though shapes match.
    """

    name: str
    blocks: tuple[int, ...]
    bottleneck: bool = True
    version: Literal[1, 2] = 1
    projecting: bool = False


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("resnet18", (2, 2, 2, 2), bottleneck=False),
        Architecture("resnet34", (3, 4, 6, 3), bottleneck=False),
        Architecture("resnet50", (3, 4, 6, 3)),
        Architecture("resnet101", (3, 4, 23, 3)),
        Architecture("resnet152", (3, 8, 36, 3)),
        Architecture("resnet50v2", (3, 4, 6, 3), version=2),
        Architecture("resnet101v2", (3, 4, 23, 3), version=2),
        Architecture("resnet152v2", (3, 8, 36, 3), version=2),
        Architecture("resnet20", (3, 3, 3), bottleneck=False),
        Architecture("resnet18_projecting", (2, 2, 2, 2), bottleneck=False, projecting=True),
        Architecture("resnet34_projecting", (3, 4, 6, 3), bottleneck=False, projecting=True),
    )
}
"""Architectures by name (He et al. 2016a, Table 1). v2 has the same blocks as v1.

`resnet20` is that paper's network for CIFAR (section 4.2, n = 3), whose width is 16 there. Its
shortcuts project where shapes differ, as in all networks here, and aren't padded with zeros."""


def resnet(architecture: Architecture) -> Builder:
    """Return the builder of one of `ARCHITECTURES`.

    The stem is a 7 x 7 convolution with stride 2 and a max pool ("imagenet"), or one 3 x 3
    convolution ("small", for images of 8 to 64 pixels). These details are those of the published
    code of Kunin et al. 2020:

    - Convolutions have no bias.
    - Strided convolutions pad explicitly, so the input of their term of R is the padded image.
    - Bottlenecks halve the image in their 3 x 3 convolution.
    - v1: batch norm's momentum is 0.9, and the last gamma of each block starts at zero.
    - v2: batch norm's momentum is 0.997.

    The builder raises ConfigurationError for an unknown stem or a width below one.
    """

    def build(
        input_shape: tuple[int, int, int],
        num_classes: int,
        *,
        width: int = 64,
        stem: str = "imagenet",
        learning_rule: Alignment | None = None,
        seed: int = 0,
    ) -> Any:
        if stem not in STEMS:
            raise ConfigurationError(f"no stem is called {stem!r}; there are {', '.join(STEMS)}")
        check_buildable(width)
        network = _Network(architecture, learning_rule)
        inputs = keras.Input(input_shape)
        model = keras.Model(
            inputs, network.logits(inputs, num_classes, width, stem), name=architecture.name
        )
        initialize(model, seed)
        return model

    return build


class _Network:
    """The layers of one network, as functions of Keras's symbolic tensors."""

    def __init__(self, architecture: Architecture, learning_rule: Alignment | None) -> None:
        self._architecture = architecture
        self._learning_rule = learning_rule
        self._preactivated = architecture.version == 2

    def logits(self, x: Any, num_classes: int, width: int, stem: str) -> Any:
        x = self._stem(x, width, stem)
        block = self._preactivated_block if self._preactivated else self._block
        for stage, blocks in enumerate(self._architecture.blocks):
            for index in range(blocks):
                strides = 2 if stage > 0 and index == 0 else 1
                x = block(x, width * 2**stage, strides, f"stage{stage + 1}_block{index + 1}")
        if self._preactivated:
            x = self._norm_relu(x, "last")
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        initializers = keras.initializers
        return Dense(
            num_classes,
            kernel_initializer=initializers.GlorotUniform()
            if self._preactivated
            else initializers.RandomNormal(stddev=0.01),
            learning_rule=self._learning_rule,
            relu_follows=False,
            name="logits",
        )(x)

    def _stem(self, x: Any, width: int, stem: str) -> Any:
        size, strides = (7, 2) if stem == "imagenet" else (3, 1)
        x = self._conv(x, width, size, strides, "stem", relu_follows=not self._preactivated)
        if not self._preactivated:
            x = self._norm_relu(x, "stem")
        if stem == "imagenet":
            x = keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
        return x

    def _convolutions(self, filters: int, strides: int) -> list[tuple[int, int, int]]:
        """Return (filters, kernel size, stride) of each convolution of a block."""
        if self._architecture.bottleneck:
            return [(filters, 1, 1), (filters, 3, strides), (EXPANSION * filters, 1, 1)]
        return [(filters, 3, strides), (filters, 3, 1)]

    def _block(self, x: Any, filters: int, strides: int, name: str) -> Any:
        *rows, last = self._convolutions(filters, strides)
        shortcut = x
        first = self._architecture.projecting and name == "stage1_block1"
        if strides > 1 or x.shape[-1] != last[0] or first:
            project = f"{name}_project"
            shortcut = self._norm(self._conv(x, last[0], 1, strides, project), project)
        for index, row in enumerate(rows):
            conv = f"{name}_conv{index + 1}"
            x = self._norm_relu(self._conv(x, *row, conv, relu_follows=True), conv)
        conv = f"{name}_conv{len(rows) + 1}"
        x = self._norm(self._conv(x, *last, conv), conv, gamma="zeros")
        return self._relu(keras.layers.Add(name=f"{name}_add")([x, shortcut]), name)

    def _preactivated_block(self, x: Any, filters: int, strides: int, name: str) -> Any:
        *rows, last = self._convolutions(filters, strides)
        shortcut = x
        x = self._norm_relu(x, name)
        if strides > 1 or x.shape[-1] != last[0]:
            shortcut = self._conv(x, last[0], 1, strides, f"{name}_project")
        for index, row in enumerate(rows):
            conv = f"{name}_conv{index + 1}"
            x = self._norm_relu(self._conv(x, *row, conv, relu_follows=True), conv)
        x = self._conv(x, *last, f"{name}_conv{len(rows) + 1}")
        return keras.layers.Add(name=f"{name}_add")([x, shortcut])

    def _conv(
        self,
        x: Any,
        filters: int,
        size: int,
        strides: int,
        name: str,
        *,
        relu_follows: bool = False,
    ) -> Any:
        if strides > 1 and size > 1:
            before = (size - 1) // 2
            after = size - 1 - before
            pad = ((before, after), (before, after))
            x = keras.layers.ZeroPadding2D(pad, name=f"{name}_pad")(x)
        return Conv2D(
            filters,
            size,
            strides=strides,
            padding="valid" if strides > 1 else "same",
            use_bias=False,
            kernel_initializer=keras.initializers.VarianceScaling(),
            learning_rule=self._learning_rule,
            relu_follows=relu_follows,
            name=name,
        )(x)

    def _norm(self, x: Any, name: str, gamma: Literal["ones", "zeros"] = "ones") -> Any:
        momentum = 0.997 if self._preactivated else 0.9
        normalize = BatchNormalization(momentum, gamma_initializer=gamma, name=f"{name}_norm")
        return normalize(x)

    def _relu(self, x: Any, name: str) -> Any:
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    def _norm_relu(self, x: Any, name: str) -> Any:
        return self._relu(self._norm(x, name), name)
