"""uSF, brSF, frSF against their formulas, written down in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules import reference
from alignment_core.rules.draws import drawing
from alignment_core.rules.sign_feedback import (
    BatchwiseRandomFeedback,
    BatchwiseRandomSignFeedback,
    FixedRandomSignFeedback,
    UniformSignFeedback,
)

SEED = (3, 4)


def dense(rule):
    layer = Dense(60, learning_rule=rule, dtype="float64")
    layer.build((None, 90))
    return layer, (90,), 60 + 90


def convolution(rule):
    layer = Conv2D(30, 3, strides=2, padding="same", learning_rule=rule, dtype="float64")
    layer.build((None, 5, 6, 20))
    return layer, (5, 6, 20), 9 * (20 + 30)


LAYERS = [dense, convolution]


def propagated(layer, shape, rng, seed=SEED):
    """The gradient at the layer's input, and NumPy's by the kernel of this seed's step."""
    x = tf.constant(rng.normal(size=(2, *shape)))
    with tf.GradientTape() as tape, drawing(tf.constant(seed)):
        tape.watch(x)
        output = layer(x)
        upstream = rng.normal(size=output.shape)
        loss = tf.reduce_sum(output * upstream)
    with drawing(tf.constant(seed)):
        kernel = layer.propagating_kernel().numpy()
    if isinstance(layer, Dense):
        return kernel, tape.gradient(loss, x), upstream @ kernel
    matrix = reference.convolution_matrix(kernel, shape, 2, "SAME")
    expected = (upstream.reshape(2, -1) @ matrix.T).reshape(x.shape)
    return kernel, tape.gradient(loss, x), expected


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize(
    "rule",
    [
        UniformSignFeedback,
        FixedRandomSignFeedback,
        BatchwiseRandomSignFeedback,
        BatchwiseRandomFeedback,
    ],
)
def test_the_gradient_is_propagated_through_the_rules_kernel(make, rule, rng):
    layer, shape, _ = make(rule({}))
    _, found, expected = propagated(layer, shape, rng)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("make", LAYERS)
def test_usf_is_the_sign_times_one_number(make, rng):
    layer, shape, fans = make(UniformSignFeedback({}))
    kernel, _, _ = propagated(layer, shape, rng)
    signs = np.sign(layer.as_backward(layer.kernel).numpy())
    np.testing.assert_allclose(kernel, np.sqrt(2 / fans) * signs)


@pytest.mark.parametrize("make", LAYERS)
def test_frsf_keeps_its_magnitudes_and_follows_the_signs(make, rng):
    layer, shape, fans = make(FixedRandomSignFeedback({}))
    first, _, _ = propagated(layer, shape, rng)
    np.testing.assert_array_equal(np.sign(first), np.sign(layer.as_backward(layer.kernel)))
    assert np.abs(first).max() <= np.sqrt(6 / fans)
    assert np.abs(first).mean() == pytest.approx(np.sqrt(6 / fans) / 2, rel=0.05)
    layer.kernel.assign(-layer.kernel)
    second, _, _ = propagated(layer, shape, rng, seed=(5, 6))
    np.testing.assert_array_equal(second, -first)


@pytest.mark.parametrize("make", LAYERS)
def test_brsf_draws_its_magnitudes_anew_and_follows_the_signs(make, rng):
    layer, shape, fans = make(BatchwiseRandomSignFeedback({}))
    first, _, _ = propagated(layer, shape, rng)
    second, _, _ = propagated(layer, shape, rng, seed=(5, 6))
    signs = np.sign(layer.as_backward(layer.kernel))
    limit = np.sqrt(6 / fans)
    for kernel in (first, second):
        np.testing.assert_array_equal(np.sign(kernel), signs)
        assert np.abs(kernel).max() <= limit
        # Magnitudes are uniform: mean and deviation of U(0, limit).
        assert np.abs(kernel).mean() == pytest.approx(limit / 2, rel=0.05)
        assert np.abs(kernel).std() == pytest.approx(limit / np.sqrt(12), rel=0.05)
    assert abs(np.corrcoef(np.abs(first).ravel(), np.abs(second).ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("make", LAYERS)
def test_the_early_reading_of_brsf_keeps_half_of_the_signs(make, rng):
    layer, shape, fans = make(BatchwiseRandomFeedback({}))
    kernel, _, _ = propagated(layer, shape, rng)
    agreeing = np.sign(kernel) == np.sign(layer.as_backward(layer.kernel))
    assert agreeing.mean() == pytest.approx(0.5, abs=0.03)
    assert np.abs(kernel).max() <= np.sqrt(6 / fans)


def test_layers_and_calls_of_one_step_draw_apart_and_repeat_with_its_seed():
    one, other = (dense(BatchwiseRandomSignFeedback({}))[0] for _ in range(2))

    def magnitudes(seed):
        with drawing(tf.constant(seed)):
            return [np.abs(each.propagating_kernel().numpy()) for each in (one, one, other)]

    first, again, elsewhere = magnitudes(SEED)
    assert not np.array_equal(first, again)
    assert not np.array_equal(first, elsewhere)
    np.testing.assert_array_equal(magnitudes(SEED), [first, again, elsewhere])
    assert not np.array_equal(magnitudes((3, 5))[0], first)
