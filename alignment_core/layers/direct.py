"""Delivery of the error at a network's output to the layers under a direct rule.

    with recording() as calls:
        outputs = model(images)
    loss = cost(send_error(outputs, calls))

Such a layer propagates no gradient to its input. Instead, `send_error` gives each input, as its
gradient, the error that the layer's backward kernel projects.
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.keras_internals import is_being_exported, with_mask_of


class Delivery:
    """Knowledge of whether the error will reach one call's input."""

    def __init__(self) -> None:
        self.arranged = False


def without_gradient(x: Any, layer: str) -> tuple[Any, Delivery]:
    """Return `x` behind a barrier for its gradient, and the delivery that takes its place.

    Args:
        x: input (batch, ...) of a layer under a direct rule.
        layer: the layer's name, for the error message.

    The gradient raises ConfigurationError if `send_error` didn't get the call.
    """
    delivery = Delivery()

    @tf.custom_gradient
    def barrier(x: Any) -> Any:
        def propagate(upstream: Any) -> Any:
            if is_being_exported():
                # A SavedModel keeps the gradient of each function, also of those without one.
                return upstream * math.nan
            if not delivery.arranged:
                raise ConfigurationError(
                    f"layer {layer!r}: its rule learns from the error at the network's output, "
                    "which it can't see here: use AlignedModel or Trainer, or pass the outputs "
                    "and the recorded calls through alignment_core.layers.direct.send_error "
                    "before the loss"
                )
            return None

        return tf.identity(x), propagate

    return barrier(x), delivery


def refuse_other_outputs(error: Any, rank: int, outputs: int, layer: str) -> None:
    """Raise ConfigurationError if the error of a network's outputs has another rank or size.

    Args:
        error: the error.
        rank: the only rank that the layer can project.
        outputs: number of outputs that the layer's backward kernel was made for.
        layer: the layer's name, for the error message.
    """
    if error.shape[-1] != outputs:
        raise ConfigurationError(
            f"layer {layer!r}: its rule was made for {outputs} outputs of the network, which has "
            f"{error.shape[-1]}; give the rule outputs={error.shape[-1]}"
        )
    if error.shape.rank != rank:
        raise ConfigurationError(
            f"layer {layer!r}: its rule sends the error of the outputs (batch, outputs) to each "
            f"layer, and this network's outputs have rank {error.shape.rank}; use another rule"
        )


def send_error(outputs: Any, calls: Sequence[Any]) -> Any:
    """Return a network's outputs, whose gradient also goes to the inputs of layers directly.

    Args:
        outputs: outputs (batch, ...) of the network, from which the loss is computed.
        calls: the recorded calls of its layers (`layers.contexts.recording`).

        >>> from alignment_core.layers.contexts import recording
        >>> rule = DirectFeedbackAlignment(outputs=3)
        >>> layers = [Dense(4, learning_rule=rule), Dense(3, learning_rule=rule)]
        >>> x = tf.ones((2, 5))
        >>> with recording() as calls, tf.GradientTape() as tape:
        ...     y = send_error(layers[1](layers[0](x)), calls)
        ...     loss = tf.reduce_sum(y)
        >>> first = tape.gradient(loss, layers[0].kernel.value)
        >>> bool(tf.reduce_all(first == 2 * tf.reduce_sum(layers[1].backward_kernel, axis=0)))
        True
    """
    direct = [call for call in calls if call.delivery is not None]
    if not direct:
        return outputs
    for call in direct:
        call.delivery.arranged = True

    @tf.custom_gradient
    def deliver(outputs: Any, *inputs: Any) -> Any:
        def propagate(error: Any) -> tuple[Any, ...]:
            projected = (
                tf.cast(call.layer.project_error(error, call), x.dtype)
                for call, x in zip(direct, inputs, strict=True)
            )
            return error, *projected

        return tf.identity(outputs), propagate

    return with_mask_of(outputs, deliver(outputs, *[call.x for call in direct]))
