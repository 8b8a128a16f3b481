"""The primitives: functions whose weighted sum is a layer's regularization R.

Sources: `decay` and `angle` are from Kunin et al. 2020, App. D.3; `amp`, `null` and `self` from
the published code (neuroailab/neural-alignment); `sparse` follows from A_AA in App. D.1. The
factor 1/2 of `null` is unconfirmed. It affects the scale of gamma only.

Symbols in the docstrings: B is the backward kernel and W the forward kernel, both (units,
inputs); x is the layer's input, f the forward output, b = x B^T the backward output and f B the
reconstruction. Gradients are those for B with all operations of the backward pass off. In a
convolution each product is a convolution. Values are averages over the batch and sums over
channels and positions, so `amp`, `null` and `sparse` grow with an image's area and `decay` doesn't.

The published code has no factor 1/2 in `decay`, `null` and `sparse`, so its weights count twice. It
also adds a term to `decay` that is constant in B.

A primitive of one's own is added to the table as a function of a `BackwardPass`:

    PRIMITIVES["norm"] = Primitive(lambda q: tf.norm(q.backward_kernel), needs="kernels")
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import tensorflow as tf

if TYPE_CHECKING:
    from alignment_core.rules.backward_pass import BackwardPass


def decay(backward_kernel: Any) -> Any:
    """Return half the squared norm of the backward kernel. Gradient: B."""
    return tf.nn.l2_loss(backward_kernel)


def amp(forward_output: Any, backward_output: Any) -> Any:
    """Return minus the inner product of both outputs (batch, ...). Gradient: -f^T x / batch.

    The gradient doesn't depend on the backward output. A compiled step that fetches the gradient
    alone never computes that output, unless an operation on it is nonlinear (BO ReLU, BO FWL2N).
    """
    return -_inner(forward_output, backward_output) / _batch_size(forward_output)


def null(forward_reconstruction: Any) -> Any:
    """Return half the squared norm of the reconstruction (batch, ...).

    Gradient: f^T f B / batch.
    """
    return _half_mean_square(forward_reconstruction)


def sparse(backward_output: Any) -> Any:
    """Return half the squared norm of the backward output (batch, ...).

    Gradient: B x^T x / batch.
    """
    return _half_mean_square(backward_output)


def self_(forward_kernel: Any, backward_kernel: Any) -> Any:
    """Return minus the inner product of both kernels, given in one layout. Gradient: -W."""
    return -tf.reduce_sum(forward_kernel * backward_kernel)


def angle(backward_output: Any, pseudogradient: Any) -> Any:
    """Return the inner product of the backward output and the pseudogradient. Gradient: g^T x.

    The pseudogradient g (batch, ...) belongs to the mean cost of the batch, so it isn't divided by
    the batch size again. The gradient is thus the transpose of the forward kernel's gradient
    (Kunin et al. 2020, App. D.3).
    """
    return _inner(backward_output, pseudogradient)


@tf.custom_gradient
def _inner(one: Any, other: Any) -> Any:
    # TensorFlow's own gradient would first broadcast the scalar to the shape of its factor.
    return tf.reduce_sum(one * other), lambda upstream: (upstream * other, upstream * one)


def _half_mean_square(x: Any) -> Any:
    return tf.nn.l2_loss(x) / _batch_size(x)


def _batch_size(x: Any) -> Any:
    return tf.cast(tf.shape(x)[0], x.dtype)


@dataclass(frozen=True)
class Primitive:
    """A primitive of one's own: a function whose weighted sum with others is a layer's R.

        >>> norm = Primitive(lambda q: tf.norm(q.backward_kernel), needs="kernels")

    Attributes:
        function: function of a `BackwardPass` that returns a scalar.
        needs: "kernels" if the value follows from both kernels alone, "input" if it needs the
            layer's input, "pseudogradient" if it needs J's pseudogradient as well.
    """

    function: Callable[["BackwardPass"], Any]
    needs: Literal["kernels", "input", "pseudogradient"]


PRIMITIVES: dict[str, Callable[..., Any] | Primitive] = {
    "decay": decay,
    "amp": amp,
    "null": null,
    "sparse": sparse,
    "self": self_,
    "angle": angle,
}
"""Each primitive by its name in a rule's weights."""
