"""App. D.1: the derived flows equal the gradients of real layers, and have its eigenvalues."""

import numpy as np
import pytest
import sympy

from alignment_core.analysis.dynamics import DECAY, FLOWS, X, measured_matrix, trajectory
from alignment_core.rules.mirroring import WeightMirror

INPUTS = np.array([[0.5], [-1.0], [2.0], [1.5]])
MEAN_SQUARE = float(np.mean(INPUTS**2))
LAMBDA = 0.3


def at_numbers(expression):
    return expression.subs({X**2: MEAN_SQUARE, DECAY: LAMBDA})


@pytest.mark.parametrize("name", FLOWS)
def test_the_matrices_are_those_printed_and_those_of_the_layers(name):
    flow = FLOWS[name]
    assert flow.matrix == flow.printed_matrix
    measured = measured_matrix(flow.alignment(LAMBDA), INPUTS)
    derived = np.array(at_numbers(flow.matrix).tolist(), dtype=float)
    np.testing.assert_allclose(measured, derived, atol=1e-12)
    for value, direction in zip(flow.eigenvalues, ([1, 1], [1, -1]), strict=True):
        expected = float(at_numbers(value)) * np.array(direction)
        np.testing.assert_allclose(measured @ direction, expected, atol=1e-12)


def test_lambda_v_is_twice_what_is_printed_for_two_rules():
    """App. D.1 prints 1 and x^2 for SA and AA; its own matrices have 2 and 2 x^2."""
    of_v = {name: sympy.simplify(f.eigenvalues[1] / f.printed[1]) for name, f in FLOWS.items()}
    assert of_v == {"symmetric_alignment": 2, "activation_alignment": 2, "weight_mirror": 1}
    assert all(flow.eigenvalues[0] == flow.printed[0] for flow in FLOWS.values())


@pytest.mark.parametrize(("decay", "outcome"), [(0.5, "explode"), (3.0, "collapse")])
def test_weight_mirror_is_stable_at_no_decay_but_one(decay, outcome):
    """lambda - x^2 is negative or positive: the kernels' common part explodes or collapses.

    Small steps of descent on the real layer end where the exact path does.
    """
    matrix = measured_matrix(WeightMirror({"amp": 1.0, "decay": decay}), INPUTS)
    weights = start = np.array([0.6, 0.4])
    for _ in range(10_000):
        weights = weights - 0.001 * matrix @ weights
    assert (weights.sum() > 100) == (outcome == "explode")
    assert (weights.sum() < 1e-3) == (outcome == "collapse")
    (end,) = trajectory(matrix, start, np.array([10.0]))
    np.testing.assert_allclose(weights, end, rtol=0.02)
