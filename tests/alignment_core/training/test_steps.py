"""Single steps against gradients computed by hand: their values, weights and learning rates."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.dense import Dense
from alignment_core.optimizers.optimizers import Optimizers
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment
from alignment_core.training.objectives import Objectives
from alignment_core.training.steps import AlignmentSteps, AlignmentUpdate, LossSteps

RATE, ALIGNMENT_RATE, WEIGHT_DECAY = 0.5, 0.25, 0.01
RATES = tf.constant([RATE, ALIGNMENT_RATE])
SEED = tf.constant([3, 4])
WEIGHTS = {"amp": 0.3, "decay": 0.2, "null": 0.1}


class Net:
    """Two dense layers with plain gradient descent on both losses, and their values in NumPy."""

    def __init__(self, rule, *, alternating, minibatches=1):
        inputs = keras.Input((5,))
        hidden = Dense(4, learning_rule=rule, activation="relu")(inputs)
        self.model = keras.Model(inputs, Dense(3, learning_rule=rule, relu_follows=False)(hidden))
        for index, variable in enumerate(self.model.variables):
            variable.assign(tf.random.stateless_normal(variable.shape, [index, 0]))
        self.first, self.second = self.model.layers[1:]
        decay = tf.Variable(WEIGHT_DECAY)
        self.objectives = Objectives(self.model, decay)
        gradient_descent = [keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0)]
        backward = [self.first.backward_kernel, self.second.backward_kernel]
        cost = [w for layer in (self.first, self.second) for w in (layer.kernel, layer.bias)]
        optimizers = Optimizers(gradient_descent, [cost, backward], minibatches=minibatches)
        self.loss_steps = LossSteps(self.objectives, optimizers, jit_compile=False)
        self.steps = AlignmentSteps(
            self.loss_steps,
            AlignmentUpdate(optimizers, jit_compile=False),
            self.objectives,
            optimizers,
            jit_compile=False,
        )
        self.steps.alternating = alternating

    def state(self):
        return [
            value.numpy().astype(np.float64)
            for layer in (self.first, self.second)
            for value in (layer.kernel, layer.bias, layer.backward_kernel)
        ]


def batch(seed=0, size=8):
    x = tf.random.stateless_normal((size, 5), [seed, 1])
    labels = tf.random.stateless_uniform((size,), [seed, 2], 0, 3, tf.int32)
    return x, labels


def loss_and_pseudogradients(state, x, labels):
    """Return J, accuracy and [dW1, db1, dW2, db2], with the backward kernel B2 in W2's place."""
    w1, b1, _, w2, b2, backward = state
    x, labels = x.numpy().astype(np.float64), labels.numpy()
    before = x @ w1 + b1
    hidden = np.maximum(before, 0)
    logits = hidden @ w2 + b2
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    p = exponentials / exponentials.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(x)), labels]).mean()
    delta = (p - np.eye(3)[labels]) / len(x)
    back = (delta @ backward) * (before > 0)
    gradients = [
        x.T @ back + WEIGHT_DECAY * w1,
        back.sum(0),
        hidden.T @ delta + WEIGHT_DECAY * w2,
        delta.sum(0),
    ]
    return loss, (logits.argmax(1) == labels).mean(), gradients


def activation_gradients(state, x):
    """Return the gradient of R_AA without operations: B x^T x - f^T x, averaged over the batch."""
    w1, b1, backward1, w2, _, backward2 = state
    x = x.numpy().astype(np.float64)
    hidden = np.maximum(x @ w1 + b1, 0)
    found = []
    for inputs, forward, backward in ((x, w1, backward1), (hidden, w2, backward2)):
        output = inputs @ forward
        gradient = 0.2 * backward @ inputs.T @ inputs - 0.3 * output.T @ inputs
        found.append(gradient / len(x))
    return found


def moved(state, gradients=None, alignment=None):
    w1, b1, backward1, w2, b2, backward2 = state
    if gradients is not None:
        w1, b1, w2, b2 = (
            value - RATE * gradient
            for value, gradient in zip((w1, b1, w2, b2), gradients, strict=True)
        )
    if alignment is not None:
        backward1 = backward1 - ALIGNMENT_RATE * alignment[0]
        backward2 = backward2 - ALIGNMENT_RATE * alignment[1]
    return [w1, b1, backward1, w2, b2, backward2]


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def activation_rule():
    return ActivationAlignment({"amp": 0.3, "sparse": 0.2})


def test_a_step_on_j_moves_the_forward_weights_by_their_pseudogradient():
    net, (x, labels) = Net(activation_rule(), alternating=True), batch()
    before = net.state()
    loss, accuracy, gradients = loss_and_pseudogradients(before, x, labels)
    found = net.loss_steps.step(x, labels, SEED, RATES)
    np.testing.assert_allclose(found, [loss, accuracy], rtol=1e-5)
    assert_close(net.state(), moved(before, gradients))


def test_a_step_on_r_moves_the_backward_kernels_alone():
    net, (x, labels) = Net(activation_rule(), alternating=True), batch()
    before = net.state()
    net.steps.alignment_step(x, labels, SEED, RATES)
    assert_close(net.state(), moved(before, alignment=activation_gradients(before, x)))


def test_alternating_j_sees_the_backward_kernels_that_r_has_moved():
    net, (x, labels) = Net(activation_rule(), alternating=True), batch()
    state = net.state()
    state = moved(state, alignment=activation_gradients(state, x))
    loss, accuracy, gradients = loss_and_pseudogradients(state, x, labels)
    found = net.steps.step(x, labels, SEED, RATES)
    np.testing.assert_allclose(found, [loss, accuracy], rtol=1e-5)
    assert_close(net.state(), moved(state, gradients))


def test_simultaneous_both_gradients_are_taken_at_one_point():
    net, (x, labels) = Net(activation_rule(), alternating=False), batch()
    before = net.state()
    loss, accuracy, gradients = loss_and_pseudogradients(before, x, labels)
    found = net.steps.step(x, labels, SEED, RATES)
    np.testing.assert_allclose(found, [loss, accuracy], rtol=1e-5)
    assert_close(net.state(), moved(before, gradients, activation_gradients(before, x)))


@pytest.mark.parametrize("alternating", [True, False])
@pytest.mark.parametrize(("size", "parts"), [(8, 4), (4096, 32)])
def test_minibatches_move_the_weights_as_the_whole_batch_does(alternating, size, parts):
    x, labels = batch(size=size)
    ends = []
    for minibatches in (1, parts):
        net = Net(activation_rule(), alternating=alternating, minibatches=minibatches)
        statistics = net.steps.step(x, labels, SEED, RATES)
        ends.append([statistics.numpy(), *net.state()])
    assert_close(*ends)


def noisy_rule(rule=InformationAlignment, **operations):
    weights = {name: WEIGHTS[name] for name in rule.primitives}
    return rule(weights, BackwardPassOperations(**operations), noise_stddev=0.7)


@pytest.mark.parametrize("alternating", [True, False])
def test_with_noise_r_does_not_depend_on_the_images(alternating):
    ends = []
    for seed in (0, 1):
        net = Net(noisy_rule(fo_relu=True), alternating=alternating)
        net.steps.alignment_step(*batch(seed), SEED, RATES)
        ends.append(net.state())
    assert_close(*ends)


def test_with_noise_both_ways_of_minimizing_differ_by_js_backward_kernels_only():
    """One seed gives one noise, so R's step is the same; J's step uses B before or after it."""
    (x, labels), ends = batch(), []
    for alternating in (True, False):
        net = Net(noisy_rule(fo_bwmc=True, bi_bwmc=True), alternating=alternating)
        before = net.state()
        net.steps.alignment_step(x, labels, SEED, RATES)
        after = net.state()
        net = Net(noisy_rule(fo_bwmc=True, bi_bwmc=True), alternating=alternating)
        net.steps.step(x, labels, SEED, RATES)
        _, _, gradients = loss_and_pseudogradients(after if alternating else before, x, labels)
        assert_close(net.state(), moved(after, gradients))
        ends.append(net.state())
    assert np.abs(ends[0][0] - ends[1][0]).max() > 1e-3


def test_noise_differs_by_seed_and_by_minibatch():
    """Without decay, R_WM's gradient is noise^T noise W, so it repeats if the noise does."""

    def change(seed, size, minibatches=1):
        rule = WeightMirror({"amp": 1.0, "decay": 0.0}, noise_stddev=0.7)
        net = Net(rule, alternating=True, minibatches=minibatches)
        before = net.state()
        net.steps.alignment_step(*batch(size=size), tf.constant(seed), RATES)
        return net.state()[2] - before[2]

    once = change([3, 4], 4)
    np.testing.assert_array_equal(once, change([3, 4], 4))
    assert np.abs(once - change([3, 5], 4)).max() > 1e-2
    # If two minibatches had the same noise, their average would equal the gradient of one.
    assert np.abs(once - change([3, 4], 8, minibatches=2)).max() > 1e-2


def test_evaluation_counts_real_rows_only():
    net, (x, labels) = Net(activation_rule(), alternating=True), batch()
    loss, accuracy, _ = loss_and_pseudogradients(net.state(), x, labels)
    padded = tf.concat([x, tf.zeros((3, 5))], 0), tf.concat([labels, [-1, -1, -1]], 0)
    np.testing.assert_allclose(
        net.objectives.evaluate(*padded), [8 * loss, 8 * accuracy], rtol=1e-5
    )
