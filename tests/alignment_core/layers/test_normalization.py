"""The fused batch norm equals Keras's batch norm."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.normalization import BatchNormalization

SHAPE = (6, 4, 4, 3)


@pytest.fixture
def layers():
    rng = np.random.default_rng(0)
    fused = BatchNormalization()
    stock = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    values = [rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), rng.uniform(1, 2, 3)]
    for layer in (fused, stock):
        layer.build(SHAPE)
        layer.set_weights(values)
    return fused, stock, tf.constant(rng.normal(2, 3, SHAPE), tf.float32)


@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_are_keras_own(layers, training):
    fused, stock, x = layers
    found = []
    for layer in (fused, stock):
        variables = [variable.value for variable in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            value = tf.reduce_sum(tf.sin(y))
        found.append([y, *tape.gradient(value, [x, *variables])])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


def test_moving_moments_follow_the_batch(layers):
    fused, _, x = layers
    mean, variance = fused.moving_mean.numpy(), fused.moving_variance.numpy()
    fused(x, training=True)
    rows = x.numpy().reshape(-1, 3)
    np.testing.assert_allclose(fused.moving_mean, 0.9 * mean + 0.1 * rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        fused.moving_variance, 0.9 * variance + 0.1 * rows.var(0, ddof=1), rtol=1e-5
    )


def test_inference_leaves_the_moving_moments_alone(layers):
    fused, _, x = layers
    before = fused.moving_mean.numpy(), fused.moving_variance.numpy()
    fused(x, training=False)
    np.testing.assert_array_equal(fused.moving_mean.numpy(), before[0])
    np.testing.assert_array_equal(fused.moving_variance.numpy(), before[1])
