"""Products whose propagated gradient passes through a kernel of its own.

Kunin et al. 2020, App. A.1: the forward kernel acts in the forward pass, the
backward kernel takes its place when the gradient is propagated, which makes that
gradient a pseudogradient. Each product is the same TensorFlow kernel as Keras's, forward
and backward, so untied kernels cost nothing but their memory.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Gradients = tuple[Any, Any, Any]


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
    def product(x: Any, forward: Any, backward: Any) -> tuple[Any, Callable[[Any], Gradients]]:
        def propagate(upstream: Any) -> Gradients:
            dx = tf.matmul(upstream, backward)
            forward_gradient = tf.matmul(x, upstream, transpose_a=True)
            tied = tf.transpose(forward_gradient) if tie_gradients else None
            return dx, forward_gradient, tied

        return tf.matmul(x, forward), propagate

    return product(x, forward_kernel, backward_kernel)


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
    def product(x: Any, forward: Any, backward: Any) -> tuple[Any, Callable[[Any], Gradients]]:
        def propagate(upstream: Any) -> Gradients:
            dx = tf.nn.conv2d_transpose(
                upstream, backward, tf.shape(x), strides=all_strides, padding=padding
            )
            forward_gradient = tf.raw_ops.Conv2DBackpropFilter(
                input=x,
                filter_sizes=tf.shape(forward),
                out_backprop=upstream,
                strides=all_strides,
                padding=padding,
            )
            return dx, forward_gradient, forward_gradient if tie_gradients else None

        return tf.nn.conv2d(x, forward, strides=all_strides, padding=padding), propagate

    return product(x, forward_kernel, backward_kernel)
