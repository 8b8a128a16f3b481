"""One call of a layer, as the layer's learning rule sees it."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf


class ProjectingLayer(Protocol):
    """Interface of a layer whose backward kernel learns. Shapes: see layers/ops.py."""

    name: str
    kernel: Any
    backward_kernel: Any
    bias: Any
    relu_follows: bool | None

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the layer's linear output, computed with the forward kernel."""

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the layer's linear output, computed with the backward kernel."""

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the output mapped back to the input's shape by the backward kernel."""

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return the gradient of <output, upstream> with respect to the backward kernel."""

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the forward kernel in the backward kernel's layout."""


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of a layer, from which its rule computes a term of the regularization R.

        >>> layer = Dense(3, learning_rule=WeightMirror(amp=1.0, decay=0.1))
        >>> layer.build((None, 4))
        >>> call = LayerCall(layer, x=tf.ones((5, 4)))
        >>> layer.alignment_loss(call).shape
        TensorShape([])

    Attributes:
        layer: the built layer that was called.
        x: the layer's input (batch, ...); its shape is enough if the rule draws noise. None if R
            uses kernels only.
        product: product (batch, ...) of the input and the forward kernel, before the bias. None if
            the network hasn't computed it.
        pseudogradient: gradient (batch, ...) of the mean cost for the product. Only the rules need
            it whose `needs_pseudogradients` is True.
        noise: numbers from `Alignment.draw_noise`, at least as many as the input has. The first
            ones replace the input. Several calls may share them.
        kernel: the forward kernel as the call has read it; None reads it anew.
        bias: the bias as the call has read it; None reads it anew.
        delivery: how the network's error reaches `x` under a direct rule (`layers.direct`).
        training: False if the layer was told so. In a network's training step such a call has no
            term in R.
    """

    layer: ProjectingLayer
    x: Any = None
    product: Any = None
    pseudogradient: Any = None
    noise: Any = None
    kernel: Any = None
    bias: Any = None
    delivery: Any = None
    training: bool = True

    @property
    def shape(self) -> Any:
        """Shape of the input, with None or a tensor for a dimension that a graph doesn't know."""
        return getattr(self.x, "shape", self.x)

    @property
    def size(self) -> Any:
        """Number of the input's elements: an integer, or a tensor if a graph doesn't know it."""
        shape = tuple(self.shape)
        if all(isinstance(each, int) for each in shape):
            return math.prod(shape)
        return tf.reduce_prod(self._dynamic_shape)

    def with_noise_as_input(self) -> "LayerCall":
        """Return the call whose input is the noise. It has no product and no pseudogradient."""
        shape = tuple(self.shape)
        known = all(isinstance(each, int) for each in shape)
        noise = tf.reshape(self.noise[: self.size], shape if known else self._dynamic_shape)
        noise.set_shape([each if isinstance(each, int) else None for each in shape])
        return LayerCall(self.layer, noise, kernel=self.kernel, bias=self.bias)

    @property
    def _dynamic_shape(self) -> Any:
        if tf.is_tensor(self.x):
            return tf.shape(self.x)
        return tf.stack([tf.cast(each, tf.int32) for each in self.x])
