"""Matrix products and convolutions that propagate gradients through a backward kernel.

The forward kernel acts in the forward pass. The backward kernel takes its place when the gradient
is propagated, so the propagated gradient is a pseudogradient (Kunin et al. 2020, App. A.1). Each
product calls the same TensorFlow kernels as Keras, so a backward kernel costs only its memory.

In a step that also moves the backward kernel, its read must come before its update. TensorFlow's
graph optimizer (2.21) drops the control edge between the two for arguments of tf.custom_gradient:
it counts that function's IdentityN as a path from the read to the update, and then removes the
IdentityN. About one step in two thousand then read a backward kernel that had moved already. So the
backward kernel is an argument only where it receives a gradient, and the product waits there until
it has been read.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

Gradients = tuple[Any, ...]

Learn = Callable[[Any], Any]
"""Function of the incoming pseudogradient that returns the backward kernel's gradient."""

ONEDNN_CHANNELS = 16
"""Channels that oneDNN processes at once: float32 numbers in 512 bits."""


def matmul(
    x: Any,
    forward_kernel: Any,
    backward_kernel: Any,
    *,
    tie_gradients: bool = False,
    learn: Learn | None = None,
) -> Any:
    """Multiply `x` by the forward kernel; propagate gradients through the backward kernel.

    W is the forward kernel, B the backward kernel and g the incoming pseudogradient:
    y = x W, dx = g B, dW = x^T g. B receives no gradient, or the transpose of dW with
    `tie_gradients` (Kolen-Pollack; Kunin et al. 2020, App. D.3).

    Args:
        x: input (batch, inputs).
        forward_kernel: (inputs, units).
        backward_kernel: (units, inputs), the shape of the transposed forward kernel.
        tie_gradients: whether B receives the transpose of dW as its gradient.
        learn: function of g that returns B's gradient, if it is another one.

    Returns:
        The product (batch, units).

        >>> x, w, b = tf.ones((5, 4)), tf.ones((4, 3)), tf.zeros((3, 4))
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = matmul(x, w, b)
        >>> float(tf.norm(tape.gradient(y, x)))
        0.0
    """

    @tf.custom_gradient
    def product(x: Any, forward: Any, *tied: Any) -> tuple[Any, Callable[[Any], Gradients]]:
        def propagate(upstream: Any) -> Gradients:
            dx = tf.matmul(upstream, backward_kernel)
            forward_gradient = matmul_gradient(x, upstream)
            if not tied:
                return dx, forward_gradient
            transposed = tf.transpose(forward_gradient)
            return dx, forward_gradient, transposed if learn is None else learn(upstream)

        with tf.control_dependencies(tied):
            return tf.matmul(x, forward), propagate

    learns = tie_gradients or learn is not None
    return product(x, forward_kernel, *([backward_kernel] if learns else []))


def conv2d(
    x: Any,
    forward_kernel: Any,
    backward_kernel: Any,
    *,
    strides: tuple[int, int],
    padding: str,
    tie_gradients: bool = False,
    learn: Learn | None = None,
) -> Any:
    """Convolve `x` with the forward kernel; propagate gradients through the backward kernel.

    dx is the transposed convolution of the incoming pseudogradient with the backward kernel B.
    dW is the usual filter gradient. B receives no gradient, or dW with `tie_gradients`.

    Args:
        x: input (batch, height, width, channels in).
        forward_kernel: (height, width, channels in, channels out).
        backward_kernel: a kernel of the same shape as the forward kernel.
        strides: strides along height and width.
        padding: "SAME" or "VALID".
        tie_gradients: whether B receives dW as its gradient.
        learn: function of the pseudogradient that returns B's gradient, if it is another one.

    Returns:
        The convolution (batch, height out, width out, channels out).

        >>> x, kernel = tf.ones((5, 8, 8, 2)), tf.ones((3, 3, 2, 4))
        >>> conv2d(x, kernel, -kernel, strides=(2, 2), padding="SAME").shape
        TensorShape([5, 4, 4, 4])
    """
    if learn is None and covers_image(x, forward_kernel, padding):
        rows = matmul(
            _as_row(x),
            _as_matrix(forward_kernel),
            tf.transpose(_as_matrix(backward_kernel)),
            tie_gradients=tie_gradients,
        )
        return rows[:, None, None, :]
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
            if not tied:
                return dx, forward_gradient
            return dx, forward_gradient, forward_gradient if learn is None else learn(upstream)

        with tf.control_dependencies(tied):
            return tf.nn.conv2d(x, forward, strides=all_strides, padding=padding), propagate

    learns = tie_gradients or learn is not None
    return product(x, forward_kernel, *([backward_kernel] if learns else []))


def covers_image(x: Any, kernel: Any, padding: str) -> bool:
    """Return whether a kernel is as large as the image and not padded: a product of matrices.

    As such it costs less than half of a convolution on a CPU (TensorFlow 2.21).
    """
    return padding == "VALID" and tuple(x.shape[1:3]) == tuple(kernel.shape[:2])


def whole_product(x: Any, kernel: Any) -> Any:
    """Return the convolution (batch, 1, 1, channels out) of a kernel that covers the image."""
    return tf.matmul(_as_row(x), _as_matrix(kernel))[:, None, None, :]


def _as_row(x: Any) -> Any:
    return tf.reshape(x, (-1, math.prod(x.shape[1:])))


def _as_matrix(kernel: Any) -> Any:
    return tf.reshape(kernel, (-1, kernel.shape[-1]))


def matmul_gradient(x: Any, upstream: Any) -> Any:
    """Return W's gradient (inputs, units) for y = x W and `upstream` = dy (batch, units)."""
    return tf.matmul(x, upstream, transpose_a=True)


def conv2d_gradient(
    x: Any, kernel_shape: Any, upstream: Any, *, strides: tuple[int, int], padding: str
) -> Any:
    """Return the filter gradient, of `kernel_shape`, for `upstream`, the output's gradient."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x,
        filter_sizes=kernel_shape,
        out_backprop=upstream,
        strides=[1, *strides, 1],
        padding=padding,
    )


def subsample(x: Any, strides: tuple[int, int]) -> Any:
    """Return `x` (batch, height, width, channels) subsampled by the strides of a 1x1 kernel."""
    return x if strides == (1, 1) else x[:, :: strides[0], :: strides[1]]


def spread(subsampled: Any, strides: tuple[int, int], shape: Any) -> Any:
    """Return the transpose of `subsample`: an image of `shape`, with zeros between the pixels."""
    return tf.raw_ops.StridedSliceGrad(
        shape=shape, begin=[0] * 4, end=shape, strides=[1, *strides, 1], dy=subsampled
    )


def transposed_pixelwise(x: Any, kernel: Any) -> Any:
    """Return the transposed convolution of `x` with a 1x1 kernel, without strides."""
    return tf.nn.conv2d(x, tf.transpose(kernel, [0, 1, 3, 2]), 1, "VALID")
