import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules import reference
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.kolen_pollack import KolenPollack, KolenPollackAngle
from alignment_core.rules.layer_call import LayerCall
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.rules.symmetry import ActivationAlignment, SymmetricAlignment
from alignment_core.rules.table import LEARNING_RULES

WEIGHTS = {"amp": 0.7, "decay": 0.3, "null": 0.2, "sparse": 0.4, "self": 0.6, "angle": 0.9}
INPUT_SHAPES = {"dense": (4,), "conv": (4, 5, 2)}
# No operation; Akrout et al.'s; Table 5's WM+AD+OPS and IA; and all nonlinear ones.
COMBINATIONS = [
    "",
    "fo_bias fo_relu fo_bwmc bi_bwmc",
    "fo_bias fo_relu fo_bwmc fo_fwmc bo_relu bo_fwl2n bi_bwmc",
    "fo_bias fo_relu fo_bwmc fo_fwmc bo_bias bo_fwmc bo_fwl2n",
    "fo_fwl2n bo_bias bo_relu bo_fwmc bi_fwmc bi_fwl2n",
]


def rule(kind, flags="", **arguments):
    weights = {name: WEIGHTS[name] for name in kind.primitives}
    operations = BackwardPassOperations(**dict.fromkeys(flags.split(), True))
    return kind(weights, operations, **arguments)


def build(kind, learning_rule, dtype="float64"):
    arguments = {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=1),
        "bias_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=2),
        "learning_rule": learning_rule,
        "relu_follows": True,
        "dtype": dtype,
    }
    if kind == "dense":
        layer = Dense(3, **arguments)
    else:
        layer = Conv2D(3, 2, strides=2, padding="same", **arguments)
    layer.build((None, *INPUT_SHAPES[kind]))
    return layer


def noise_of(layer, shape, seed):
    return layer.learning_rule.draw_noise(math.prod(shape), seed, layer.dtype)


def loss_and_gradient(layer, x, seed=None):
    noise = None if seed is None else noise_of(layer, getattr(x, "shape", x), seed)
    with tf.GradientTape() as tape:
        tape.watch(layer.backward_kernel.value)
        calls = [] if x is None else [LayerCall(layer, x, noise=noise)]
        loss = layer.alignment_loss(*calls)
    return loss, tape.gradient(loss, layer.backward_kernel.value)


def numpy_loss(layer, x, flags):
    """Return R of a layer as a NumPy function of its backward kernel."""
    w, bias = layer.kernel.numpy(), layer.bias.numpy()
    dense = w.ndim == 2

    def matrix(kernel):
        return reference.convolution_matrix(kernel, x.shape[1:], 2, "SAME")

    forward = w if dense else matrix(w)
    biases = np.tile(bias, forward.shape[1] // len(bias))

    def loss(b):
        backward = b.T if dense else matrix(b)
        found = reference.backward_pass(x.reshape(len(x), -1), forward, backward, biases, flags)
        # Decay and self are sums over the kernel itself, not over its copies in the matrix.
        found.W, found.B = (w.T if dense else w), b
        return sum(
            WEIGHTS[name] * reference.PRIMITIVES[name](found)
            for name in layer.learning_rule.primitives
        )

    return loss


def finite_differences(function, at, step=1e-6):
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        shift = np.zeros_like(at)
        shift[index] = step
        gradient[index] = (function(at + shift) - function(at - shift)) / (2 * step)
    return gradient


@pytest.mark.parametrize("flags", COMBINATIONS, ids=lambda flags: flags or "none")
@pytest.mark.parametrize("kind", ["dense", "conv"])
@pytest.mark.parametrize(
    "learning_rule", [WeightMirror, InformationAlignment, SymmetricAlignment, ActivationAlignment]
)
def test_loss_and_gradient_are_numpys(learning_rule, kind, flags, rng):
    layer = build(kind, rule(learning_rule, flags))
    x = rng.normal(0.5, size=(5, *INPUT_SHAPES[kind]))
    expected = numpy_loss(layer, x, flags.split())
    b = layer.backward_kernel.numpy()

    loss, gradient = loss_and_gradient(layer, tf.constant(x))

    np.testing.assert_allclose(loss, expected(b), rtol=1e-10)
    np.testing.assert_allclose(gradient, finite_differences(expected, b), rtol=1e-6, atol=1e-8)


def test_only_the_layers_own_backward_kernel_learns(rng):
    learning_rule = rule(InformationAlignment, COMBINATIONS[2])
    inputs = keras.Input((4,))
    hidden = Dense(6, activation="relu", learning_rule=learning_rule)
    output = Dense(3, learning_rule=learning_rule, relu_follows=False)
    model = keras.Model(inputs, output(hidden(inputs)))
    x = tf.constant(rng.normal(size=(5, 4)), tf.float32)

    with tf.GradientTape() as tape:
        for variable in model.weights:
            tape.watch(variable.value)
        loss = output.alignment_loss(LayerCall(output, hidden(x)))
    gradients = tape.gradient(loss, [variable.value for variable in model.weights])

    learnt = [v.path for v, g in zip(model.weights, gradients, strict=True) if g is not None]
    assert learnt == [output.backward_kernel.path]


def test_feedback_alignment_adds_nothing_and_moves_nothing(rng):
    loss, gradient = loss_and_gradient(build("conv", FeedbackAlignment({})), None)
    assert loss == 0
    assert gradient is None


@pytest.mark.parametrize("learning_rule", [SymmetricAlignment, ActivationAlignment])
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_equal_weights_rest_at_the_forward_kernel(learning_rule, kind, rng):
    weights = dict.fromkeys(learning_rule.primitives, 0.5)
    layer = build(kind, learning_rule(weights))
    layer.backward_kernel.assign(layer.as_backward(layer.kernel.value))
    _, gradient = loss_and_gradient(layer, tf.constant(rng.normal(size=(5, *INPUT_SHAPES[kind]))))
    np.testing.assert_allclose(gradient, np.zeros(gradient.shape), atol=1e-12)


def test_published_symmetric_alignment_pulls_towards_the_forward_kernel():
    # App. B.2 in the published code's order, and without its halves: decay 1e-3, self 2e-3.
    layer = build("dense", SymmetricAlignment({"decay": 2 * 1e-3, "self": 2e-3}))
    _, gradient = loss_and_gradient(layer, None)
    distance = layer.backward_kernel.numpy() - layer.kernel.numpy().T
    np.testing.assert_allclose(gradient, 2e-3 * distance)


def test_noise_mirrors_the_forward_kernel():
    # For white noise x, E[f^T x] = W^T sigma^2: amp mirrors the forward kernel.
    layer = build("dense", WeightMirror({"amp": 1.0, "decay": 0.0}, noise_stddev=0.5))
    _, gradient = loss_and_gradient(layer, (100_000, 4), tf.constant([3, 4]))
    np.testing.assert_allclose(gradient, -0.25 * layer.kernel.numpy().T, atol=0.01)


def test_noise_replaces_the_input_and_follows_its_seed(rng):
    layer = build("conv", rule(InformationAlignment, noise_stddev=0.5))
    shape = (5, *INPUT_SHAPES["conv"])
    first = loss_and_gradient(layer, shape, tf.constant([1, 2]))
    again = loss_and_gradient(layer, tf.constant(rng.normal(size=shape)), tf.constant([1, 2]))
    other = loss_and_gradient(layer, shape, tf.constant([1, 3]))
    assert first[0] == again[0]
    assert first[0] != other[0]
    np.testing.assert_array_equal(first[1], again[1])


def test_noise_scales_with_its_deviation():
    losses = [
        loss_and_gradient(
            build("conv", WeightMirror({"amp": 1.0, "decay": 0.0}, noise_stddev=sigma)),
            (5, 4, 5, 2),
            tf.constant([1, 2]),
        )[0]
        for sigma in (0.5, 1.5)
    ]
    np.testing.assert_allclose(losses[1], 9 * losses[0])


@pytest.mark.parametrize("xla", [False, True])
def test_noise_is_gaussian_and_independent_within_a_block_and_between_steps(xla):
    """Numbers of the Philox generator with the seeds of successive steps."""
    drawn = rule(WeightMirror, noise_stddev=0.5)
    draw = tf.function(lambda seed: drawn.draw_noise(100_000, seed), jit_compile=xla)
    one, other = (draw(tf.constant([7, step])).numpy() / 0.5 for step in (0, 1))
    for block in (one, other):
        assert stats.kstest(block, "norm").pvalue > 0.01
        assert np.abs(block).max() > 4
    # Correlations of independent numbers, and of their squares, are distributed as N(0, 1 / n).
    for a, b in ((one[:-1], one[1:]), (one[:50_000], one[50_000:]), (one, other)):
        for power in (1, 2):
            correlation = np.corrcoef(a**power, b**power)[0, 1]
            assert abs(correlation) * len(a) ** 0.5 < 4


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_xla_gives_the_same_numbers(kind, rng):
    layer = build(kind, rule(InformationAlignment, COMBINATIONS[2]))
    x = tf.constant(rng.normal(size=(5, *INPUT_SHAPES[kind])))
    expected_loss, expected_gradient = loss_and_gradient(layer, x)

    compiled = tf.function(lambda x: loss_and_gradient(layer, x), jit_compile=True)
    loss, gradient = compiled(x)

    np.testing.assert_allclose(loss, expected_loss)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-10)


def test_xla_draws_noise_that_follows_its_seed():
    layer = build("dense", WeightMirror({"amp": 1.0, "decay": 0.0}, noise_stddev=0.5))
    compiled = tf.function(
        lambda seed: loss_and_gradient(layer, (100_000, 4), seed)[1], jit_compile=True
    )
    gradient = compiled(tf.constant([3, 4]))
    np.testing.assert_array_equal(gradient, compiled(tf.constant([3, 4])))
    np.testing.assert_allclose(gradient, -0.25 * layer.kernel.numpy().T, atol=0.01)


def test_one_trace_serves_other_weights_and_deviations():
    weights = {"amp": tf.Variable(1.0), "decay": tf.Variable(0.0)}
    sigma = tf.Variable(0.5)
    layer = build("dense", WeightMirror(weights, noise_stddev=sigma))
    step = tf.function(
        lambda seed: layer.alignment_loss(
            LayerCall(layer, (5, 4), noise=noise_of(layer, (5, 4), seed))
        )
    )
    seed = tf.constant([1, 2])
    first = step(seed).numpy()

    weights["amp"].assign(2.0)
    sigma.assign(1.0)

    np.testing.assert_allclose(step(seed), 2 * 4 * first)
    assert step.experimental_get_tracing_count() == 1


def operations_behind(outputs):
    """Count by type the operations that a compiled function must run for these outputs."""
    counts = {}
    seen = set()
    pending = [output.op for output in outputs]
    while pending:
        operation = pending.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            counts[operation.type] = counts.get(operation.type, 0) + 1
            pending.extend(tensor.op for tensor in operation.inputs)
            pending.extend(operation.control_inputs)
    return counts


@pytest.mark.parametrize(
    ("learning_rule", "flags", "projections", "with_value", "filter_gradients"),
    [
        (WeightMirror, "fo_bias fo_relu fo_bwmc fo_fwl2n bi_bwmc bo_bias bo_fwmc", 1, 1, 1),
        (WeightMirror, "bo_relu", 2, 2, 1),
        (WeightMirror, "bo_fwl2n", 2, 2, 1),
        # Amp is computed from the reconstruction that null needs anyway.
        (InformationAlignment, "fo_relu fo_bwmc", 1, 1, 1),
        (InformationAlignment, "bo_fwl2n", 2, 2, 2),
        (ActivationAlignment, "fo_bias bo_bias", 2, 2, 1),
        (SymmetricAlignment, "", 0, 0, 0),
    ],
)
def test_no_backward_projection_is_formed_that_the_gradient_does_not_need(
    learning_rule, flags, projections, with_value, filter_gradients
):
    layer = build("conv", rule(learning_rule, flags))
    step = tf.function(lambda x: loss_and_gradient(layer, x))
    graph = step.get_concrete_function(tf.TensorSpec((5, *INPUT_SHAPES["conv"]), tf.float64))
    loss, gradient = graph.outputs

    behind = operations_behind([gradient])
    assert behind.get("Conv2D", 0) == projections
    assert behind.get("Conv2DBackpropFilter", 0) == filter_gradients
    assert operations_behind([loss, gradient]).get("Conv2D", 0) == with_value


def test_a_noise_rule_runs_no_network():
    learning_rule = rule(WeightMirror, "fo_relu", noise_stddev=0.5)
    model = keras.Sequential(
        [keras.Input((6, 6, 2))]
        + [Conv2D(3, 3, activation="relu", learning_rule=learning_rule) for _ in range(2)]
    )
    layers = aligned_layers(model)
    kernels = [layer.backward_kernel.value for layer in layers]

    @tf.function
    def step(seed):
        with tf.GradientTape() as tape:
            tape.watch(kernels)
            shapes = [(5, *layer.aligned_input_shape) for layer in layers]
            noise = noise_of(layers[0], max(shapes, key=math.prod), seed)
            terms = zip(layers, shapes, strict=True)
            calls = [LayerCall(layer, shape, noise=noise) for layer, shape in terms]
            loss = tf.add_n([call.layer.alignment_loss(call) for call in calls])
        return tape.gradient(loss, kernels)

    graph = step.get_concrete_function(tf.TensorSpec((2,), tf.int32))
    counts = operations_behind(graph.outputs)
    assert counts["Conv2D"] == 2
    assert counts["Conv2DBackpropFilter"] == 2
    assert "Conv2DBackpropInput" not in counts


@pytest.mark.parametrize(
    ("learning_rule", "without_noise"),
    [
        (FeedbackAlignment, False),
        (SymmetricAlignment, False),
        (WeightMirror, True),
        (InformationAlignment, True),
        (ActivationAlignment, True),
    ],
)
def test_needs_activations(learning_rule, without_noise):
    assert rule(learning_rule).needs_activations is without_noise
    assert rule(learning_rule, noise_stddev=0.1).needs_activations is False


@pytest.mark.parametrize("name", sorted(LEARNING_RULES.keys() - {"backpropagation"}))
def test_a_rule_survives_its_configuration(name):
    noise = {} if name == "kolen_pollack_angle" else {"noise_stddev": tf.Variable(0.5)}
    original = rule(LEARNING_RULES[name], COMBINATIONS[2], **noise)
    copy = LEARNING_RULES[name].from_config(original.get_config())
    assert copy.get_config() == original.get_config()
    assert copy.operations == original.operations


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"weights": {"amp": 1.0}}, "'amp', 'decay', not for 'amp'"),
        ({"weights": {"amp": 1.0, "decay": 1.0, "null": 1.0}}, "not for 'amp', 'decay', 'null'"),
        ({"weights": {"amp": 1.0, "decay": float("nan")}}, "weight of 'decay' is nan"),
        ({"weights": {"amp": 1.0, "decay": 1.0}, "noise_stddev": 0.0}, "noise_stddev is 0.0"),
        ({"weights": {"amp": 1.0, "decay": 1.0}, "noise_stddev": -1.0}, "noise_stddev is -1.0"),
    ],
)
def test_bad_values_are_refused_with_the_rules_name(arguments, said):
    with pytest.raises(ConfigurationError, match=f"WeightMirror.*{said}"):
        WeightMirror(**arguments)


def test_noise_in_the_place_of_inputs_that_have_pseudogradients_is_refused():
    with pytest.raises(ConfigurationError, match=r"KolenPollackAngle.*noise"):
        rule(KolenPollackAngle, noise_stddev=0.5)


def test_a_rule_that_ties_gradients_takes_kernels_only():
    class TiedMirror(WeightMirror):
        tie_gradients = True

    with pytest.raises(ConfigurationError, match="TiedMirror ties gradients"):
        rule(TiedMirror)
    assert rule(KolenPollack).needs_activations is False


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_the_angle_primitive_gives_the_forward_kernels_own_gradient(kind):
    """App. D.3: angle's gradient is x g^T, the transpose of W's; decay's is B."""
    layer = build(kind, rule(KolenPollackAngle))
    x = tf.random.stateless_normal((6, *INPUT_SHAPES[kind]), [0, 0], dtype="float64")
    with tf.GradientTape() as tape:
        product = layer.project(x, layer.kernel.value)
        cost = tf.reduce_mean(tf.sin(product))
    pseudogradient, moved = tape.gradient(cost, [product, layer.kernel.value])
    with tf.GradientTape() as tape:
        tape.watch(layer.backward_kernel.value)
        loss = layer.alignment_loss(LayerCall(layer, x, pseudogradient=pseudogradient))
    np.testing.assert_allclose(
        tape.gradient(loss, layer.backward_kernel.value),
        0.9 * layer.as_backward(moved) + 0.3 * layer.backward_kernel.value,
        rtol=1e-10,
    )


def test_a_missing_pseudogradient_is_refused_with_the_layers_name():
    layer = build("dense", rule(KolenPollackAngle))
    with pytest.raises(ConfigurationError, match=f"{layer.name}.*simultaneously"):
        layer.alignment_loss(LayerCall(layer, tf.ones((5, 4), "float64")))


def test_a_missing_noise_is_refused_with_the_layers_name():
    layer = build("dense", rule(WeightMirror, noise_stddev=0.5))
    with pytest.raises(ConfigurationError, match=f"{layer.name}.*draw_noise"):
        layer.alignment_loss(LayerCall(layer, (5, 4)))
