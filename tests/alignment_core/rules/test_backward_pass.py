from dataclasses import fields

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.conv import Conv2D
from alignment_core.rules import reference
from alignment_core.rules.backward_pass import (
    BackwardPass,
    BackwardPassOperations,
    batch_center,
    feature_center,
    feature_normalize,
)
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.layer_call import LayerCall

OPERATIONS = [field.name for field in fields(BackwardPassOperations)]


def test_batch_center_takes_each_positions_mean_over_the_batch(rng):
    x = rng.normal(2.0, size=(5, 3, 4, 2))
    expected = x - sum(x) / 5
    np.testing.assert_allclose(batch_center(tf.constant(x)), expected)


def test_feature_center_takes_each_samples_mean_over_positions_and_channels(rng):
    x = rng.normal(2.0, size=(5, 3, 4, 2))
    expected = np.stack([sample - np.mean(sample) for sample in x])
    np.testing.assert_allclose(feature_center(tf.constant(x)), expected)


def test_feature_normalize_centers_then_divides_by_the_norm(rng):
    x = rng.normal(2.0, size=(5, 3, 4, 2))
    centered = [sample - np.mean(sample) for sample in x]
    expected = np.stack([sample / np.linalg.norm(sample.ravel()) for sample in centered])
    np.testing.assert_allclose(feature_normalize(tf.constant(x)), expected)


def test_feature_normalize_makes_zeros_of_a_flat_sample_and_finite_gradients():
    x = tf.fill((2, 3, 3, 1), 7.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = feature_normalize(x)
    assert np.all(output == 0)
    assert np.all(np.isfinite(tape.gradient(output, x)))


@pytest.fixture(scope="module")
def layer():
    """A strided convolution with a bias, before a ReLU."""
    layer = Conv2D(
        4,
        3,
        strides=2,
        padding="same",
        activation="relu",
        bias_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=3),
        learning_rule=FeedbackAlignment({}),
        dtype="float64",
    )
    layer.build((None, 5, 6, 2))
    return layer


def matrices(layer):
    """Return the layer's two kernels as matrices, and its bias repeated for all outputs."""
    forward, backward = (
        reference.convolution_matrix(kernel.numpy(), (5, 6, 2), 2, "SAME")
        for kernel in (layer.kernel, layer.backward_kernel)
    )
    return forward, backward, np.tile(layer.bias.numpy(), forward.shape[1] // 4)


@pytest.mark.parametrize(
    "flags", [(), *((name,) for name in OPERATIONS), tuple(OPERATIONS)], ids="+".join
)
def test_each_operation_and_all_together_are_numpys(layer, rng, flags):
    x = rng.normal(1.0, size=(4, 5, 6, 2))
    expected = reference.backward_pass(x.reshape(4, -1), *matrices(layer), flags)

    found = BackwardPass(
        LayerCall(layer, tf.constant(x)), BackwardPassOperations(**dict.fromkeys(flags, True))
    )

    np.testing.assert_allclose(
        np.reshape(found.forward_output, (4, -1)), expected.forward_output, atol=1e-12
    )
    np.testing.assert_allclose(
        np.reshape(found.backward_output, (4, -1)), expected.backward_output, atol=1e-12
    )
    np.testing.assert_allclose(
        np.reshape(found.forward_reconstruction, (4, -1)), expected.reconstruction, atol=1e-12
    )


def test_relu_acts_only_where_one_follows(layer, rng):
    x = tf.constant(rng.normal(size=(4, 5, 6, 2)))
    relu = BackwardPassOperations(fo_relu=True, bo_relu=True)
    assert np.all(BackwardPass(LayerCall(layer, x), relu).forward_output >= 0)
    assert np.all(BackwardPass(LayerCall(layer, x), relu).backward_output >= 0)

    before_batch_norm = Conv2D(
        4, 3, strides=2, padding="same", learning_rule=FeedbackAlignment({}), dtype="float64"
    )
    before_batch_norm.build((None, 5, 6, 2))
    assert np.any(BackwardPass(LayerCall(before_batch_norm, x), relu).forward_output < 0)
    assert np.any(BackwardPass(LayerCall(before_batch_norm, x), relu).backward_output < 0)
