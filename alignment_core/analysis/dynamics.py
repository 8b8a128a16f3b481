"""Weight mirror's instability (Kunin et al. 2020, App. D.1): in symbols and on real layers.

The symmetrized gradient flow of a rule moves the backward weight down the gradient of R,
and the forward weight down the same gradient with both weights' roles exchanged. For scalar
weights and input it is linear, d(w, b)/dt = -A (w, b). u = (1, 1) is the part that both weights
share, v = (1, -1) the one in which they differ.

With an input of several dimensions x^2 becomes the input's second moment C = E[x x^T]. Under
weight mirror W + B^T then obeys d/dt = (C - lambda) (W + B^T): along an eigenvector of C
with eigenvalue c, lambda_u = lambda - c and lambda_v = lambda + c. So the network is stable
at no lambda but the largest c of all layers, and that one moves with the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.layers.dense import Dense
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment

W, B = sympy.symbols("w b", real=True)
X, DECAY = sympy.symbols("x lambda_WM", positive=True)

PRIMITIVE_FORMS = {
    "decay": B**2 / 2,
    "amp": -(X * W) * (X * B),
    "sparse": (X * B) ** 2 / 2,
    "self": -B * W,
}
"""Each primitive (primitives.py) for scalar weights and a scalar input."""


@dataclass(frozen=True)
class Flow:
    """One rule's symmetrized flow.

    Attributes:
        title: the rule's name in print.
        rule: its class, and `weights` by primitive: equal ones for SA and AA, and 1 and
            lambda_WM for weight mirror, as in App. D.1.
        printed_matrix: A as App. D.1 prints it.
        printed: lambda_u and lambda_v as App. D.1 prints them.
    """

    title: str
    rule: type[Alignment]
    weights: Mapping[str, Any]
    printed_matrix: Any
    printed: tuple[Any, Any]

    @property
    def matrix(self) -> Any:
        """A, a 2 x 2 SymPy matrix, derived from the rule's primitives."""
        loss = sum(weight * PRIMITIVE_FORMS[name] for name, weight in self.weights.items())
        gradient = sympy.diff(loss, B)
        exchanged = gradient.subs({W: B, B: W}, simultaneous=True)
        return sympy.Matrix([exchanged, gradient]).jacobian([W, B])

    @property
    def eigenvalues(self) -> tuple[Any, Any]:
        """lambda_u and lambda_v: A's eigenvalues along (1, 1) and (1, -1)."""
        return _along(self.matrix, [1, 1]), _along(self.matrix, [1, -1])

    def alignment(self, decay: float) -> Alignment:
        """The real rule, with lambda_WM = `decay` if it is weight mirror."""
        return self.rule(
            {name: float(sympy.sympify(w).subs(DECAY, decay)) for name, w in self.weights.items()}
        )


FLOWS = {
    "symmetric_alignment": Flow(
        "Symmetric Alignment",
        SymmetricAlignment,
        {"self": 1, "decay": 1},
        sympy.Matrix([[1, -1], [-1, 1]]),
        (sympy.Integer(0), sympy.Integer(1)),
    ),
    "activation_alignment": Flow(
        "Activation Alignment",
        ActivationAlignment,
        {"amp": 1, "sparse": 1},
        sympy.Matrix([[X**2, -(X**2)], [-(X**2), X**2]]),
        (sympy.Integer(0), X**2),
    ),
    "weight_mirror": Flow(
        "Weight Mirror",
        WeightMirror,
        {"amp": 1, "decay": DECAY},
        sympy.Matrix([[DECAY, -(X**2)], [-(X**2), DECAY]]),
        (DECAY - X**2, DECAY + X**2),
    ),
}


def trajectory(
    matrix: NDArray[np.float64], start: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The flow's exact path exp(-A t) from `start` (2,), at `times` (n,): (n, 2)."""
    values, vectors = np.linalg.eigh(matrix)
    parts = np.exp(-np.outer(times, values)) * (vectors.T @ start)
    path: NDArray[np.float64] = parts @ vectors.T
    return path


def measured_matrix(rule: Alignment, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """A of a real scalar layer under `rule`, from the gradients that would train it.

    `inputs` (batch, 1); the batch's mean square is what App. D.1 calls x_l^2.
    """
    layer = scalar_layer(rule)
    x = tf.constant(inputs)

    def gradient(forward: float, backward: float) -> float:
        layer.kernel.assign([[forward]])
        layer.backward_kernel.assign([[backward]])
        return float(alignment_gradient(layer, x)[0, 0])

    columns = [(gradient(b, w), gradient(w, b)) for w, b in ((1.0, 0.0), (0.0, 1.0))]
    return np.array(columns).T


def scalar_layer(rule: Alignment) -> Dense:
    """A built layer of one weight and no bias, in double precision."""
    layer = Dense(1, use_bias=False, learning_rule=rule, dtype="float64")
    layer.build((None, 1))
    return layer


def alignment_gradient(layer: Any, x: Any) -> Any:
    """R's gradient for the layer's backward kernel, in its shape; zeros if R is 0."""
    backward = layer.backward_kernel.value
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(backward)
        loss = layer.alignment_loss(x)
    return tape.gradient(loss, backward, unconnected_gradients="zero")


def _along(matrix: Any, direction: list[int]) -> Any:
    vector = sympy.Matrix(direction)
    image = matrix * vector
    value = sympy.simplify(image[0] / vector[0])
    assert sympy.simplify(image - value * vector).is_zero_matrix
    return value
