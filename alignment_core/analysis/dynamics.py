"""Stability of the rules' gradient flows (Kunin et al. 2020, App. D.1), in symbols and on layers.

The symmetrized gradient flow of a rule moves the backward weight b down the gradient of R, and the
forward weight w down the same gradient with the roles of w and b exchanged. For scalar weights and
inputs it is linear, d(w, b)/dt = -A (w, b). Along u = (1, 1) both weights change together, along
v = (1, -1) their difference changes.

For inputs of several dimensions, x^2 becomes the input's second moment C = E[x x^T]. Under weight
mirror, d/dt (W + B^T) = (C - lambda) (W + B^T). Along an eigenvector of C with eigenvalue c,
lambda_u = lambda - c and lambda_v = lambda + c. A network is therefore stable only if lambda equals
the largest c of all layers, which changes with the weights.
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
from alignment_core.rules.layer_call import LayerCall
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
"""Formula of each primitive (primitives.py) for scalar weights and a scalar input."""


@dataclass(frozen=True)
class Flow:
    """The symmetrized gradient flow of one rule.

    Attributes:
        title: the rule's name in tables and figures.
        rule: the rule's class.
        weights: weight of each primitive, as in App. D.1: 1 for SA and AA, 1 and lambda_WM for
            weight mirror.
        printed_matrix: A as printed in App. D.1.
        printed: lambda_u and lambda_v as printed in App. D.1.
    """

    title: str
    rule: type[Alignment]
    weights: Mapping[str, Any]
    printed_matrix: Any
    printed: tuple[Any, Any]

    @property
    def matrix(self) -> Any:
        """The matrix A (2, 2) in SymPy, derived from the rule's primitives."""
        loss = sum(weight * PRIMITIVE_FORMS[name] for name, weight in self.weights.items())
        gradient = sympy.diff(loss, B)
        exchanged = gradient.subs({W: B, B: W}, simultaneous=True)
        return sympy.Matrix([exchanged, gradient]).jacobian([W, B])

    @property
    def eigenvalues(self) -> tuple[Any, Any]:
        """The eigenvalues lambda_u and lambda_v of A along (1, 1) and (1, -1)."""
        return _along(self.matrix, [1, 1]), _along(self.matrix, [1, -1])

    def alignment(self, decay: float) -> Alignment:
        """Return the rule itself, with lambda_WM = `decay` for weight mirror."""
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
    """Return the flow's exact path exp(-A t) `start` (n, 2) at `times` (n,), from `start` (2,)."""
    values, vectors = np.linalg.eigh(matrix)
    parts = np.exp(-np.outer(times, values)) * (vectors.T @ start)
    path: NDArray[np.float64] = parts @ vectors.T
    return path


def measured_matrix(rule: Alignment, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix A (2, 2) of a real scalar layer, measured by its gradients.

    Args:
        rule: the layer's rule.
        inputs: (batch, 1). Their mean square is x_l^2 in App. D.1.
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
    """Return a built layer with one weight and no bias, in double precision."""
    layer = Dense(1, use_bias=False, learning_rule=rule, dtype="float64")
    layer.build((None, 1))
    return layer


def alignment_gradient(layer: Any, x: Any) -> Any:
    """Return R's gradient for the layer's backward kernel, zeros if R is 0.

    Args:
        layer: a built layer with a rule.
        x: the layer's input (batch, ...).
    """
    backward = layer.backward_kernel.value
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(backward)
        loss = layer.alignment_loss(LayerCall(layer, x), valued=False)
    return tape.gradient(loss, backward, unconnected_gradients="zero")


def _along(matrix: Any, direction: list[int]) -> Any:
    vector = sympy.Matrix(direction)
    image = matrix * vector
    value = sympy.simplify(image[0] / vector[0])
    assert sympy.simplify(image - value * vector).is_zero_matrix
    return value
