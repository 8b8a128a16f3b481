import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.contexts import recording
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules import reference
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.layer_call import LayerCall
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.rules.symmetry import SymmetricAlignment

FIXED = FeedbackAlignment({})
MIRROR = WeightMirror({"amp": 1.0, "decay": 0.5}, BackwardPassOperations(fo_relu=True), 0.5)


def network(dense, conv, dtype="float32", **arguments):
    """Make a small network of the given layer classes, with the same weights at every call."""

    def seeded(seed):
        initializer = keras.initializers.HeNormal(seed=seed)
        return {"kernel_initializer": initializer, "dtype": dtype, **arguments}

    return keras.Sequential(
        [
            keras.Input((6, 6, 2), batch_size=4, dtype=None if "_" in dtype else dtype),
            conv(3, 3, strides=2, padding="same", **seeded(1)),
            keras.layers.BatchNormalization(dtype=dtype),
            keras.layers.ReLU(dtype=dtype),
            conv(4, 2, activation="relu", **seeded(2)),
            keras.layers.Flatten(dtype=dtype),
            dense(5, activation="relu", **seeded(3)),
            dense(3, **seeded(4)),
        ]
    )


def loss_and_gradients(model, x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(x, training=True)))
    variables = [v for v in model.trainable_variables if v.name != "backward_kernel"]
    return loss, tape.gradient(loss, [v.value for v in variables])


@pytest.fixture
def x(rng):
    return tf.constant(rng.normal(size=(4, 6, 6, 2)), tf.float32)


def test_without_a_rule_a_step_is_stock_keras_to_the_last_bit(x):
    stock_loss, stock_gradients = loss_and_gradients(
        network(keras.layers.Dense, keras.layers.Conv2D), x
    )
    loss, gradients = loss_and_gradients(network(Dense, Conv2D), x)

    assert loss == stock_loss
    for gradient, stock_gradient in zip(gradients, stock_gradients, strict=True):
        np.testing.assert_array_equal(gradient, stock_gradient)


def test_with_equal_kernels_a_step_is_backpropagation(x):
    stock = network(keras.layers.Dense, keras.layers.Conv2D, "float64")
    ours = network(Dense, Conv2D, "float64", learning_rule=FIXED)
    for layer in aligned_layers(ours):
        layer.backward_kernel.assign(layer.as_backward(layer.kernel.value))

    stock_loss, stock_gradients = loss_and_gradients(stock, x)
    loss, gradients = loss_and_gradients(ours, x)

    assert loss == stock_loss
    # B is stored as W transposed, so dense products round differently.
    for gradient, stock_gradient in zip(gradients, stock_gradients, strict=True):
        np.testing.assert_allclose(gradient, stock_gradient, rtol=1e-12, atol=1e-12)


def test_hidden_gradients_come_through_the_backward_kernel(rng):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            Dense(5, activation="relu", learning_rule=FIXED),
            Dense(3, learning_rule=FIXED),
        ]
    )
    x = rng.normal(size=(7, 4)).astype("float32")
    w1, b1 = (v.numpy() for v in (model.layers[0].kernel, model.layers[0].bias))
    w2, b2 = (v.numpy() for v in (model.layers[1].kernel, model.layers[1].bias))
    hidden = np.maximum(x @ w1 + b1, 0)
    error = 2 * (hidden @ w2 + b2)
    pseudogradient = error @ model.layers[1].backward_kernel.numpy() * (hidden > 0)
    expected = [x.T @ pseudogradient, pseudogradient.sum(0), hidden.T @ error, error.sum(0)]

    _, gradients = loss_and_gradients(model, x)

    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)


def test_a_step_under_a_rule_costs_the_operations_of_keras(x):
    def costly(model):
        step = tf.function(lambda x: loss_and_gradients(model, x))
        graph = step.get_concrete_function(x).graph
        types = [operation.type for operation in graph.get_operations()]
        return {
            name: types.count(name)
            for name in ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "MatMul")
        }

    stock = costly(network(keras.layers.Dense, keras.layers.Conv2D))
    aligned = costly(network(Dense, Conv2D, learning_rule=FIXED))
    assert aligned == stock
    assert stock["Conv2DBackpropFilter"] == 2


def test_without_a_rule_there_is_no_backward_kernel():
    model = network(Dense, Conv2D)
    stock = network(keras.layers.Dense, keras.layers.Conv2D)
    assert [v.shape for v in model.weights] == [v.shape for v in stock.weights]
    assert aligned_layers(model) == []
    with pytest.raises(ConfigurationError, match=f"{model.layers[0].name}.*no learning rule"):
        model.layers[0].alignment_loss((4, 6, 6, 2))


def test_backward_kernels_are_not_the_costs_to_train():
    model = network(Dense, Conv2D, learning_rule=FIXED)
    stock = network(keras.layers.Dense, keras.layers.Conv2D)
    assert [v.shape for v in model.trainable_variables] == [
        v.shape for v in stock.trainable_variables
    ]
    assert [layer.backward_kernel.shape for layer in aligned_layers(model)] == [
        (3, 3, 2, 3),
        (2, 2, 3, 4),
        (5, 16),
        (3, 5),
    ]


@pytest.mark.parametrize("seed", [7, None], ids=["seed", "no seed"])
def test_the_backward_kernel_is_another_draw_of_the_same_initializer(seed):
    keras.utils.set_random_seed(0)
    initializer = keras.initializers.VarianceScaling(2.0, mode="fan_in", seed=seed)
    layer = Dense(400, kernel_initializer=initializer, learning_rule=FIXED)
    layer.build((None, 50))
    w, b = layer.kernel.numpy().T, layer.backward_kernel.numpy()

    # He et al.: variance 2 / fan-in, where the fan-in is the forward kernel's.
    assert w.std() == pytest.approx(np.sqrt(2 / 50), rel=0.02)
    assert b.std() == pytest.approx(np.sqrt(2 / 50), rel=0.02)
    assert abs(np.corrcoef(w.ravel(), b.ravel())[0, 1]) < 0.03


def test_a_seed_generator_draws_both_kernels():
    initializer = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(1))
    layer = Conv2D(8, 3, kernel_initializer=initializer, learning_rule=FIXED)
    layer.build((None, 6, 6, 8))
    w, b = layer.kernel.numpy(), layer.backward_kernel.numpy()
    assert abs(np.corrcoef(w.ravel(), b.ravel())[0, 1]) < 0.15


def test_equal_seeds_draw_equal_backward_kernels():
    first, second = (network(Dense, Conv2D, learning_rule=FIXED) for _ in range(2))
    for ours, theirs in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_other_seeds_draw_other_backward_kernels():
    kernels = []
    for seed in (1, 2):
        initializer = keras.initializers.HeNormal(seed=seed)
        layer = Dense(50, kernel_initializer=initializer, learning_rule=FIXED)
        layer.build((None, 50))
        kernels.append(layer.backward_kernel.numpy().ravel())
    assert abs(np.corrcoef(*kernels)[0, 1]) < 0.1


def test_recording_collects_each_layers_input(x):
    model = network(Dense, Conv2D, learning_rule=FIXED)
    with recording() as calls:
        model(x)
    model(x)

    assert [call.layer for call in calls] == aligned_layers(model)
    assert [call.layer.aligned_input_shape for call in calls] == [
        tuple(call.x.shape[1:]) for call in calls
    ]
    np.testing.assert_array_equal(calls[0].x, x)
    np.testing.assert_array_equal(calls[-1].product, calls[-1].x @ calls[-1].layer.kernel.value)


def test_recording_works_inside_a_compiled_step(x):
    rule = WeightMirror({"amp": 1.0, "decay": 0.5})
    model = network(Dense, Conv2D, learning_rule=rule)

    def alignment_loss(x):
        with recording() as calls:
            model(x)
        return tf.add_n([call.layer.alignment_loss(call) for call in calls])

    np.testing.assert_allclose(tf.function(alignment_loss)(x), alignment_loss(x), rtol=1e-5)


def test_aligned_layers_looks_into_nested_models():
    inner = keras.Sequential([Dense(4, learning_rule=FIXED), keras.layers.ReLU()])
    outer = keras.Sequential([keras.Input((3,)), inner, Dense(2, learning_rule=FIXED)])
    assert aligned_layers(outer) == [inner.layers[0], outer.layers[1]]


def test_a_relu_activation_says_that_a_relu_follows():
    assert Dense(3, activation="relu").relu_follows
    assert Dense(3, relu_follows=True).relu_follows
    assert Dense(3, activation="tanh").relu_follows is False


@pytest.mark.parametrize(
    "layer",
    [
        Dense(3, learning_rule=MIRROR, relu_follows=True, use_bias=False),
        Conv2D(
            3, 2, strides=2, padding="same", learning_rule=MIRROR, relu_follows=False, name="stem"
        ),
        Conv2D(3, 2, activation="relu"),
    ],
    ids=["dense", "conv", "no rule"],
)
def test_a_layer_survives_its_configuration(layer):
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert type(copy.learning_rule) is type(layer.learning_rule)
    assert copy.relu_follows == layer.relu_follows


# Keras 3 passes its variables to h5py without NumPy 2's copy keyword, which warns.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_a_saved_model_comes_back_with_its_backward_kernels(tmp_path, x):
    model = network(Dense, Conv2D, learning_rule=MIRROR, relu_follows=True)
    for variable in model.weights:
        variable.assign(variable.value + 1.0)
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    for variable, saved in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(variable, saved)
    assert loaded.layers[0].learning_rule.get_config() == MIRROR.get_config()


def test_mixed_precision_aligns_in_the_kernels_own_precision(x):
    rule = WeightMirror({"amp": 1.0, "decay": 0.5})
    model = network(Dense, Conv2D, learning_rule=rule, dtype="mixed_bfloat16")
    with recording() as calls:
        loss, gradients = loss_and_gradients(model, x)
    assert all(gradient.dtype == tf.float32 for gradient in gradients)
    assert calls[1].x.dtype == tf.bfloat16
    assert calls[1].layer.alignment_loss(calls[1]).dtype == tf.float32
    assert np.isfinite(float(loss))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"groups": 2}, "groups=2"),
        ({"dilation_rate": 2}, r"dilation_rate=\(2, 2\)"),
        ({"data_format": "channels_first"}, "data_format='channels_first'"),
        ({"lora_rank": 2}, "lora_rank"),
        ({"groups": 2, "dilation_rate": 2}, r"groups=2 and dilation_rate=\(2, 2\)"),
    ],
)
def test_what_a_rule_cannot_handle_is_refused_with_the_layers_name(arguments, said):
    Conv2D(4, 3, **arguments)
    with pytest.raises(ConfigurationError, match=f"'stem'.*{said}"):
        Conv2D(4, 3, name="stem", learning_rule=FIXED, **arguments)


def test_a_dense_layer_refuses_what_its_rule_cannot_use():
    with pytest.raises(ConfigurationError, match=r"'head'.*rank 1"):
        Dense(3, name="head", learning_rule=FIXED).build((4,))
    with pytest.raises(ConfigurationError, match=r"'head'.*lora_rank"):
        Dense(3, name="head", learning_rule=FIXED, lora_rank=1)


@pytest.mark.parametrize("shape", [(2, 6, 6, 3), (2, 6, 2), (2, 2)])
def test_a_shape_that_does_not_fit_is_refused_with_the_layers_name_and_both_shapes(shape):
    rule = WeightMirror({"amp": 1.0, "decay": 0.5})
    layer = Conv2D(4, 3, learning_rule=rule, name="stem")
    layer.build((None, 6, 6, 2))
    given = ", ".join(map(str, shape[1:]))
    said = rf"'stem' was built .* \(batch, 6, 6, 2\) and can't take \(batch, {given}\)"
    for call in (layer, lambda x: layer.alignment_loss(LayerCall(layer, x))):
        with pytest.raises(ConfigurationError, match=said):
            call(tf.zeros(shape))


def test_symmetric_alignment_by_gradient_descent_aligns_a_layer():
    layer = Conv2D(4, 3, learning_rule=SymmetricAlignment({"self": 1.0, "decay": 1.0}))
    layer.build((None, 6, 6, 2))
    kernel = layer.backward_kernel.value
    start = np.linalg.norm(kernel - layer.kernel.numpy())
    for _ in range(10):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = layer.alignment_loss()
        kernel.assign_sub(0.5 * tape.gradient(loss, kernel))
    # App. D.1: the distance shrinks with eigenvalue 1.
    assert np.linalg.norm(kernel - layer.kernel.numpy()) == pytest.approx(start / 2**10, rel=1e-3)


def test_a_narrow_pixelwise_convolution_with_strides_is_exact(rng):
    """All products of such a layer equal those of the convolution written as a matrix."""
    layer = Conv2D(3, 1, strides=2, use_bias=False, dtype="float64", learning_rule=FIXED)
    layer.build((2, 5, 6, 2))
    forward, backward = layer.kernel.value, layer.backward_kernel.value
    x, output = rng.normal(size=(2, 5, 6, 2)), rng.normal(size=(2, 3, 3, 3))
    inputs = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([inputs, backward])
        pseudo = tf.reduce_sum(layer(inputs) * output)
        reconstructed = layer.reconstruct(tf.constant(output), backward, x.shape)
        null = tf.nn.l2_loss(reconstructed)

    w, b = (
        reference.convolution_matrix(kernel.numpy(), (5, 6, 2), 2, "VALID")
        for kernel in (forward, backward)
    )
    reconstruction = (output.reshape(2, -1) @ b.T).reshape(x.shape)
    learnt, of_null = (
        np.einsum("nhwi,nhwo->io", each[:, ::2, ::2], output)[None, None]
        for each in (x, reconstruction)
    )
    projected = (x.reshape(2, -1) @ w).reshape(output.shape)
    for found, expected in (
        (layer.project(inputs, forward), projected),
        (reconstructed, reconstruction),
        (tape.gradient(pseudo, inputs), reconstruction),
        (tape.gradient(pseudo, forward), learnt),
        (layer.kernel_gradient(inputs, tf.constant(output)), learnt),
        (tape.gradient(null, backward), of_null),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", [None, FIXED])
def test_a_narrow_pixelwise_convolution_with_strides_does_not_end_the_process(rng, rule):
    """oneDNN's filter gradient of this convolution writes past its memory."""
    layer = Conv2D(16, 1, strides=2, use_bias=False, learning_rule=rule)
    x = tf.constant(rng.normal(size=(4, 56, 56, 8)), tf.float32)
    with tf.GradientTape() as tape:
        output = layer(x)
        loss = tf.reduce_sum(output)
    gradient = tape.gradient(loss, layer.kernel.value)
    expected = np.sum(x.numpy()[:, ::2, ::2], axis=(0, 1, 2))[:, None]
    np.testing.assert_allclose(gradient[0, 0], np.tile(expected, 16), rtol=1e-3, atol=1e-2)
