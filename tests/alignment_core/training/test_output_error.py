"""The error that direct feedback alignment sends, behind any activation of the outputs.

Nøkland 2016 sends J's gradient for a_y, the outputs before their activation.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.contexts import recording
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.direct import send_error
from alignment_core.models import initialize
from alignment_core.rules.direct_feedback import DirectFeedbackAlignment
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.with_rule import with_rule

RULE = DirectFeedbackAlignment(outputs=3)
RATE = 0.1
DERIVATIVES = {
    "linear": np.ones_like,
    "tanh": lambda a: 1 - np.tanh(a) ** 2,
    "relu": lambda a: (a > 0).astype(float),
    "softplus": lambda a: 1 / (1 + np.exp(-a)),
}


class Called(AlignedModel):
    """A hidden layer and the outputs, perhaps with a function after them."""

    def __init__(self, last, after=None):
        super().__init__()
        self.hidden = Dense(6, activation="relu", learning_rule=RULE, name="hidden")
        self.last = last
        self.after = after

    def call(self, x, training=None):
        x = self.last(self.hidden(x))
        return x if self.after is None else self.after(x)


def functional(*last, kind=AlignedModel):
    inputs = x = keras.Input((4,))
    for layer in (Dense(6, activation="relu", learning_rule=RULE, name="hidden"), *last):
        x = layer(x)
    return kind(inputs, x)


def compiled(model, **arguments):
    model.compile(keras.optimizers.SGD(RATE), keras.losses.MeanSquaredError("sum"), **arguments)
    return model


def expected_step(model, x, y, activation):
    """Return both forward kernels after one step, by the paper's formula in NumPy."""
    first, last = model.layers[-2:]
    w1, w2, b2 = (v.numpy() for v in (first.kernel, last.kernel, last.backward_kernel))
    hidden = np.maximum(x @ w1 + first.bias.numpy(), 0)
    before = hidden @ w2 + last.bias.numpy()
    outputs = np.asarray(keras.activations.get(activation)(before))
    # Keras's squared error is the mean over the outputs, and summed over the batch here.
    error = 2 * (outputs - y) / 3 * DERIVATIVES[activation](before)
    return w1 - RATE * x.T @ (error @ b2 * (hidden > 0)), w2 - RATE * hidden.T @ error


@pytest.mark.parametrize(
    "own",
    [{}, {"run_eagerly": True}, {"jit_compile": True}, {"minibatches": 2}],
    ids=str,
)
@pytest.mark.parametrize("activation", DERIVATIVES)
def test_the_error_is_that_before_the_activation(activation, own, rng):
    # The mean over minibatches of sums is half of the sum.
    x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
    last = Dense(3, activation=activation, learning_rule=RULE, bias_initializer="normal")
    model = compiled(functional(last), **own)
    expected = expected_step(model, x, y, activation)
    before = [layer.kernel.numpy() for layer in model.layers[-2:]]
    model.fit(x, y, batch_size=8, verbose=0)
    for layer, wanted, start in zip(model.layers[-2:], expected, before, strict=True):
        step = (wanted - start) / own.get("minibatches", 1)
        np.testing.assert_allclose(layer.kernel.numpy() - start, step, atol=1e-5)


def test_subclassed_models_and_functions_of_ones_own_are_served_alike(rng):
    x, y = rng.normal(size=(8, 4)).astype("float32"), rng.normal(size=(8, 3))
    ends = []
    for make in (functional, Called):
        layer = Dense(3, activation=lambda a: tf.nn.tanh(a) ** 3, learning_rule=RULE)
        model = make(layer)
        model(x)
        initialize(model, 3)
        compiled(model).fit(x, y, verbose=0)
        ends.append([v.numpy() for v in model.trainable_variables])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "bending"),
    [
        (lambda: functional(Dense(3, learning_rule=RULE), keras.ops.tanh), "layer 'tanh"),
        (
            lambda: functional(
                Dense(3, learning_rule=RULE), keras.layers.Activation("tanh", name="bent")
            ),
            "layer 'bent'",
        ),
        (
            lambda: functional(
                Dense(3, "relu", learning_rule=RULE, name="relu"), keras.layers.Reshape((3,))
            ),
            "layer 'relu'",
        ),
        (lambda: functional(keras.layers.Dense(3, "tanh", name="plain")), "layer 'plain'"),
        (lambda: functional(Dense(3, "tanh", name="ours")), "layer 'ours'"),
        (lambda: functional(keras.Sequential([keras.layers.Dense(3, "elu", name="in")])), "'in'"),
        (lambda: Called(Dense(3, learning_rule=RULE), after=tf.nn.tanh), "the model 'called"),
        (lambda: Called(keras.layers.Dense(3)), "the model 'called"),
    ],
)
def test_activations_that_cannot_be_undone_are_refused_by_name(model, bending, rng):
    said = rf"'hidden' sends .*before their activation, and {bending}.*to the last layer as well"
    if bending.startswith("'"):
        said = said.replace("and 'in'", "and layer 'in'")
    with pytest.raises(ConfigurationError, match=said):
        compiled(model()).fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 3)), verbose=0)


def test_outputs_that_other_layers_make_without_an_activation_are_taken(rng):
    x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
    norm = keras.layers.LayerNormalization()
    ends = [
        (keras.layers.Dense(3),),
        (keras.layers.Dense(3), keras.layers.Activation("linear"), norm),
        (keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)]),),
        (Dense(6, learning_rule=RULE), keras.layers.Reshape((2, 3)), lambda x: x[:, 0]),
    ]
    for end in ends:
        model = compiled(functional(*end))
        before = model.get_layer("hidden").kernel.numpy()
        model.fit(x, y, verbose=0)
        assert np.abs(model.get_layer("hidden").kernel.numpy() - before).max() > 1e-5
    images = keras.Input((4, 4, 2))
    mapped = Conv2D(3, 1, learning_rule=RULE)(Conv2D(5, 3, learning_rule=RULE)(images))
    model = compiled(AlignedModel(images, keras.layers.GlobalAveragePooling2D()(mapped)))
    model.fit(rng.normal(size=(8, 4, 4, 2)), y, verbose=0)


def test_a_twin_whose_last_layer_has_no_rule_is_taken_or_refused(rng):
    for activation in (None, "tanh"):
        plain = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(6, "relu", name="hidden"),
                keras.layers.Dense(3, activation, name="last"),
            ]
        )
        model = compiled(with_rule(plain, {"hidden": RULE}))
        data = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
        if activation is None:
            model.fit(*data, verbose=0)
            continue
        with pytest.raises(ConfigurationError, match="layer 'last' may end"):
            model.fit(*data, verbose=0)


def test_a_loop_of_ones_own_sends_the_same_error(rng):
    x, y = (tf.constant(rng.normal(size=(8, n)), tf.float32) for n in (4, 3))
    model = functional(Dense(3, activation="tanh", learning_rule=RULE))
    expected, _ = expected_step(model, x.numpy(), y.numpy(), "tanh")
    kernel = model.layers[-2].kernel
    with recording() as calls, tf.GradientTape() as tape:
        loss = tf.reduce_sum((send_error(model(x, training=True), calls) - y) ** 2) / 3
    gradient = tape.gradient(loss, kernel.value)
    np.testing.assert_allclose(kernel.numpy() - RATE * gradient, expected, atol=1e-5)
    with (
        recording() as calls,
        pytest.raises(ConfigurationError, match="this network may end"),
    ):
        send_error(2 * model(x, training=True), calls)
