"""Products whose propagated gradient passes through a kernel of its own.

Kunin et al. 2020, App. A.1: the forward kernel acts in the forward pass, the
backward kernel takes its place when the gradient is propagated, which makes that
gradient a pseudogradient. Each product is the same TensorFlow kernel as Keras's, forward
and backward, so untied kernels cost nothing but their memory.

In a step that also moves the backward kernel, its read must come before its update.
TensorFlow's graph optimizer (2.21) drops the edge that says so for whatever is an argument of
tf.custom_gradient: it takes that function's IdentityN for a path from the read to the
update, and then removes the IdentityN. About one step in two thousand propagated through
a kernel that had moved already. So the backward kernel is an argument only where it gets a
gradient, and there the product waits until it has been read.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Gradients = tuple[Any, ...]

ONEDNN_CHANNELS = 16
"""Channels that oneDNN takes at once: single precision's in 512 bits."""


def matmul(
    x: Any, forward_kernel: Any, backward_kernel: Any, *, tie_gradients: bool = False
) -> Any:
    """Multiply `x` by the forward kernel; propagate gradients through the backward kernel.

    With W the forward and B the backward kernel, and g the incoming pseudogradient:
    y = x W, dx = g B, dW = x^T g. B gets no gradient, or with `tie_gradients` the
    transpose of dW (Kolen-Pollack: Kunin et al. 2020, App. D.3).

    Args:
        x: (batch, inputs).
        forward_kernel: (inputs, units).
        backward_kernel: (units, inputs), the shape of the transposed forward kernel.
        tie_gradients: whether dB is the transpose of dW.

    Returns:
        (batch, units).
    """

    @tf.custom_gradient
    def product(x: Any, forward: Any, *tied: Any) -> tuple[Any, Callable[[Any], Gradients]]:
        def propagate(upstream: Any) -> Gradients:
            dx = tf.matmul(upstream, backward_kernel)
            forward_gradient = matmul_gradient(x, upstream)
            return dx, forward_gradient, *(tf.transpose(forward_gradient) for _ in tied)

        with tf.control_dependencies(tied):
            return tf.matmul(x, forward), propagate

    return product(x, forward_kernel, *([backward_kernel] if tie_gradients else []))


def conv2d(
    x: Any,
    forward_kernel: Any,
    backward_kernel: Any,
    *,
    strides: tuple[int, int],
    padding: str,
    tie_gradients: bool = False,
) -> Any:
    """Convolve `x` with the forward kernel; propagate gradients through the backward kernel.

    dx is the transposed convolution of the incoming pseudogradient with the backward
    kernel; dW is the usual one. B gets no gradient, or with `tie_gradients` that of W.

    Args:
        x: (batch, height, width, channels in).
        forward_kernel: (height, width, channels in, channels out).
        backward_kernel: the same shape as the forward kernel.
        strides: along height and width.
        padding: "SAME" or "VALID".
        tie_gradients: whether dB is dW.

    Returns:
        (batch, height out, width out, channels out).
    """
    all_strides = [1, *strides, 1]

    @tf.custom_gradient
    def product(x: Any, forward: Any, *tied: Any) -> tuple[Any, Callable[[Any], Gradients]]:
        def propagate(upstream: Any) -> Gradients:
            dx = tf.nn.conv2d_transpose(
                upstream, backward_kernel, tf.shape(x), strides=all_strides, padding=padding
            )
            forward_gradient = conv2d_gradient(
                x, forward.shape, upstream, strides=strides, padding=padding
            )
            return dx, forward_gradient, *(forward_gradient for _ in tied)

        with tf.control_dependencies(tied):
            return tf.nn.conv2d(x, forward, strides=all_strides, padding=padding), propagate

    return product(x, forward_kernel, *([backward_kernel] if tie_gradients else []))


def matmul_gradient(x: Any, upstream: Any) -> Any:
    """Return the gradient (inputs, units) that `upstream` (batch, units) gives x W's kernel."""
    return tf.matmul(x, upstream, transpose_a=True)


def conv2d_gradient(
    x: Any, kernel_shape: Any, upstream: Any, *, strides: tuple[int, int], padding: str
) -> Any:
    """Return the gradient that `upstream`, of a convolution's output, gives its kernel."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x,
        filter_sizes=kernel_shape,
        out_backprop=upstream,
        strides=[1, *strides, 1],
        padding=padding,
    )


def thin(x: Any, strides: tuple[int, int]) -> Any:
    """Return the pixels of `x` (batch, height, width, channels) that a 1x1 kernel would meet."""
    return x if strides == (1, 1) else x[:, :: strides[0], :: strides[1]]


def spread(thinned: Any, strides: tuple[int, int], shape: Any) -> Any:
    """Return the transpose of `thin`: the pixels in their places of `shape`, zeros between them."""
    return tf.raw_ops.StridedSliceGrad(
        shape=shape, begin=[0] * 4, end=shape, strides=[1, *strides, 1], dy=thinned
    )


def transposed_pixelwise(x: Any, kernel: Any) -> Any:
    """Return the transposed convolution, without strides, of `x` with a 1x1 kernel."""
    return tf.nn.conv2d(x, tf.transpose(kernel, [0, 1, 3, 2]), 1, "VALID")
