"""Delivery of the error at a network's output to the layers under a direct rule.

    with recording() as calls:
        outputs = model(images)
    loss = cost(send_error(outputs, calls))

Such a layer propagates no gradient to its input. Instead, `send_error` gives each input, as its
gradient, the error that the layer's backward kernel projects. The error is J's gradient for the
outputs before their activation, which Nøkland 2016 calls the output layer's a_y.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.contexts import open_recordings
from alignment_core.layers.keras_internals import has_logits, is_being_exported, with_mask_of
from alignment_core.layers.model_end import activation_at_end


class Delivery:
    """Knowledge of whether the error will reach one call's input, and of what the call made.

    Attributes:
        arranged: whether `send_error` got the call.
        linear: the layer's outputs before its activation.
        outputs: the layer's outputs.
    """

    def __init__(self) -> None:
        self.arranged = False
        self.linear: Any = None
        self.outputs: Any = None


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


def activated(layer: Any, linear: Any) -> Any:
    """Return the outputs of a layer with a rule, and keep both of them under a direct rule.

    Args:
        layer: the layer, whose call is recorded last.
        linear: its outputs before the activation.
    """
    outputs = linear if layer.activation is None else layer.activation(linear)
    if layer.learning_rule.direct:
        for calls in open_recordings()[-1:]:
            if calls[-1].delivery is not None:
                calls[-1].delivery.linear, calls[-1].delivery.outputs = linear, outputs
    return outputs


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


def send_error(outputs: Any, calls: Sequence[Any], model: Any = None) -> Any:
    """Return a network's outputs, whose gradient also goes to the inputs of layers directly.

    Args:
        outputs: outputs (batch, ...) as the network returned them, from which the loss is computed.
        calls: the recorded calls of its layers (`layers.contexts.recording`).
        model: the network, if a layer without a direct rule makes its outputs.

    Raises:
        ConfigurationError: the outputs aren't those of a layer under a direct rule, and it isn't
            known that no activation follows the layer that made them.

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
    last = next((each for each in direct if each.delivery.outputs is outputs), None)
    if last is None:
        _refuse_other_end(direct[0].layer.name, model)
    for call in direct:
        call.delivery.arranged = True

    @tf.custom_gradient
    def deliver(outputs: Any, *inputs: Any) -> Any:
        def propagate(error: Any) -> tuple[Any, ...]:
            before = error if last is None else _before_activation(error, last)
            projected = (
                tf.cast(call.layer.project_error(before, call), x.dtype)
                for call, x in zip(direct, inputs, strict=True)
            )
            return error, *projected

        return tf.identity(outputs), propagate

    return with_mask_of(outputs, deliver(outputs, *[call.x for call in direct]))


def send_errors_of(model: Any, outputs: Any, calls: Sequence[Any]) -> Any:
    """Return a compiled model's outputs after `send_error`, for one of Keras's losses.

    Raises:
        ConfigurationError: there are such layers, and several outputs, or those of a softmax or
            sigmoid, which Keras's losses leave out, or others that `send_error` refuses.
    """
    direct = [call.layer.name for call in calls if call.delivery is not None]
    if not direct:
        return outputs
    if not tf.is_tensor(outputs):
        raise ConfigurationError(
            f"the rule of layer {direct[0]!r} sends the error of one output to each layer, and "
            "this model has several; use another rule"
        )
    if has_logits(outputs):
        raise ConfigurationError(
            f"the rule of layer {direct[0]!r} sends the error, which is the loss's gradient for "
            "the logits, and this model ends with a softmax or sigmoid; leave that out, and give "
            "the loss from_logits=True"
        )
    return send_error(outputs, calls, model)


def _before_activation(error: Any, call: Any) -> Any:
    """Return the gradient of the loss for a layer's outputs before the activation."""
    activation = call.layer.activation
    if activation in (None, keras.activations.linear):
        return error
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(call.delivery.linear)
        outputs = activation(call.delivery.linear)
    return tape.gradient(outputs, call.delivery.linear, output_gradients=error)


def _refuse_other_end(layer: str, model: Any) -> None:
    """Raise ConfigurationError unless a model's outputs are known to have no activation."""
    bending = "this network" if model is None else activation_at_end(model)
    if bending is not None:
        raise ConfigurationError(
            f"the rule of layer {layer!r} sends the loss's gradient for the outputs before their "
            f"activation, and {bending} may end with one that can't be seen; give the rule to the "
            "last layer as well, with the activation as its argument, and return its outputs"
        )
