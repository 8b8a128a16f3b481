"""The appendix's two analyses, measured on the real layers' gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.alignments import (
    ActivationAlignment,
    FeedbackAlignment,
    SymmetricAlignment,
    WeightMirror,
)
from alignment_core.layers import Dense

X = np.array([[0.5], [-1.0], [2.0], [1.5]])
MEAN_SQUARE = float(np.mean(X**2))
LAMBDA = 0.3

# x, with x^2 the batch's mean square: what the appendix calls x_l^2.
# rule, A as printed in App. D.1, eigenvalues along (1, 1) and (1, -1)
FLOWS = {
    "symmetric": (
        SymmetricAlignment({"self": 1.0, "decay": 1.0}),
        [[1, -1], [-1, 1]],
        (0.0, 2.0),
    ),
    "activation": (
        ActivationAlignment({"amp": 1.0, "sparse": 1.0}),
        [[MEAN_SQUARE, -MEAN_SQUARE], [-MEAN_SQUARE, MEAN_SQUARE]],
        (0.0, 2 * MEAN_SQUARE),
    ),
    "mirror": (
        WeightMirror({"amp": 1.0, "decay": LAMBDA}),
        [[LAMBDA, -MEAN_SQUARE], [-MEAN_SQUARE, LAMBDA]],
        (LAMBDA - MEAN_SQUARE, LAMBDA + MEAN_SQUARE),
    ),
}


def scalar_layer(rule):
    layer = Dense(1, use_bias=False, learning_rule=rule, dtype="float64")
    layer.build((None, 1))
    return layer


def alignment_gradient(layer, forward, backward):
    """dR/db of a scalar layer at w = `forward`, b = `backward`."""
    layer.kernel.assign([[forward]])
    layer.backward_kernel.assign([[backward]])
    with tf.GradientTape() as tape:
        tape.watch(layer.backward_kernel.value)
        loss = layer.alignment_loss(tf.constant(X))
    return float(tape.gradient(loss, layer.backward_kernel.value)[0, 0])


def symmetrized(rule):
    """A of d(w, b)/dt = -A (w, b): each weight moves as the rule moves b, given the other."""
    layer = scalar_layer(rule)
    columns = [
        (alignment_gradient(layer, b, w), alignment_gradient(layer, w, b))
        for w, b in ((1.0, 0.0), (0.0, 1.0))
    ]
    return np.array(columns).T


@pytest.mark.parametrize("name", FLOWS)
def test_symmetrized_flows_are_app_d1s(name):
    """The matrices are those printed, and so are their eigenvectors and weight mirror's values.

    Of SA and AA App. D.1 prints lambda_v = 1 and x^2, half of what its own matrices have
    along (1, -1): they are 2 and 2 x^2. What it concludes hangs on the signs alone.
    """
    rule, printed, (symmetric, skew) = FLOWS[name]
    A = symmetrized(rule)
    np.testing.assert_allclose(A, printed, atol=1e-12)
    np.testing.assert_allclose(A @ [1, 1], symmetric * np.ones(2), atol=1e-12)
    np.testing.assert_allclose(A @ [1, -1], skew * np.array([1, -1]), atol=1e-12)


@pytest.mark.parametrize(("decay", "outcome"), [(0.5, "explode"), (3.0, "collapse")])
def test_weight_mirror_is_stable_at_no_decay_but_one(decay, outcome):
    """lambda - x^2 is negative or positive: the kernels' common part explodes or collapses."""
    A = symmetrized(WeightMirror({"amp": 1.0, "decay": decay}))
    weights = np.array([0.6, 0.4])
    for _ in range(200):
        weights = weights - 0.05 * A @ weights
    assert (weights.sum() > 100) == (outcome == "explode")
    assert (weights.sum() < 1e-3) == (outcome == "collapse")
    assert abs(weights[0] - weights[1]) < 1e-6


TARGETS = np.array([[1.0], [-0.5], [2.5], [2.0]])
ALPHA = float(np.mean(X * TARGETS))
BETA = MEAN_SQUARE


class ScalarNet:
    """App. D.2's network y = w2 w1 x, of two real layers; b is the second one's backward kernel."""

    def __init__(self, rule):
        self.first, self.second = Dense(1, use_bias=False, dtype="float64"), scalar_layer(rule)
        self.model = keras.Sequential([keras.Input((1,), dtype="float64"), self.first, self.second])

    def flow(self, w1, w2, b):
        """(dw1/dt, dw2/dt, db/dt): minus J's pseudogradients and minus R's gradient."""
        self.first.kernel.assign([[w1]])
        self.second.kernel.assign([[w2]])
        self.second.backward_kernel.assign([[b]])
        variables = [self.first.kernel.value, self.second.kernel.value]
        backward = self.second.backward_kernel.value
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(backward)
            cost = tf.reduce_mean(0.5 * (TARGETS - self.model(X)) ** 2)
            alignment = self.second.alignment_loss(tf.constant(X))
        found = [*tape.gradient(cost, variables), tape.gradient(alignment, backward)]
        return np.array([0.0 if value is None else -float(value[0, 0]) for value in found])


class BackpropagationNet(ScalarNet):
    """On the hyperplane b = w2 feedback alignment is backpropagation; (w1, w2) is all there is."""

    def __init__(self):
        super().__init__(FeedbackAlignment({}))

    def flow(self, w1, w2):
        return super().flow(w1, w2, w2)[:2]


NETS = {
    "backpropagation": BackpropagationNet,
    "feedback": lambda: ScalarNet(FeedbackAlignment({})),
    "symmetric": lambda: ScalarNet(SymmetricAlignment({"self": 1.0, "decay": 1.0})),
}


@pytest.fixture(params=NETS)
def kind(request):
    return request.param


def on_hyperbola(kind, w1, b):
    """The fixed point of `kind` at w1 on w2 w1 = alpha / beta."""
    w2 = ALPHA / (BETA * w1)
    return {"backpropagation": (w1, w2), "feedback": (w1, w2, b), "symmetric": (w1, w2, w2)}[kind]


def eigenvalues(net, point, step=1e-4):
    """Of the flow's Jacobian by central differences, which are exact for quadratics."""
    rows = [
        (net.flow(*(point + shift)) - net.flow(*(point - shift))) / (2 * step)
        for shift in step * np.eye(len(point))
    ]
    return np.sort_complex(np.linalg.eigvals(np.array(rows)))


def test_the_flow_is_app_d2s():
    """Equations 2 to 4 at a point of no particular kind."""
    w1, w2, b = 0.7, -0.4, 1.3
    rest = ALPHA - w2 * w1 * BETA
    np.testing.assert_allclose(
        NETS["symmetric"]().flow(w1, w2, b), [b * rest, w1 * rest, w2 - b], rtol=1e-12
    )
    np.testing.assert_allclose(
        NETS["feedback"]().flow(w1, w2, b), [b * rest, w1 * rest, 0], rtol=1e-12
    )


@pytest.mark.parametrize(("w1", "b"), [(0.8, 1.1), (-1.7, 0.4), (1.2, -5.0)])
def test_eigenvalues_at_the_minima_are_the_tables(kind, w1, b):
    """The table's x^2 is beta. The last column of points has w1^2 + b w2 < 0.

    App. D.2 calls a point with non-positive eigenvalues a source and one with non-negative
    ones a sink; of the Jacobian of the flow it is the other way about. So all minima of
    backpropagation and symmetric alignment are sinks, as App. D.2 concludes, and those of
    feedback alignment where w1^2 + b w2 > 0.
    """
    net, point = NETS[kind](), np.array(on_hyperbola(kind, w1, b))
    np.testing.assert_allclose(net.flow(*point), 0, atol=1e-12)
    w2 = point[1]
    table = {
        "backpropagation": [-(w1**2 + w2**2) * BETA, 0],
        "feedback": [-(w1**2 + b * w2) * BETA, 0, 0],
        "symmetric": [-(w1**2 + w2**2) * BETA, 0, -1],
    }[kind]
    np.testing.assert_allclose(eigenvalues(net, point), np.sort_complex(table), atol=1e-6)


def test_a_flow_stays_near_sinks_and_leaves_the_rest(kind):
    """Feedback alignment leaves a minimum where w1^2 + b w2 < 0; the others have no such one."""
    net, start = NETS[kind](), np.array(on_hyperbola(kind, 1.2, -5.0)) + 1e-3
    at = start
    for _ in range(60):
        at = at + 0.02 * net.flow(*at)
    assert (np.abs(at - start).max() > 0.1) == (kind == "feedback")
    assert (np.abs(net.flow(*at)).max() < 1e-3) or kind == "feedback"


def test_rank_deficient_fixed_points(kind):
    """All have the origin, a saddle; feedback alignment any w2 with b = w1 = 0 besides."""
    net = NETS[kind]()
    origin = np.zeros(2 if kind == "backpropagation" else 3)
    np.testing.assert_allclose(net.flow(*origin), 0, atol=1e-12)
    if kind == "backpropagation":
        np.testing.assert_allclose(eigenvalues(net, origin), [-ALPHA, ALPHA], atol=1e-6)
    else:
        elsewhere = net.flow(0.0, 0.9, 0.0)
        assert np.allclose(elsewhere, 0) == (kind == "feedback")
