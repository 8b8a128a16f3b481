"""The fast path against reference.py, over random layers, rules and switches."""

from dataclasses import fields

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules import reference
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.layer_call import LayerCall

SWITCHES = [field.name for field in fields(BackwardPassOperations)]
KINDS = [name for name in reference.PRIMITIVES if name != "angle"]
STEP = 1e-6
DRAWS = 24


class Drawn:
    """A random layer with a random rule, and what R is computed from."""

    def __init__(self, seed, *, convolves):
        self.rng = rng = np.random.default_rng(seed)
        self.on = {name for name in SWITCHES if rng.random() < 0.4}
        self.noisy = rng.random() < 0.4
        kinds = [*KINDS, *([] if self.noisy else ["angle"])]
        chosen = rng.choice(kinds, rng.integers(1, len(kinds) + 1), replace=False)
        self.weights = {str(name): float(rng.uniform(0.2, 2)) for name in chosen}
        rule = type("DrawnRule", (Alignment,), {"primitives": tuple(self.weights)})(
            self.weights,
            BackwardPassOperations(**dict.fromkeys(self.on, True)),
            0.7 if self.noisy else None,
        )
        given = {
            "learning_rule": rule,
            "use_bias": bool(rng.random() < 0.7),
            **({"activation": "relu"} if rng.random() < 0.6 else {"relu_follows": False}),
            "bias_initializer": keras.initializers.RandomNormal(stddev=1.0, seed=seed),
            "dtype": "float64",
        }
        if convolves:
            self.image = (*map(int, rng.integers(4, 6, 2)), int(rng.integers(1, 4)))
            self.stride, self.padding = int(rng.integers(1, 3)), str(rng.choice(["SAME", "VALID"]))
            shape = {"strides": self.stride, "padding": self.padding.lower()}
            size = int(rng.integers(1, 4))
            self.layer = Conv2D(int(rng.integers(1, 4)), size, **shape, **given)
        else:
            self.image = (int(rng.integers(2, 6)),)
            self.layer = Dense(int(rng.integers(1, 5)), **given)
        self.layer.build((None, *self.image))
        self.x = rng.normal(0.3, size=(int(rng.integers(2, 5)), *self.image))
        self.noise = rng.normal(size=self.x.size)
        self.product = self.layer.project(tf.constant(self.x), self.layer.kernel)
        self.pseudogradient = rng.normal(size=self.product.shape)

    def matrix(self, kernel):
        if isinstance(self.layer, Dense):
            return kernel
        return reference.convolution_matrix(kernel, self.image, self.stride, self.padding)

    def expected(self, backward_kernel):
        """R by the definition. The kernel is in the forward kernel's layout."""
        layer = self.layer
        matrix = self.matrix(layer.kernel.numpy())
        bias = np.zeros(matrix.shape[1])
        if layer.bias is not None:
            own = layer.bias.numpy()
            bias = np.tile(own, len(bias) // len(own))
        on = self.on if layer.relu_follows else self.on - {"fo_relu", "bo_relu"}
        flat = len(self.x), -1
        return reference.regularization(
            self.weights,
            self.x.reshape(flat),
            layer.kernel.numpy(),
            backward_kernel,
            bias,
            on,
            noise=self.noise.reshape(flat) if self.noisy else None,
            pseudogradient=self.pseudogradient.reshape(flat),
            matrix=self.matrix,
        )

    def found(self):
        """R and its gradient by the fast path, which may be handed the forward product."""
        kernel = self.layer.backward_kernel.value
        handed = self.product if self.rng.random() < 0.5 else None
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            call = LayerCall(
                self.layer,
                tf.constant(self.x),
                handed,
                tf.constant(self.pseudogradient),
                tf.constant(self.noise),
            )
            loss = self.layer.alignment_loss(call, valued=bool(self.rng.random() < 0.5))
        return float(loss), tape.gradient(loss, kernel).numpy()


KINDS_OF_LAYER = pytest.mark.parametrize("convolves", [False, True], ids=["dense", "convolution"])


@KINDS_OF_LAYER
@pytest.mark.parametrize("seed", range(4))
def test_value_and_gradient_are_the_definitions(seed, convolves):
    compare(seed, convolves)


@KINDS_OF_LAYER
@pytest.mark.parametrize("seed", range(4, DRAWS))
def test_more_values_and_gradients_are_the_definitions(seed, convolves):
    compare(seed, convolves)


def compare(seed, convolves):
    """Compare R and its gradient with the definition and its central differences."""
    drawn = Drawn(seed, convolves=convolves)
    backward = drawn.layer.as_backward(drawn.layer.backward_kernel).numpy()
    value, gradient = drawn.found()
    assert value == pytest.approx(drawn.expected(backward), rel=1e-9, abs=1e-9)

    differences = np.zeros_like(backward)
    for index in np.ndindex(backward.shape):
        step = np.zeros_like(backward)
        step[index] = STEP
        above, below = drawn.expected(backward + step), drawn.expected(backward - step)
        differences[index] = (above - below) / (2 * STEP)
    found = drawn.layer.as_backward(gradient)
    np.testing.assert_allclose(found, differences, rtol=1e-5, atol=1e-6)


def test_the_draws_reach_every_switch_every_primitive_and_both_inputs():
    drawn = [
        Drawn(seed, convolves=convolves) for seed in range(DRAWS) for convolves in (False, True)
    ]
    assert set.union(*(each.on for each in drawn)) == set(SWITCHES)
    assert {name for each in drawn for name in each.weights} == set(reference.PRIMITIVES)
    assert {each.noisy for each in drawn} == {False, True}
    assert {each.layer.relu_follows for each in drawn} == {False, True}
