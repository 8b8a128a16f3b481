"""The end of a functional or sequential model: whether an activation makes its outputs."""

from typing import Any

import keras

from alignment_core.layers.keras_internals import Functional

LINEAR = {
    *("Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "Concatenate"),
    *("Cropping1D", "Cropping2D", "Dropout", "Flatten", "GetItem", "GlobalAveragePooling1D"),
    *("GlobalAveragePooling2D", "Identity", "Mean", "Permute", "Reshape", "Squeeze", "Subtract"),
    *("Transpose", "ZeroPadding1D", "ZeroPadding2D"),
}
"""Keras's layers and operations that are linear, if they have no other `activation`.

The layer before one of them decides."""

NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)


def activation_at_end(model: Any) -> str | None:
    """Return a description of the activation, or of the unknown part, that a model ends with.

        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "tanh", name="out")])
        >>> activation_at_end(model)
        "layer 'out'"

    Args:
        model: a Keras model with one output.

    Returns:
        None if the outputs are a layer's without an activation.
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if not isinstance(graph, Functional) or type(graph).call is not Functional.call:
        return f"the model {model.name!r}"
    return _made_by(graph.outputs[0])


def _made_by(tensor: Any) -> str | None:
    operation, node, index = tensor._keras_history
    kind = type(operation)
    name = f"layer {operation.name!r}"
    if isinstance(operation, Functional | keras.Sequential):
        graph = operation if isinstance(operation, Functional) else operation._functional
        plain = type(graph).call is Functional.call
        return _made_by(graph.outputs[index]) if plain else name
    if isinstance(operation, keras.layers.TimeDistributed):
        operation = operation.layer
    if getattr(operation, "activation", None) not in (None, keras.activations.linear):
        return name
    if isinstance(operation, NORMALIZATIONS) or isinstance(
        getattr(operation, "kernel", None), keras.Variable
    ):
        return None
    if kind.__name__ in LINEAR and kind.__module__.split(".")[0] == "keras":
        inputs = operation._inbound_nodes[node].input_tensors
        return next((found for each in inputs if (found := _made_by(each)) is not None), None)
    return name
