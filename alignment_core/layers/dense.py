"""A fully connected layer with Keras's arguments and a learning rule."""

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from alignment_core.layers import ops
from alignment_core.layers.aligned import AlignedLayer


@keras.saving.register_keras_serializable("alignment_core")
class Dense(AlignedLayer, keras.layers.Dense):
    """keras.layers.Dense with a learning rule.

    Takes the arguments of keras.layers.Dense, `learning_rule` and `relu_follows`
    (`AlignedLayer`). The forward kernel is (inputs, units), the backward kernel (units, inputs).
    The input must be of rank 2.

        >>> layer = Dense(3, activation="relu", learning_rule=FeedbackAlignment({}))
        >>> layer.build((None, 4))
        >>> tuple(layer.kernel.shape), tuple(layer.backward_kernel.shape)
        ((4, 3), (3, 4))

    Raises:
        ConfigurationError: the rule can't work with an argument, or with the input's rank.

    Source: Kunin et al. 2020, App. A.1.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return outputs (batch, units) of inputs (batch, inputs)."""
        if self.learning_rule is None:
            return super().call(inputs, training=training)
        x, delivery = self._input_of_product(inputs)
        if delivery is None:
            ties = self.learning_rule.tie_gradients
            outputs = ops.matmul(x, *self._kernels(), tie_gradients=ties)
        else:
            outputs = tf.matmul(x, tf.convert_to_tensor(self.kernel))
        self._record(inputs, outputs, delivery)
        if self.bias is not None:
            outputs += tf.convert_to_tensor(self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def project_error(self, error: Any, x: Any, product: Any) -> Any:
        """Return the product (batch, inputs) of the error (batch, outputs) and B."""
        return self._product(tf.matmul, error, tf.convert_to_tensor(self.backward_kernel))

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the linear output (batch, units) of x (batch, inputs) and the forward kernel."""
        return self._product(tf.matmul, x, forward_kernel)

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the linear output (batch, units) of x (batch, inputs) and the backward kernel."""
        return self._product(partial(tf.matmul, transpose_b=True), x, backward_kernel)

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the product (batch, inputs) of output (batch, units) and the backward kernel."""
        return self._product(tf.matmul, output, backward_kernel)

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return the backward kernel's gradient (units, inputs) of <output, upstream>."""
        return self.as_backward(self._product(ops.matmul_gradient, x, upstream))

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the transposed forward kernel (units, inputs)."""
        return tf.transpose(forward_kernel)

    def _backward_shape(self, kernel_shape: tuple[int, ...]) -> tuple[int, ...]:
        return kernel_shape[::-1]

    def _unsupported(self) -> dict[str, bool]:
        return {"lora_rank": self.lora_rank is not None}

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        return {f"an input of rank {rank} (flatten it to (batch, features))": rank != 2}
