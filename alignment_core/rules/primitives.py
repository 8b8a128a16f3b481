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

A primitive is a function of a `BackwardPass` and says what it needs of a call of its layer. A
primitive of your own can be added to the table:

    PRIMITIVES["norm"] = Primitive(lambda q: tf.norm(q.backward_kernel), needs="kernels")
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from alignment_core.rules.backward_pass import BackwardPass


def decay(q: BackwardPass) -> Any:
    """Return half the squared norm of the backward kernel. Gradient: B."""
    return tf.nn.l2_loss(q.backward_kernel)


def amp(q: BackwardPass) -> Any:
    """Return minus the inner product of both outputs (batch, ...). Gradient: -f^T x / batch.

    The gradient doesn't depend on the backward output. It is never computed, unless an operation
    on it is nonlinear (BO ReLU, BO FWL2N); see `BackwardPass.correlation`.
    """
    return -q.correlation / q.batch_size


def null(q: BackwardPass) -> Any:
    """Return half the squared norm of the reconstruction (batch, ...).

    Gradient: f^T f B / batch.
    """
    return tf.nn.l2_loss(q.forward_reconstruction) / q.batch_size


def sparse(q: BackwardPass) -> Any:
    """Return half the squared norm of the backward output (batch, ...).

    Gradient: B x^T x / batch.
    """
    return tf.nn.l2_loss(q.backward_output) / q.batch_size


def self_(q: BackwardPass) -> Any:
    """Return minus the inner product of both kernels, given in one layout. Gradient: -W."""
    return -tf.reduce_sum(q.forward_kernel * q.backward_kernel)


def angle(q: BackwardPass) -> Any:
    """Return the inner product of the backward output and the pseudogradient. Gradient: g^T x.

    The pseudogradient g (batch, ...) belongs to the mean cost of the batch, so it isn't divided by
    the batch size again. The gradient is thus the transpose of the forward kernel's gradient
    (Kunin et al. 2020, App. D.3).
    """
    return q.propagation


@dataclass(frozen=True)
class Primitive:
    """A function whose weighted sum with others is a layer's regularization R.

        >>> PRIMITIVES["decay"].needs
        'kernels'

    Attributes:
        function: function of a `BackwardPass` that returns a scalar.
        needs: "kernels" if the value follows from both kernels alone: it counts once, however
            often the layer is called. "input" if it needs the layer's input, "pseudogradient" if
            it needs J's pseudogradient as well: it counts at every call.
    """

    function: Callable[[BackwardPass], Any]
    needs: Literal["kernels", "input", "pseudogradient"]


PRIMITIVES: dict[str, Primitive] = {
    "decay": Primitive(decay, "kernels"),
    "amp": Primitive(amp, "input"),
    "null": Primitive(null, "input"),
    "sparse": Primitive(sparse, "input"),
    "self": Primitive(self_, "kernels"),
    "angle": Primitive(angle, "pseudogradient"),
}
"""Each primitive by its name in a rule's weights."""
