"""Product feedback alignment against its formulas, written down in NumPy."""

import numpy as np
import tensorflow as tf

from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules import reference
from alignment_core.rules.product_feedback import ProductFeedbackAlignment

DECAY, RATE, UNITS = 0.1, 0.05, 4


def a_dense(inputs=6):
    layer = Dense(UNITS, learning_rule=ProductFeedbackAlignment({"decay": DECAY}), dtype="float64")
    layer.build((None, inputs))
    return layer


def test_a_dense_layer_propagates_and_learns_through_both_matrices(rng):
    layer = a_dense()
    x, upstream = rng.normal(size=(5, 6)), rng.normal(size=(5, UNITS))
    given, learning = tf.constant(x), layer.backward_kernel.value
    with tf.GradientTape() as tape:
        tape.watch([given, learning])
        loss = tf.reduce_sum(layer(given) * upstream)
    dx, learned = tape.gradient(loss, [given, learning])
    fixed, second = layer.feedback_kernel.numpy(), layer.backward_kernel.numpy()
    assert (fixed.shape, second.shape) == ((UNITS, 10 * UNITS), (10 * UNITS, 6))
    np.testing.assert_allclose(dx, upstream @ fixed @ second, atol=1e-12)
    np.testing.assert_allclose(learned, (upstream @ fixed).T @ x, atol=1e-12)


def test_a_convolution_mixes_channels_by_the_fixed_matrix(rng):
    rule = ProductFeedbackAlignment({"decay": DECAY})
    layer = Conv2D(UNITS, 3, strides=2, padding="same", learning_rule=rule, dtype="float64")
    layer.build((None, 5, 6, 2))
    x = tf.constant(rng.normal(size=(3, 5, 6, 2)))
    learning = layer.backward_kernel.value
    with tf.GradientTape() as tape:
        tape.watch([x, learning])
        output = layer(x)
        upstream = rng.normal(size=output.shape)
        loss = tf.reduce_sum(output * upstream)
    dx, learned = tape.gradient(loss, [x, learning])
    fixed = layer.feedback_kernel.numpy()
    mixed = upstream @ fixed  # A 1x1 convolution: (batch, height, width, 10 * units).
    second = layer.backward_kernel.numpy()
    matrix = reference.convolution_matrix(second, (5, 6, 2), 2, "SAME")
    np.testing.assert_allclose(dx, (mixed.reshape(3, -1) @ matrix.T).reshape(x.shape), atol=1e-12)

    def correlation(kernel):
        matrix = reference.convolution_matrix(kernel, (5, 6, 2), 2, "SAME")
        return np.sum(x.numpy().reshape(3, -1) @ matrix * mixed.reshape(3, -1))

    for index in [(0, 0, 0, 0), (1, 2, 1, 7), (2, 1, 0, 39)]:
        one = np.zeros_like(second)
        one[index] = 1
        np.testing.assert_allclose(learned[index], correlation(one), atol=1e-12)


def test_the_difference_shrinks_by_the_decay_whatever_the_data(rng):
    """B - F^T W^T is multiplied by 1 - rate * decay at each step of gradient descent."""
    layer = a_dense()
    fixed = layer.feedback_kernel.numpy()

    def difference():
        return layer.backward_kernel.numpy() - fixed.T @ layer.kernel.numpy().T

    first = difference()
    for _ in range(5):
        x, upstream = tf.constant(rng.normal(size=(5, 6))), rng.normal(size=(5, UNITS))
        kernels = [layer.kernel.value, layer.backward_kernel.value]
        with tf.GradientTape() as tape:
            tape.watch(kernels)
            loss = tf.reduce_sum(layer(x) * upstream) + layer.alignment_loss()
            loss += DECAY * tf.nn.l2_loss(layer.kernel.value)
        for kernel, gradient in zip(kernels, tape.gradient(loss, kernels), strict=True):
            kernel.assign_sub(RATE * gradient)
    np.testing.assert_allclose(difference(), (1 - RATE * DECAY) ** 5 * first, atol=1e-12)


def test_the_fixed_matrix_is_orthonormal_on_average():
    layer = Dense(50, learning_rule=ProductFeedbackAlignment({"decay": DECAY}))
    layer.build((None, 3))
    fixed = layer.feedback_kernel.numpy()
    gram = fixed @ fixed.T
    off = gram[~np.eye(50, dtype=bool)]
    np.testing.assert_allclose(np.diag(gram).mean(), 1, atol=0.02)
    assert abs(off.mean()) < 0.005
    assert off.std() < 1.2 / np.sqrt(500)


def test_aligned_it_propagates_nearly_through_the_transposed_kernel():
    layer = Dense(50, learning_rule=ProductFeedbackAlignment({"decay": DECAY}))
    layer.build((None, 80))
    layer.backward_kernel.assign(tf.transpose(layer.kernel @ layer.feedback_kernel))
    one, other = layer.propagating_kernel().numpy().ravel(), layer.kernel.numpy().T.ravel()
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    assert np.degrees(np.arccos(cosine)) < 25
