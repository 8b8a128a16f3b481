"""What a network's layers put out, by their names."""

from collections.abc import Sequence
from typing import Any

import keras

from alignment_core.errors import UnknownNameError


def features(model: Any, names: Sequence[str]) -> Any:
    """A `keras.Model` from the images to a dict of the named layers' outputs.

    It shares the network's layers: what trains one trains the other. A residual block
    `stageN_blockM` puts out what `stageN_blockM_relu` does, or `stageN_blockM_add` in a v2
    network.

    Raises UnknownNameError for a name that no layer has.
    """
    layers = {layer.name: layer for layer in model.layers}
    for name in names:
        if name not in layers:
            raise UnknownNameError(f"layer of {model.name}", name, layers)
    return keras.Model(model.inputs, {name: layers[name].output for name in names})
