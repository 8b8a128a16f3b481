"""The primitives whose weighted sum is a layer's regularization R.

Sources: `decay` and `angle` Kunin et al. 2020, App. D.3; `amp`, `null` and `self` the
published code (neuroailab/neural-alignment); `sparse` follows from A_AA in App. D.1. The
half of `null` is unconfirmed; only gamma's scale would change with it.

In the docstrings B is the backward and W the forward kernel, both (units, inputs), x the
layer's input, f the forward output, b = x B^T the backward output and f B the
reconstruction. Gradients are for B with every operation of the backward pass off; in a
convolution each product is a convolution. The batch is averaged, channels and positions
are summed: `amp`, `null` and `sparse` grow with an image's area and `decay` does not.

The published code has no halves in `decay`, `null` and `sparse`, which doubles their
weights, and adds to `decay` a term that is constant in B.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def decay(backward_kernel: Any) -> Any:
    """Half the squared norm of the backward kernel. Gradient: B."""
    return tf.nn.l2_loss(backward_kernel)


def amp(forward_output: Any, backward_output: Any) -> Any:
    """Minus the inner product of both paths' outputs (batch, ...). Gradient: -f^T x / batch.

    That gradient needs no backward output: a compiled step that fetches only the gradient
    never forms it, unless an operation on the backward output bends (BO ReLU, BO FWL2N).
    """
    return -_inner(forward_output, backward_output) / _batch_size(forward_output)


def null(forward_reconstruction: Any) -> Any:
    """Half the squared norm of the reconstruction (batch, ...). Gradient: f^T f B / batch."""
    return _half_mean_square(forward_reconstruction)


def sparse(backward_output: Any) -> Any:
    """Half the squared norm of the backward output (batch, ...). Gradient: B x^T x / batch."""
    return _half_mean_square(backward_output)


def self_(forward_kernel: Any, backward_kernel: Any) -> Any:
    """Minus the inner product of both kernels, in one layout. Gradient: -W."""
    return -tf.reduce_sum(forward_kernel * backward_kernel)


def angle(backward_output: Any, pseudogradient: Any) -> Any:
    """Inner product of the backward output and the pseudogradient. Gradient: g^T x.

    The pseudogradient g (batch, ...) is that of the batch's mean cost, already averaged:
    it is not divided by the batch again, so that the gradient is the transpose
    of the forward kernel's own (Kunin et al. 2020, App. D.3).
    """
    return _inner(backward_output, pseudogradient)


@tf.custom_gradient
def _inner(one: Any, other: Any) -> Any:
    # TensorFlow's own gradient would first write the scalar out as large as its factor.
    return tf.reduce_sum(one * other), lambda upstream: (upstream * other, upstream * one)


def _half_mean_square(x: Any) -> Any:
    return tf.nn.l2_loss(x) / _batch_size(x)


def _batch_size(x: Any) -> Any:
    return tf.cast(tf.shape(x)[0], x.dtype)


PRIMITIVES: dict[str, Callable[..., Any]] = {
    "decay": decay,
    "amp": amp,
    "null": null,
    "sparse": sparse,
    "self": self_,
    "angle": angle,
}
"""Each primitive by the name under which a rule's weights know it."""
