"""A fully connected layer with Keras's arguments and a learning rule."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from alignment_core.layers import ops
from alignment_core.layers.aligned import AlignedLayer
from alignment_core.layers.direct import activated, refuse_other_outputs
from alignment_core.rules.layer_call import LayerCall


@keras.saving.register_keras_serializable("alignment_core")
class Dense(AlignedLayer, keras.layers.Dense):
    """keras.layers.Dense with a learning rule.

    Takes the arguments of keras.layers.Dense, `learning_rule` and `relu_follows`
    (`AlignedLayer`). The forward kernel is (inputs, units), the backward kernel (units, inputs).
    An input of a higher rank (batch, positions, ..., inputs) is treated as a convolution with a
    kernel of one pixel treats an image: R sums over its positions, and its features are all axes
    but the batch together.

        >>> layer = Dense(3, activation="relu", learning_rule=FeedbackAlignment())
        >>> layer.build((None, 4))
        >>> tuple(layer.kernel.shape), tuple(layer.backward_kernel.shape)
        ((4, 3), (3, 4))

    Raises:
        ConfigurationError: the rule can't work with an argument, or with the input's rank.

    Source: Kunin et al. 2020, App. A.1.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return outputs (batch, ..., units) of inputs (batch, ..., inputs)."""
        if self.learning_rule is None:
            return super().call(inputs, training=training)
        outputs = self._aligned_product(self._multiply, inputs, training)
        if self.bias is not None:
            outputs += tf.convert_to_tensor(self.bias)
        return activated(self, outputs)

    def project_error(self, error: Any, call: LayerCall) -> Any:
        """Return the product of `error` and B, at each position of the call's input.

        If the network's outputs have positions, they are the input's own.

        Raises:
            ConfigurationError: the network's outputs have positions that the input hasn't.
        """
        kernel = tf.convert_to_tensor(self.backward_kernel)
        rank = call.x.shape.rank
        is_alike = error.shape.rank == rank
        refuse_other_outputs(error, rank if is_alike else 2, kernel.shape[0], self.name)
        projected = self._product(partial(_on_rows, tf.matmul), error, kernel)
        if is_alike:
            return projected
        spread = tf.reshape(projected, (-1, *[1] * (rank - 2), projected.shape[-1]))
        return tf.broadcast_to(spread, tf.shape(call.x))

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the linear output (batch, ..., units) of x (batch, ..., inputs)."""
        return self._product(partial(_on_rows, tf.matmul), x, forward_kernel)

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the linear output (batch, ..., units) of x (batch, ..., inputs)."""
        transposed = partial(tf.matmul, transpose_b=True)
        return self._product(partial(_on_rows, transposed), x, backward_kernel)

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the product (batch, ..., inputs) of output (batch, ..., units) and B."""
        return self._product(partial(_on_rows, tf.matmul), output, backward_kernel)

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return the backward kernel's gradient (units, inputs) of <output, upstream>."""
        gradient = self._product(ops.matmul_gradient, _rows(x), _rows(upstream))
        return self.as_backward(gradient)

    def _multiply(self, inputs: Any, forward: Any, propagating: Any, **learning: Any) -> Any:
        def multiply(rows: Any, kernel: Any) -> Any:
            return ops.matmul(rows, kernel, propagating, **learning)

        return _on_rows(multiply, inputs, forward)

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the transposed forward kernel (units, inputs)."""
        return tf.transpose(forward_kernel)

    def _backward_shape(self, kernel_shape: tuple[int, ...]) -> tuple[int, ...]:
        return kernel_shape[::-1]

    def _unsupported(self) -> dict[str, bool]:
        quantized = self.quantization_mode is not None
        return {"lora_rank": self.lora_rank is not None, "a quantized dtype": quantized}

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        return {f"an input of rank {rank}, which has no features": rank < 2}

    def takes(self, shape: tuple[Any, ...]) -> bool:
        """Return whether the built layer can be called on an input of a shape (batch, ...)."""
        return len(shape) >= 2 and shape[-1] == self.aligned_input_shape[-1]


def _rows(x: Any) -> Any:
    """Return x (batch, ..., features) as (rows, features)."""
    return x if x.shape.rank == 2 else tf.reshape(x, (-1, x.shape[-1]))


def _on_rows(multiply: Callable[..., Any], x: Any, kernel: Any) -> Any:
    """Return `multiply` of each row of x (batch, ..., features), in x's shape."""
    if x.shape.rank == 2:
        return multiply(x, kernel)
    rows = multiply(_rows(x), kernel)
    if x.shape.is_fully_defined():
        return tf.reshape(rows, (*x.shape[:-1], rows.shape[-1]))
    leading = tf.shape(x)[:-1]
    outputs = tf.reshape(rows, tf.concat([leading, [rows.shape[-1]]], 0))
    outputs.set_shape((*x.shape[:-1], rows.shape[-1]))
    return outputs
