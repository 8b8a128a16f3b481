import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.sign_feedback import (
    BatchwiseRandomSignFeedback,
    FixedRandomSignFeedback,
    UniformSignFeedback,
)
from alignment_core.training.weight_metrics import gradient_angles, weight_metrics

FIXED = FeedbackAlignment({})


@pytest.fixture
def dense():
    layer = Dense(3, learning_rule=FIXED, name="head")
    layer.build((None, 4))
    return layer


@pytest.fixture
def conv():
    layer = Conv2D(3, 2, learning_rule=FIXED, name="stem")
    layer.build((None, 5, 5, 2))
    return layer


def test_random_kernels_are_those_of_the_textbook_formulas(dense, conv):
    found = weight_metrics([conv, dense])

    assert [row.name for row in found] == ["stem", "head"]
    pairs = [
        (conv.kernel.numpy(), conv.backward_kernel.numpy()),
        (dense.kernel.numpy().T, dense.backward_kernel.numpy()),
    ]
    for row, (w, b) in zip(found, pairs, strict=True):
        norms = np.linalg.norm(w), np.linalg.norm(b)
        cosine = np.sum(w * b, dtype=np.float64) / math.prod(norms)
        assert row.angle == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-5)
        assert row.norm_ratio == pytest.approx(norms[1] / norms[0], rel=1e-5)
        assert row.sign_agreement == pytest.approx(np.mean(np.sign(w) == np.sign(b)))
        assert 0.1 < row.sign_agreement < 0.9


@pytest.mark.parametrize(
    "rule", [UniformSignFeedback, FixedRandomSignFeedback, BatchwiseRandomSignFeedback]
)
def test_sign_concordant_feedback_has_every_sign(rule):
    layer = Conv2D(8, 3, learning_rule=rule())
    layer.build((None, 5, 5, 4))
    assert weight_metrics([layer])[0].sign_agreement == 1


def test_random_feedback_has_half_of_the_signs():
    layer = Dense(200, learning_rule=FIXED)
    layer.build((None, 300))
    # The deviation of the share of 60,000 fair coins is 0.002.
    assert weight_metrics([layer])[0].sign_agreement == pytest.approx(0.5, abs=0.012)


def test_a_share_counts_entries_and_none_is_of_kernels_without_numbers(dense):
    flipped = dense.kernel.numpy().T.copy()
    flipped[0, :3] *= -1
    dense.backward_kernel.assign(flipped)
    assert weight_metrics([dense])[0].sign_agreement == pytest.approx(9 / 12)
    flipped[2, 0] = np.nan
    dense.backward_kernel.assign(flipped)
    assert weight_metrics([dense])[0].sign_agreement is None


@pytest.mark.parametrize(("factor", "angle"), [(1.0, 0.0), (0.5, 0.0), (-2.0, 180.0)])
def test_multiples_of_the_forward_kernel_are_at_0_or_180_degrees(dense, factor, angle):
    dense.backward_kernel.assign(factor * dense.kernel.numpy().T)
    (row,) = weight_metrics([dense])
    assert row.angle == pytest.approx(angle, abs=1e-4)
    assert row.norm_ratio == pytest.approx(abs(factor))


@pytest.mark.parametrize("degrees", [0.001, 0.05, 90.0, 179.95])
def test_small_angles_are_not_lost_to_rounding(dense, degrees):
    w, b = np.zeros((2, 4, 3), "float32")
    w[0, 0] = 1.0
    b[0, 0], b[1, 2] = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    dense.kernel.assign(w)
    dense.backward_kernel.assign(b.T)
    assert weight_metrics([dense])[0].angle == pytest.approx(degrees, rel=1e-3)


def test_a_vanished_backward_kernel_has_no_angle(dense):
    dense.backward_kernel.assign(np.zeros((3, 4)))
    (row,) = weight_metrics([dense])
    assert math.isnan(row.angle)
    assert row.norm_ratio == 0
    assert row.sign_agreement == 0


class Hidden:
    """Two dense layers with a ReLU between them, and a cost of their output."""

    def __init__(self, rng):
        self.layers = [Dense(4, activation="relu", learning_rule=FIXED)]
        self.layers.append(Dense(3, learning_rule=FIXED))
        self.model = keras.Sequential([keras.Input((5,)), *self.layers])
        for variable in self.model.variables:
            variable.assign(rng.normal(size=variable.shape))
        self.x = rng.normal(size=(8, 5)).astype("float32")

    def cost(self):
        return tf.reduce_mean(self.model(self.x) ** 2)

    def angles(self):
        return tf.function(lambda: gradient_angles(self.cost, self.layers))().numpy()


def test_gradient_angles_are_those_of_gradients_written_down(rng):
    net = Hidden(rng)
    w1, b1, _, w2, b2, backward = (v.numpy().astype(np.float64) for v in net.model.variables)
    before = net.x @ w1 + b1
    hidden = np.maximum(before, 0)
    delta = 2 * (hidden @ w2 + b2)
    pseudo, true = (net.x.T @ ((delta @ back) * (before > 0)) for back in (backward, w2.T))
    cosine = np.sum(pseudo * true) / np.linalg.norm(pseudo) / np.linalg.norm(true)
    found = net.angles()
    assert found[0] == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-4)
    assert found[1] == pytest.approx(0, abs=1e-4)
    assert 5 < found[0] < 175


def test_kernels_that_agree_give_true_gradients(rng):
    net = Hidden(rng)
    net.layers[1].backward_kernel.assign(2 * net.layers[1].as_backward(net.layers[1].kernel))
    np.testing.assert_allclose(net.angles(), [0, 0], atol=1e-3)


def test_a_gradient_that_vanishes_has_no_angle(rng):
    net = Hidden(rng)
    net.layers[1].backward_kernel.assign(np.zeros((3, 4)))
    first, second = weight_metrics(net.layers, net.angles())
    assert first.gradient_angle is None
    assert second.gradient_angle == pytest.approx(0, abs=1e-4)


def test_no_layers_have_no_metrics():
    assert weight_metrics([]) == []
