"""Direct feedback alignment against its formulas, written down in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.contexts import exact_gradients, recording
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.direct import send_error
from alignment_core.rules import reference
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment

OUTPUTS = 3


def gradients(layers, x, upstream, *, exact=False):
    """The gradients of <outputs, upstream> for each kernel."""
    kernels = [layer.kernel.value for layer in layers if hasattr(layer, "kernel")]
    with recording() as calls, tf.GradientTape() as tape:
        outputs = tf.constant(x)
        for layer in layers:
            if exact:
                with exact_gradients():
                    outputs = layer(outputs)
            else:
                outputs = layer(outputs)
        loss = tf.reduce_sum(send_error(outputs, calls) * upstream)
    return [each.numpy() for each in tape.gradient(loss, kernels)]


def dense_layers(rule):
    layers = [
        Dense(6, activation="relu", learning_rule=rule, dtype="float64"),
        Dense(5, activation="relu", learning_rule=rule, dtype="float64"),
        Dense(OUTPUTS, learning_rule=rule, dtype="float64"),
    ]
    for layer, inputs in zip(layers, (4, 6, 5), strict=True):
        layer.build((None, inputs))
    return layers


def test_dense_layers_get_the_error_through_their_own_matrix(rng):
    layers = dense_layers(DirectFeedbackAlignment({}, outputs=OUTPUTS))
    x, error = rng.normal(size=(7, 4)), rng.normal(size=(7, OUTPUTS))
    w1, w2, _ = (layer.kernel.numpy() for layer in layers)
    _, b2, b3 = (layer.backward_kernel.numpy() for layer in layers)
    assert (b2.shape, b3.shape) == ((OUTPUTS, 6), (OUTPUTS, 5))
    first = np.maximum(x @ w1, 0)
    second = np.maximum(first @ w2, 0)
    expected = [
        x.T @ (error @ b2 * (first > 0)),
        first.T @ (error @ b3 * (second > 0)),
        second.T @ error,
    ]
    for found, by_hand in zip(gradients(layers, x, error), expected, strict=True):
        np.testing.assert_allclose(found, by_hand, atol=1e-12)


def test_a_convolution_gets_it_at_each_position(rng):
    rule = DirectFeedbackAlignment({}, outputs=OUTPUTS)
    first = Conv2D(2, 3, activation="relu", padding="same", learning_rule=rule, dtype="float64")
    second = Conv2D(4, 3, strides=2, padding="same", learning_rule=rule, dtype="float64")
    last = Dense(OUTPUTS, learning_rule=rule, dtype="float64")
    first.build((None, 5, 5, 1))
    second.build((None, 5, 5, 2))
    last.build((None, 3 * 3 * 4))
    x, error = rng.normal(size=(6, 5, 5, 1)), rng.normal(size=(6, OUTPUTS))
    layers = [first, second, keras.layers.Flatten(dtype="float64"), last]
    found, _, _ = gradients(layers, x, error)

    assert tuple(second.backward_kernel.shape) == (3, 3, 2, OUTPUTS)
    feedback = reference.convolution_matrix(second.backward_kernel.numpy(), (5, 5, 2), 2, "SAME")
    hidden = first(tf.constant(x)).numpy()
    at_input = (np.tile(error, (1, 9)) @ feedback.T).reshape(hidden.shape)
    delta = at_input * (hidden > 0)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((3, 3, 1, 2))
    for i, j in np.ndindex(3, 3):
        expected[i, j] = np.einsum("byxc,byxd->cd", padded[:, i : i + 5, j : j + 5], delta)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_true_gradients_are_backpropagations(rng):
    layers = dense_layers(DirectFeedbackAlignment({}, outputs=OUTPUTS))
    x, upstream = rng.normal(size=(7, 4)), rng.normal(size=(7, OUTPUTS))
    w1, w2, w3 = (layer.kernel.numpy() for layer in layers)
    first = np.maximum(x @ w1, 0)
    second = np.maximum(first @ w2, 0)
    delta = (upstream @ w3.T * (second > 0)) @ w2.T * (first > 0)
    found, _, _ = gradients(layers, x, upstream, exact=True)
    np.testing.assert_allclose(found, x.T @ delta, atol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_layer_that_cannot_see_the_error_refuses_its_gradient(compiled):
    layers = dense_layers(DirectFeedbackAlignment({}, outputs=OUTPUTS))

    def loss_gradient():
        with tf.GradientTape() as tape:
            outputs = tf.ones((2, 4), "float64")
            for layer in layers:
                outputs = layer(outputs)
            loss = tf.reduce_sum(outputs)
        return tape.gradient(loss, layers[0].kernel.value)

    with pytest.raises(ConfigurationError, match=r"error at the network's output.*send_error"):
        (tf.function(loss_gradient, autograph=False) if compiled else loss_gradient)()


def test_a_network_without_outputs_is_refused():
    with pytest.raises(ConfigurationError, match="outputs is 0"):
        DirectFeedbackAlignment({}, outputs=0)


def test_a_layer_cannot_be_built_before_the_outputs_are_known():
    layer = Dense(5, learning_rule=DirectFeedbackAlignment({}))
    with pytest.raises(ConfigurationError, match="needs the number of outputs"):
        layer.build((None, 4))


def test_it_is_saved_with_the_number_of_outputs():
    layer = Dense(5, learning_rule=DirectFeedbackAlignment({}, outputs=OUTPUTS))
    copy = Dense.from_config(layer.get_config())
    assert copy.learning_rule.outputs == OUTPUTS
