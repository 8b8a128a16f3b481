"""The outputs of a network's layers, by the layers' names."""

from collections.abc import Sequence
from typing import Any

import keras

from alignment_core.errors import UnknownNameError


def features(model: Any, names: Sequence[str]) -> Any:
    """Return a `keras.Model` from images to a dict of the outputs of named layers.

        >>> model = get_model("dense")((8, 8, 1), 10, width=16)
        >>> features(model, ["dense2"])(tf.zeros((5, 8, 8, 1)))["dense2"].shape
        TensorShape([5, 16])

    Args:
        model: a functional Keras model. The new model shares its layers and weights.
        names: names of layers. The output of a residual block `stageN_blockM` is that of its layer
            `stageN_blockM_relu`, or `stageN_blockM_add` in a v2 network.

    Raises:
        UnknownNameError: no layer has one of the names.
    """
    layers = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in layers:
            raise UnknownNameError(f"layer of {model.name}", name, layers)
    return keras.Model(model.inputs, {name: layers[name].output for name in names})
