"""The outputs of a network's layers, by the layers' names."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.walk import all_layers


def features(model: Any, names: Sequence[str]) -> Any:
    """Return a `keras.Model` from images to a dict of the outputs of named layers.

        >>> model = get_model("dense")((8, 8, 1), 10, width=16)
        >>> features(model, ["dense2"])(tf.zeros((5, 8, 8, 1)))["dense2"].shape
        TensorShape([5, 16])

    Args:
        model: a Keras model. The new model shares its layers and weights.
        names: names of layers, nested to any depth (`all_layers`). The output of a residual block
            `stageN_blockM` is that of its layer `stageN_blockM_relu`, or `stageN_blockM_add` in a
            v2 network. A layer that is called more than once gives its last output.

    Raises:
        UnknownNameError: no layer has one of the names.
        ConfigurationError: two layers have one of the names.
    """
    layers: dict[str, list[Any]] = {}
    for layer in all_layers(model):
        layers.setdefault(layer.name, []).append(layer)
    for name in names:
        if name not in layers:
            raise UnknownNameError(f"layer of {model.name}", name, layers)
        if len(layers[name]) > 1:
            raise ConfigurationError(
                f"{model.name} has {len(layers[name])} layers called {name!r}; give each a name of "
                "its own"
            )
    chosen = {name: layers[name][0] for name in names}
    own = {id(layer) for layer in getattr(model, "layers", ()) if len(layer._inbound_nodes) == 1}
    if all(id(layer) in own for layer in chosen.values()) and hasattr(model, "inputs"):
        return keras.Model(model.inputs, {name: layer.output for name, layer in chosen.items()})
    return _Features(model, chosen)


class _Features(keras.Model):
    """Runs a network and returns what its named layers returned."""

    def __init__(self, network: Any, chosen: dict[str, Any]) -> None:
        super().__init__(name=f"{network.name}_features")
        self._network = network
        self._chosen = chosen

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return a dict of the layers' outputs."""
        found: dict[str, Any] = {}
        with ExitStack() as stack:
            for name, layer in self._chosen.items():
                stack.enter_context(_kept(layer, name, found))
            self._network(inputs, training=training)
        return found


@contextmanager
def _kept(layer: Any, name: str, found: dict[str, Any]) -> Iterator[None]:
    """Keep each output of the layer in `found` while the context lasts."""
    call = layer.call

    def kept(*args: Any, **kwargs: Any) -> Any:
        found[name] = call(*args, **kwargs)
        return found[name]

    layer.call = kept
    try:
        yield
    finally:
        del layer.call
