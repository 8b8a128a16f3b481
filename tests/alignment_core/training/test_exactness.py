"""Three whole steps of each rule against NumPy: gradients, optimizers' state, noise and all.

NumPy knows the cost's gradients by formula and the alignment loss's by central differences of
R, written down anew here. It shares only the random numbers with what it checks.
"""

from dataclasses import dataclass, field

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.optimizers.optimizers import OPTIMIZERS, NesterovMomentum, Optimizers
from alignment_core.rules import reference
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.backward_pass import AKROUT_OPERATIONS, BackwardPassOperations
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
from alignment_core.training.objectives import Objectives
from alignment_core.training.steps import AlignmentSteps, AlignmentUpdate, LossSteps

MOMENTUM, WEIGHT_DECAY, BATCH = 0.9, 0.02, 8
# With rates that change from step to step, TensorFlow 1's momentum differs from Keras's.
RATES = [(0.1, 0.05), (0.4, 0.2), (0.05, 0.01)]
TABLE_5_IA = BackwardPassOperations(
    fo_bias=True,
    fo_relu=True,
    fo_bwmc=True,
    fo_fwmc=True,
    bo_bias=True,
    bo_fwmc=True,
    bo_fwl2n=True,
)


class OwnRule(Alignment):
    """A user's own rule, which only names its primitives."""

    primitives = ("self", "sparse", "decay")


@dataclass
class Case:
    rule: Alignment | None
    optimizer: str = "vanilla_gd"
    alternating: bool = True
    noise: tuple[float, float] = (0.0, 0.0)
    flags: set[str] = field(init=False)

    def __post_init__(self):
        flags = vars(self.rule.operations) if self.rule else {}
        self.flags = {name for name, on in flags.items() if on}

    @property
    def has_alignment_loss(self):
        return self.rule is not None and self.rule.primitives and not self.rule.tie_gradients


def information(noise_stddev=0.8):
    weights = {"amp": 0.5, "decay": 0.3, "null": 0.2}
    return InformationAlignment(weights, TABLE_5_IA, noise_stddev)


CASES = {
    "backpropagation": Case(None),
    "backpropagation, noisy": Case(None, noise=(0.5, 0.0)),
    "feedback alignment": Case(FeedbackAlignment({})),
    "symmetric alignment": Case(SymmetricAlignment({"self": 0.7, "decay": 0.7}), "adam"),
    "symmetric alignment, noisy": Case(
        SymmetricAlignment({"self": 0.7, "decay": 0.7}), "adam", False, (0.5, 0.3)
    ),
    "activation alignment": Case(ActivationAlignment({"amp": 0.3, "sparse": 0.3}), "adam"),
    "activation alignment, at once": Case(
        ActivationAlignment({"amp": 0.3, "sparse": 0.3}), "vanilla_gd", False
    ),
    "weight mirror": Case(WeightMirror.akrout(0.5, 0.2)),
    "weight mirror on activations": Case(
        WeightMirror({"amp": 0.5, "decay": 0.2}, AKROUT_OPERATIONS), "adam", False
    ),
    "information alignment": Case(information(), "adam"),
    "information alignment, at once": Case(information(), "adam", False),
    "information alignment on activations": Case(information(None)),
    "Kolen-Pollack": Case(KolenPollack({"decay": WEIGHT_DECAY})),
    "Kolen-Pollack, noisy": Case(KolenPollack({"decay": 0.1}), noise=(0.5, 0.0)),
    "Kolen-Pollack as a primitive": Case(
        KolenPollackAngle({"angle": 1.0, "decay": WEIGHT_DECAY}), "nesterov_momentum", False
    ),
    "a rule of one's own": Case(OwnRule({"self": 0.5, "sparse": 0.1, "decay": 0.4}), "adam"),
}


class Net:
    """A network and its steps, with Nesterov momentum on J and the case's optimizer on R."""

    def __init__(self, case, layers, input_shape):
        model = keras.Sequential([keras.Input(input_shape), *layers])
        for index, variable in enumerate(model.variables):
            variable.assign(0.7 * tf.random.stateless_normal(variable.shape, [index, 0]))
        self.objectives = Objectives(model, tf.Variable(WEIGHT_DECAY))
        self.layers = [layer for layer in layers if isinstance(layer, Dense | Conv2D)]
        backward = [layer.backward_kernel for layer in self.objectives.layers]
        kernels = {id(kernel) for kernel in backward}
        variables = [[v for v in model.trainable_variables if id(v) not in kernels]]
        optimizers = [NesterovMomentum(momentum=MOMENTUM)]
        if case.has_alignment_loss:
            optimizers.append(OPTIMIZERS[case.optimizer]())
            variables.append(backward)
        elif case.rule is not None and case.rule.tie_gradients:
            variables[0] += backward
        together = Optimizers(
            optimizers,
            variables,
            noise_variances=[tf.Variable(value) if value else None for value in case.noise][
                : len(optimizers)
            ],
        )
        self.steps = LossSteps(self.objectives, together, jit_compile=False)
        if case.has_alignment_loss:
            self.steps = AlignmentSteps(
                self.steps,
                AlignmentUpdate(together, jit_compile=False),
                self.objectives,
                together,
                jit_compile=False,
            )
            self.steps.alternating = case.alternating

    def step(self, number, x, labels):
        self.steps.step(x, labels, tf.constant([3, number]), tf.constant(RATES[number]))

    def state(self):
        """Return W1, b1, W2, b2 and, under a rule, B1, B2."""
        weights = [value for layer in self.layers for value in (layer.kernel, layer.bias)]
        weights += [layer.backward_kernel for layer in self.objectives.layers]
        return [value.numpy().astype(np.float64) for value in weights]


def dense_net(case):
    layers = [
        Dense(4, learning_rule=case.rule, activation="relu"),
        Dense(3, learning_rule=case.rule, relu_follows=False),
    ]
    return Net(case, layers, (5,))


def batch(number, shape=(5,)):
    x = tf.random.stateless_normal((BATCH, *shape), [number, 1])
    return x, tf.random.stateless_uniform((BATCH,), [number, 2], 0, 3, tf.int32)


def normals(seed, shape):
    return tf.random.stateless_normal(shape, seed, alg="philox").numpy().astype(np.float64)


class Momentum:
    """TensorFlow 1's Nesterov momentum: the rate stays outside the accumulator."""

    def __init__(self):
        self.velocity = 0.0

    def __call__(self, gradient, rate):
        self.velocity = MOMENTUM * self.velocity + gradient
        return -rate * (gradient + MOMENTUM * self.velocity)


class Adam:
    """Adam (Kingma and Ba), with TensorFlow's epsilon outside the bias correction."""

    def __init__(self):
        self.first = self.second = self.steps = 0.0

    def __call__(self, gradient, rate):
        self.steps += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        corrected = rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        return -corrected * self.first / (np.sqrt(self.second) + 1e-8)


class Descent:
    def __call__(self, gradient, rate):
        return -rate * gradient


EXPECTED_OPTIMIZERS = {"vanilla_gd": Descent, "adam": Adam, "nesterov_momentum": Momentum}


class Expected:
    """The same training in NumPy."""

    def __init__(self, case, state):
        self.case, self.state = case, state
        alignment = EXPECTED_OPTIMIZERS[case.optimizer]
        tied = case.rule is not None and case.rule.tie_gradients
        self.optimizers = [Momentum() for _ in state[:4]]
        self.optimizers += [Momentum() if tied else alignment() for _ in state[4:]]

    def step(self, number, x, labels):
        x, labels = x.numpy().astype(np.float64), labels.numpy()
        if not self.case.has_alignment_loss:
            gradients, _, deltas = self.cost(x, labels)
            if self.case.rule is not None and self.case.rule.tie_gradients:
                decay = self.case.rule.weights["decay"]
                gradients += [
                    (inputs.T @ delta).T + decay * backward
                    for (inputs, delta), backward in zip(deltas, self.state[4:], strict=True)
                ]
            self.move(0, gradients, number)
        elif self.case.alternating:
            self.move(4, self.alignment(x, labels, number), number)
            self.move(0, self.cost(x, labels)[0], number)
        else:
            gradients, alignment = self.cost(x, labels)[0], self.alignment(x, labels, number)
            self.move(0, gradients, number)
            self.move(4, alignment, number)

    def move(self, first, gradients, number):
        """Update the variables from index `first` on by `gradients`; the first four are J's."""
        which = 0 if first == 0 else 1
        rate = RATES[number][which]
        variance = self.case.noise[which]
        seeds = tf.random.split(
            tf.random.fold_in(tf.constant([3, number]), -1 - which), len(gradients)
        )
        for index, gradient in enumerate(gradients):
            value = self.state[first + index]
            value = value + self.optimizers[first + index](gradient, rate)
            value = value + rate * np.sqrt(variance) * normals(seeds[index], value.shape)
            self.state[first + index] = value

    def cost(self, x, labels):
        """Return J's gradients, each layer's input, and each layer's (input, mean delta)."""
        w1, b1, w2, b2, *backward = self.state
        back = backward[1] if backward else w2.T
        before = x @ w1 + b1
        hidden = np.maximum(before, 0)
        exponentials = np.exp(hidden @ w2 + b2)
        delta2 = exponentials / exponentials.sum(1, keepdims=True) - np.eye(3)[labels]
        delta2 = delta2 / BATCH
        delta1 = (delta2 @ back) * (before > 0)
        gradients = [
            x.T @ delta1 + WEIGHT_DECAY * w1,
            delta1.sum(0),
            hidden.T @ delta2 + WEIGHT_DECAY * w2,
            delta2.sum(0),
        ]
        return gradients, (x, hidden), [(x, delta1), (hidden, delta2)]

    def alignment(self, x, labels, number):
        _, inputs, deltas = self.cost(x, labels)
        rule = self.case.rule
        if rule.noise_stddev is not None:
            seed = tf.random.fold_in(tf.random.fold_in(tf.constant([3, number]), 0), 0)
            inputs = [rule.noise_stddev * normals(seed, value.shape) for value in inputs]
        return [
            central_difference(
                lambda candidate, layer=layer: self.loss(
                    layer, inputs[layer], candidate, deltas[layer][1]
                ),
                self.state[4 + layer],
            )
            for layer in (0, 1)
        ]

    def loss(self, layer, x, backward, pseudogradient):
        w, b = self.state[2 * layer : 2 * layer + 2]
        flags = self.case.flags - ({"fo_relu", "bo_relu"} if layer else set())
        quantities = reference.backward_pass(x, w, backward.T, b, flags)
        quantities.pseudogradient = pseudogradient
        weights = self.case.rule.weights
        return sum(
            weight * reference.PRIMITIVES[name](quantities) for name, weight in weights.items()
        )


def central_difference(function, point, step=1e-5):
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        shift = np.zeros_like(point)
        shift[index] = step
        gradient[index] = (function(point + shift) - function(point - shift)) / (2 * step)
    return gradient


@pytest.mark.parametrize("name", CASES)
def test_three_steps_are_those_of_numpy(name):
    case = CASES[name]
    net = dense_net(case)
    expected = Expected(case, net.state())
    start = net.state()
    for number in range(3):
        net.step(number, *batch(number))
        expected.step(number, *batch(number))
        for found, value in zip(net.state(), expected.state, strict=True):
            np.testing.assert_allclose(found, value, rtol=2e-4, atol=2e-5)
    fixed = isinstance(case.rule, FeedbackAlignment)
    for index, (before, after) in enumerate(zip(start, net.state(), strict=True)):
        assert (np.abs(after - before).max() < 1e-2) == (fixed and index >= 4)


def conv_net(case):
    layers = [
        Conv2D(3, 3, strides=2, padding="same", learning_rule=case.rule, activation="relu"),
        keras.layers.Flatten(),
        Dense(3, learning_rule=case.rule),
    ]
    return Net(case, layers, (6, 6, 2))


@pytest.mark.parametrize(
    ("build", "shape"), [(dense_net, (5,)), (conv_net, (6, 6, 2))], ids=["dense", "conv"]
)
def test_kolen_pollack_is_descent_on_the_angle_primitive(build, shape):
    """App. D.3: with weights 1 and lambda / eta, and J's own optimizer and rates for R."""
    tied = build(CASES["Kolen-Pollack"])
    angle = build(CASES["Kolen-Pollack as a primitive"])
    for number in range(3):
        rate = RATES[number][0]
        rates = tf.constant([rate, rate])
        for net in (tied, angle):
            net.steps.step(*batch(number, shape), tf.constant([3, number]), rates)
        for one, other in zip(tied.state(), angle.state(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_kolen_pollack_differences_shrink_whatever_the_data():
    """d = W - B^T follows v <- m v + lambda d, d <- d - eta (lambda d + m v), data or no data."""
    net = dense_net(CASES["Kolen-Pollack"])

    def differences():
        w1, _, w2, _, backward1, backward2 = net.state()
        return [w1 - backward1.T, w2 - backward2.T]

    expected, optimizers = differences(), [Momentum(), Momentum()]
    for number in range(3):
        net.step(number, *batch(number))
        expected = [
            d + move(WEIGHT_DECAY * d, RATES[number][0])
            for d, move in zip(expected, optimizers, strict=True)
        ]
        for found, value in zip(differences(), expected, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)


def test_akrouts_mirror_is_the_correlation_of_noise_and_response():
    """Delta B = mirror_rate x f^T - decay_rate B, with x and f centred over the batch."""
    net = dense_net(Case(WeightMirror.akrout(0.5, 0.2, noise_stddev=0.7)))
    (w1, b1, _, _, backward, _), (x, labels) = net.state(), batch(0)
    net.steps.alignment_step(x, labels, tf.constant([3, 0]), tf.constant([0.0, 1.0]))
    seed = tf.random.fold_in(tf.random.fold_in(tf.constant([3, 0]), 0), 0)
    noise = 0.7 * normals(seed, x.shape)
    response = np.maximum(noise @ w1 + b1, 0)
    correlation = (response - response.mean(0)).T @ (noise - noise.mean(0)) / BATCH
    np.testing.assert_allclose(
        net.state()[4], backward + 0.5 * correlation - 0.2 * backward, rtol=1e-5, atol=1e-6
    )
