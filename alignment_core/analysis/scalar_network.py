"""The two-layer scalar network (Kunin et al. 2020, App. D.2), symbolic and on real layers.

The network y = w2 w1 x is trained on the mean squared error. alpha is the mean of x y and beta the
mean of x^2. With r = alpha - w2 w1 beta the gradient flows are

    backpropagation      w1' = w2 r   w2' = w1 r
    feedback alignment   w1' = b r    w2' = w1 r   b' = 0
    symmetric alignment  w1' = b r    w2' = w1 r   b' = w2 - b

App. D.2 calls a fixed point with non-positive eigenvalues of the flow's Jacobian a source, and one
with non-negative eigenvalues a sink. Here it is the usual opposite, by which the conclusions of
App. D.2 are right. The x^2 printed in App. D.2 is beta.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import sympy
import tensorflow as tf
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from alignment_core.analysis.dynamics import alignment_gradient, scalar_layer
from alignment_core.layers.dense import Dense
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.symmetry import SymmetricAlignment

W1, W2, B, ALPHA = sympy.symbols("w_1 w_2 b alpha", real=True)
BETA = sympy.symbols("beta", positive=True)
EIGENVALUE = sympy.symbols("lambda")

_REST = ALPHA - W2 * W1 * BETA

Vector = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


@dataclass(frozen=True)
class ScalarFlow:
    """The gradient flow of one rule in the scalar network.

    Attributes:
        title: the rule's name in tables.
        state: the flow's variables. Backpropagation has no b, because b is w2.
        field: time derivative of each variable.
        printed: eigenvalues at the minima as printed in App. D.2, with beta for x^2.
    """

    title: str
    state: tuple[Any, ...]
    field: tuple[Any, ...]
    printed: tuple[Any, ...]

    @property
    def jacobian(self) -> Any:
        """The Jacobian d field / d state. App. D.2 prints its transpose (same eigenvalues)."""
        return sympy.Matrix(self.field).jacobian(list(self.state))

    def characteristic_polynomial(self, at: Mapping[Any, Any]) -> Any:
        """Return the Jacobian's factored characteristic polynomial in EIGENVALUE at `at`."""
        matrix = self.jacobian.subs(at, simultaneous=True)
        return sympy.factor(sympy.simplify(matrix.charpoly(EIGENVALUE).as_expr()))

    def eigenvalues(self, at: Mapping[Any, Any], values: Mapping[Any, float]) -> Spectrum:
        """Return the Jacobian's sorted eigenvalues at a fixed point.

        Args:
            at: values of variables at the fixed point, symbols or numbers.
            values: number for each symbol that `at` leaves free.
        """
        matrix = self.jacobian.subs(at, simultaneous=True).subs(values)
        return np.sort_complex(np.linalg.eigvals(np.array(matrix.tolist(), dtype=float)))


FLOWS = {
    "backpropagation": ScalarFlow(
        "BP",
        (W1, W2),
        (W2 * _REST, W1 * _REST),
        (-(W1**2 + W2**2) * BETA, sympy.Integer(0)),
    ),
    "feedback_alignment": ScalarFlow(
        "FA",
        (W1, W2, B),
        (B * _REST, W1 * _REST, sympy.Integer(0)),
        (-(W1**2 + B * W2) * BETA, sympy.Integer(0), sympy.Integer(0)),
    ),
    "symmetric_alignment": ScalarFlow(
        "SA",
        (W1, W2, B),
        (B * _REST, W1 * _REST, W2 - B),
        (-(W1**2 + W2**2) * BETA, sympy.Integer(0), sympy.Integer(-1)),
    ),
}


@dataclass(frozen=True)
class FixedPoints:
    """A family of fixed points of one flow.

    Attributes:
        flow: key of FLOWS.
        name: "minima" of the cost, or "rank-deficient" points.
        where: values of variables at the fixed points, as functions of the free variables.
        example: numbers for the free variables, at which eigenvalues are checked.
        note: comparison of the computed eigenvalues with App. D.2.
    """

    flow: str
    name: str
    where: Mapping[Any, Any]
    example: Mapping[Any, float]
    note: str

    def eigenvalues(self, alpha: float, beta: float) -> Spectrum:
        """Return the Jacobian's eigenvalues at the example."""
        values = {ALPHA: alpha, BETA: beta, **self.example}
        return FLOWS[self.flow].eigenvalues(self.where, values)

    def state(self, alpha: float, beta: float) -> Vector:
        """Return the flow's variables at the example."""
        at = {**{each: each for each in FLOWS[self.flow].state}, **self.where}
        values = {ALPHA: alpha, BETA: beta, **self.example}
        return np.array([float(sympy.sympify(at[each]).subs(values)) for each in at], dtype=float)


_MINIMA = {W2: ALPHA / (BETA * W1)}
_X2 = "as printed, with x² for β, the mean of x²"

FIXED_POINTS = (
    FixedPoints(
        "backpropagation",
        "minima",
        _MINIMA,
        {W1: 0.8},
        f"{_X2}; sinks, neutral along the hyperbola. No third eigenvalue: b is w₂",
    ),
    FixedPoints(
        "backpropagation",
        "rank-deficient",
        {W1: 0, W2: 0},
        {},
        "not in the table: a saddle for every α but 0",
    ),
    FixedPoints(
        "feedback_alignment",
        "minima",
        _MINIMA,
        {W1: 0.8, B: 1.1},
        f"{_X2}; w₁² + b w₂ > 0 here, a sink, neutral along the hyperbola and in b",
    ),
    FixedPoints(
        "feedback_alignment",
        "minima",
        _MINIMA,
        {W1: 1.2, B: -5.0},
        f"{_X2}; w₁² + b w₂ < 0 here, and the minimum is left",
    ),
    FixedPoints(
        "feedback_alignment",
        "rank-deficient",
        {W1: 0, B: 0},
        {W2: 0.9},
        "not in the table, and a line, not a hyperplane; reached only if b(0) = 0. The Jacobian "
        "is nilpotent: its zeros decide nothing, and w₂ drifts as t α w₁(0)",
    ),
    FixedPoints(
        "symmetric_alignment",
        "minima",
        {**_MINIMA, B: ALPHA / (BETA * W1)},
        {W1: 0.8},
        f"{_X2}; b = w₂; sinks, neutral along the hyperbola",
    ),
    FixedPoints(
        "symmetric_alignment",
        "rank-deficient",
        {W1: 0, W2: 0, B: 0},
        {},
        "not in the table: one positive root and two with negative real part for every α "
        "but 0, a saddle",
    ),
)
"""All fixed points of the three flows for alpha != 0."""


def kind_of(eigenvalues: Spectrum, tolerance: float = 1e-6) -> str:
    """Return the kind of a fixed point by the real parts of its Jacobian's eigenvalues.

    It is "sink", "source", "saddle", or "undecided" if all real parts are 0 within `tolerance`.
    """
    real = np.real(eigenvalues)
    growing, shrinking = bool((real > tolerance).any()), bool((real < -tolerance).any())
    if growing:
        return "saddle" if shrinking else "source"
    return "sink" if shrinking else "undecided"


class LayeredNetwork:
    """The scalar network built of two real layers; b is the second layer's backward kernel.

    Attributes:
        variables: number of the flow's variables.
    """

    def __init__(self, flow: str, inputs: Vector, targets: Vector) -> None:
        """Build the network.

        Args:
            flow: key of FLOWS.
            inputs: (n, 1), in double precision.
            targets: (n, 1), in double precision.
        """
        self._flow = flow
        self.variables = len(FLOWS[flow].state)
        self._inputs, self._targets = tf.constant(inputs), tf.constant(targets)
        self._first = Dense(1, use_bias=False, dtype="float64")
        # With b = w2, feedback alignment is backpropagation.
        rule: Alignment = FeedbackAlignment({})
        if flow == "symmetric_alignment":
            rule = SymmetricAlignment({"self": 1.0, "decay": 1.0})
        self._second = scalar_layer(rule)
        self._model = keras.Sequential(
            [keras.Input((1,), dtype="float64"), self._first, self._second]
        )
        self._gradients = tf.function(self._gradients_at)

    def field(self, state: Vector) -> Vector:
        """Return the flow's derivative at `state`: minus J's pseudogradients and R's gradient."""
        w1, w2 = state[:2]
        b = w2 if self._flow == "backpropagation" else state[2]
        moved = self._gradients(*(tf.constant([[each]], tf.float64) for each in (w1, w2, b)))
        return -np.array(moved).ravel()[: self.variables]

    def _gradients_at(self, w1: Any, w2: Any, b: Any) -> list[Any]:
        self._first.kernel.assign(w1)
        self._second.kernel.assign(w2)
        self._second.backward_kernel.assign(b)
        kernels = [self._first.kernel.value, self._second.kernel.value]
        with tf.GradientTape() as tape:
            cost = tf.reduce_mean(0.5 * (self._targets - self._model(self._inputs)) ** 2)
        return [
            *tape.gradient(cost, kernels),
            alignment_gradient(self._second, self._first(self._inputs)),
        ]

    def eigenvalues(self, state: Vector, step: float = 1e-4) -> Spectrum:
        """Return the sorted eigenvalues of the flow's Jacobian, by central differences."""
        rows = [
            (self.field(state + shift) - self.field(state - shift)) / (2 * step)
            for shift in step * np.eye(len(state))
        ]
        return np.sort_complex(np.linalg.eigvals(np.array(rows)))


def field(flow: str, alpha: float, beta: float) -> Callable[[Vector], Vector]:
    """Return the flow's closed form, a function of states (variables, ...) in the same shape."""
    chosen = FLOWS[flow]
    expressions = [sympy.sympify(each).subs({ALPHA: alpha, BETA: beta}) for each in chosen.field]
    function = sympy.lambdify(chosen.state, expressions, "numpy")
    return lambda states: np.stack(
        [np.broadcast_to(each, states.shape[1:]) for each in function(*states)]
    )


def trajectories(
    flow: str, alpha: float, beta: float, starts: Vector, times: Vector
) -> NDArray[np.float64]:
    """Return the flow's paths (variables, n, m) from `starts` (variables, n) at `times` (m,)."""
    velocity = field(flow, alpha, beta)
    found = solve_ivp(
        lambda _, flat: velocity(flat.reshape(starts.shape)).ravel(),
        (times[0], times[-1]),
        starts.ravel(),
        t_eval=times,
        rtol=1e-6,
        atol=1e-8,
    )
    paths: NDArray[np.float64] = found.y.reshape(*starts.shape, len(times))
    return paths


def basins(
    flow: str, alpha: float, beta: float, axis: Vector, b: float, time: float = 40.0
) -> NDArray[np.int_]:
    """Return the branch of w2 w1 = alpha / beta that is reached from each (w1, w2) of a grid.

    Args:
        flow: key of FLOWS.
        alpha: mean of x y.
        beta: mean of x^2.
        axis: values of w1 and of w2.
        b: initial b; backpropagation uses w2 instead.
        time: end of the flow.

    Returns:
        (w2, w1) in the order of `axis`: 1 for the branch with positive w1, -1 for negative w1, and
        0 if the cost isn't within 1e-6 of its minimum at `time`.
    """
    w1, w2 = (each.ravel() for each in np.meshgrid(axis, axis))
    starts = np.stack([w1, w2, np.full_like(w1, b)][: len(FLOWS[flow].state)])
    ends = trajectories(flow, alpha, beta, starts, np.array([0.0, time]))[:, :, -1]
    arrived = np.abs(alpha - ends[0] * ends[1] * beta) < 1e-3
    branch = np.where(arrived, np.sign(ends[0]), 0).astype(int)
    return branch.reshape(len(axis), len(axis))
