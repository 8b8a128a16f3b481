"""App. D.2: the flows of real layers, its table, and the fixed points that it leaves out."""

import numpy as np
import pytest
import sympy

from alignment_core.analysis import scalar_network
from alignment_core.analysis.scalar_network import (
    ALPHA,
    BETA,
    EIGENVALUE,
    FIXED_POINTS,
    FLOWS,
    W1,
    W2,
    B,
    LayeredNetwork,
    basins,
    kind_of,
    trajectories,
)

X = np.array([[0.5], [-1.0], [2.0], [1.5]])
TARGETS = np.array([[1.0], [-0.5], [2.5], [2.0]])
NUMBERS = float(np.mean(X * TARGETS)), float(np.mean(X**2))

POINTS = [
    pytest.param(each, id=f"{each.flow}-{each.name}-{index}")
    for index, each in enumerate(FIXED_POINTS)
]


@pytest.fixture(params=FLOWS)
def flow(request):
    return request.param


def test_the_real_layers_move_by_the_equations(flow):
    """Equations 2 to 4 at arbitrary points."""
    network = LayeredNetwork(flow, X, TARGETS)
    states = np.random.default_rng(0).normal(size=(5, len(FLOWS[flow].state)))
    expected = scalar_network.field(flow, *NUMBERS)(states.T).T
    found = [network.field(state) for state in states]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("point", POINTS)
def test_eigenvalues_of_the_algebra_are_those_of_the_real_layers(point):
    network, state = LayeredNetwork(point.flow, X, TARGETS), point.state(*NUMBERS)
    np.testing.assert_allclose(network.field(state), 0, atol=1e-12)
    np.testing.assert_allclose(network.eigenvalues(state), point.eigenvalues(*NUMBERS), atol=1e-6)


@pytest.mark.parametrize("point", [each for each in POINTS if "minima" in each.id])
def test_at_the_minima_they_are_the_tables(point):
    """With beta for its x^2, the table holds symbolically."""
    flow = FLOWS[point.flow]
    table = sympy.prod(EIGENVALUE - value for value in flow.printed).subs(point.where)
    assert sympy.simplify(flow.characteristic_polynomial(point.where) - table) == 0


def test_the_families_are_all_the_fixed_points_there_are(flow):
    """SymPy solves for all zeros of the field, for alpha != 0."""
    positive = sympy.symbols("alpha", positive=True)
    field = [each.subs(ALPHA, positive) for each in FLOWS[flow].field]
    found = sympy.solve(field, list(FLOWS[flow].state), dict=True)
    known = {point.name: point.where for point in FIXED_POINTS if point.flow == flow}
    assert len(found) == len(known)
    for solution in found:
        if solution.get(W1) == 0:
            assert solution == known["rank-deficient"]
        else:
            rest = (positive - W1 * W2 * BETA).subs(solution)
            assert sympy.simplify(rest) == 0
            if flow == "symmetric_alignment":
                assert sympy.simplify((W2 - B).subs(solution)) == 0


def test_what_the_points_are():
    kinds = [kind_of(point.eigenvalues(*NUMBERS)) for point in FIXED_POINTS]
    assert kinds == ["sink", "saddle", "sink", "source", "undecided", "sink", "saddle"]


def test_symmetric_alignment_has_a_saddle_at_the_origin_for_every_alpha():
    """lambda^3 + lambda^2 = alpha^2 has one positive root, and its others sum to less than 0."""
    polynomial = FLOWS["symmetric_alignment"].characteristic_polynomial({W1: 0, W2: 0, B: 0})
    assert sympy.expand(polynomial - (EIGENVALUE**3 + EIGENVALUE**2 - ALPHA**2)) == 0
    for alpha in (-30.0, -0.1, 0.3, 4.0):
        roots = np.roots([1, 1, 0, -(alpha**2)])
        assert sorted(np.sign(roots.real)) == [-1, -1, 1]


def test_paths_keep_what_the_flow_keeps():
    """Backpropagation w1^2 - w2^2 (Saxe et al. 2013), feedback alignment w2 - w1^2 / (2 b)."""
    times = np.linspace(0, 5, 20)
    w1, w2 = trajectories("backpropagation", *NUMBERS, np.array([[0.3], [-1.0]]), times)[:, 0]
    np.testing.assert_allclose(w1**2 - w2**2, 0.3**2 - 1, atol=1e-4)
    start = np.array([[0.3], [-1.0], [-0.7]])
    w1, w2, b = trajectories("feedback_alignment", *NUMBERS, start, times)[:, 0]
    np.testing.assert_allclose(w2 - w1**2 / (2 * b), -1 + 0.3**2 / 1.4, atol=1e-4)


def test_basins_of_backpropagation_meet_where_w2_is_minus_w1():
    """That line is the stable set of the saddle at the origin."""
    axis = np.linspace(-2, 2, 8)
    expected = np.sign(axis[:, None] + axis[None, :]).round().astype(int)
    np.testing.assert_array_equal(basins("backpropagation", *NUMBERS, axis, 0.0), expected)


def test_feedback_alignment_leaves_a_minimum_that_is_a_source():
    leaving = next(point for point in FIXED_POINTS if point.example.get(B) == -5.0)
    start = leaving.state(*NUMBERS) + np.array([1e-3, 1e-3, 0])
    path = trajectories("feedback_alignment", *NUMBERS, start[:, None], np.array([0.0, 20.0]))
    end = path[:, 0, -1]
    assert np.abs(end - start).max() > 0.1
    arrived = {W1: end[0], W2: end[1], B: end[2], ALPHA: NUMBERS[0], BETA: NUMBERS[1]}
    assert abs(end[0] * end[1] - NUMBERS[0] / NUMBERS[1]) < 1e-3
    assert float((W1**2 + B * W2).subs(arrived)) > 0
