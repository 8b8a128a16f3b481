"""Networks of any shape: each layer with a rule is found and drawn, each of its calls counts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.models import features, initialize
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.layer_call import LayerCall
from alignment_core.rules.mirroring import InformationAlignment, WeightMirror
from alignment_core.training.objectives import forward_kernels
from alignment_core.training.regularization import Regularization

WEIGHTS = {"amp": 0.7, "decay": 0.3, "null": 0.2}
ALL_FLAGS = BackwardPassOperations(
    **dict.fromkeys(
        ("fo_bias", "fo_relu", "fo_bwmc", "fo_fwmc", "bo_bias", "bo_fwl2n", "bi_bwmc", "bi_fwmc"),
        True,
    )
)


class Composite(keras.layers.Layer):
    """A layer with two aligned layers inside, one of them in a dictionary."""

    def __init__(self, rule, **kwargs):
        super().__init__(**kwargs)
        self.first = Dense(6, activation="relu", learning_rule=rule, name="first")
        self.others = {"second": Dense(4, learning_rule=rule, relu_follows=False, name="second")}

    def call(self, x):
        return self.others["second"](self.first(x))


class Own(keras.Model):
    """A subclassed model with a composite layer and a nested model in a list."""

    def __init__(self, rule):
        super().__init__()
        self.composite = Composite(rule, name="composite")
        inner = keras.Sequential(
            [keras.Input((4,)), Dense(5, learning_rule=rule, relu_follows=False)]
        )
        self.parts = [inner, keras.layers.Dense(2, name="plain")]

    def call(self, x):
        x = self.composite(x)
        for part in self.parts:
            x = part(x)
        return x


def nested(rule):
    model = Own(rule)
    model(tf.zeros((2, 3)))
    return model


def everything(rule):
    """A functional model of all the layers that are drawn anew."""
    tokens = keras.Input((4,), dtype="int32")
    x = keras.layers.Embedding(7, 8)(tokens)
    x = keras.layers.LayerNormalization()(x)
    x = Dense(8, activation="relu", learning_rule=rule, name="any_rank")(x)
    x = keras.layers.TimeDistributed(Dense(8, learning_rule=rule, relu_follows=False), name="each")(
        x
    )
    x = keras.layers.GroupNormalization(2)(x)
    x = keras.layers.Dropout(0.3, seed=9)(x)
    x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.Flatten()(x)
    x = Composite(rule, name="composite")(x)
    twice = Dense(4, learning_rule=rule, relu_follows=False, name="twice")
    x = twice(twice(x))
    x = keras.layers.PReLU()(x)
    head = keras.Sequential(
        [keras.Input((4,)), Dense(3, learning_rule=rule, relu_follows=False, name="head")]
    )
    return keras.Model(tokens, head(x))


def test_layers_with_a_rule_are_found_at_any_depth():
    rule = WeightMirror(amp=1.0, decay=0.1)
    assert len(aligned_layers(nested(rule))) == 3
    names = [layer.name for layer in aligned_layers(everything(rule))]
    assert names[0] == "any_rank"
    assert names[2:] == ["first", "second", "twice", "head"]
    assert len(forward_kernels(everything(rule))) == 6
    assert len(forward_kernels(nested(rule))) == 4


def test_features_of_layers_at_any_depth(rng):
    model = nested(WeightMirror(amp=1.0, decay=0.1))
    x = tf.constant(rng.normal(size=(5, 3)), tf.float32)
    found = features(model, ["first", "second", "plain"])(x)
    first = tf.nn.relu(x @ model.composite.first.kernel.value + model.composite.first.bias.value)
    np.testing.assert_allclose(found["first"], first, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["plain"], model(x))
    with pytest.raises(UnknownNameError, match=r"'fist'.*did you mean first"):
        features(model, ["fist"])


@pytest.mark.parametrize("build", [nested, everything])
def test_every_variable_is_drawn_anew(build):
    rule = WeightMirror(amp=1.0, decay=0.1)
    one, other = build(rule), build(rule)
    assert len(one.variables) == len(other.variables)
    for model, shift in ((one, 1), (other, 2)):
        for variable in model.variables:
            variable.assign(variable.value + shift)
        initialize(model, 3)
    for first, second in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(first, second, err_msg=first.path)
    initialize(other, 4)
    drawn = [v for v in one.variables if "kernel" in v.name or "embeddings" in v.name]
    others = [v for v in other.variables if "kernel" in v.name or "embeddings" in v.name]
    for first, second in zip(drawn, others, strict=True):
        assert np.abs(first.numpy() - second.numpy()).max() > 1e-3


def test_a_variable_without_a_known_initializer_is_refused_by_name():
    class Scale(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

        def call(self, x):
            return self.scale * x

    model = keras.Sequential([keras.Input((3,)), Scale(name="mine")])
    with pytest.raises(ConfigurationError, match=r"scale' of layer 'mine'.*scale_initializer"):
        initialize(model, 0)


def test_an_initializer_that_ignores_the_seed_is_refused():
    def noise(shape, dtype=None):
        return np.random.default_rng().normal(size=shape).astype("float32")

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer=noise)])
    with pytest.raises(
        ConfigurationError, match=r"kernel' of layer .*draws other values each time"
    ):
        initialize(model, 0)


def gradient(layer, calls, valued=True):
    kernel = layer.backward_kernel.value
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = layer.alignment_loss(*calls, valued=valued)
    return loss, tape.gradient(loss, kernel)


@pytest.mark.parametrize("operations", [BackwardPassOperations(), ALL_FLAGS])
@pytest.mark.parametrize("valued", [True, False])
def test_dense_of_any_rank_is_a_convolution_of_one_pixel(operations, valued, rng):
    rule = InformationAlignment(WEIGHTS, operations)
    arguments = {
        "bias_initializer": keras.initializers.RandomNormal(seed=2),
        "learning_rule": rule,
        "relu_follows": True,
        "dtype": "float64",
    }
    dense, conv = Dense(3, **arguments), Conv2D(3, 1, **arguments)
    x = tf.constant(rng.normal(size=(5, 4, 2, 6)))
    upstream = tf.constant(rng.normal(size=(5, 4, 2, 3)))
    for layer in (dense, conv):
        layer.build(x.shape)
    conv.kernel.assign(dense.kernel.value[None, None])
    conv.bias.assign(dense.bias.value)
    conv.backward_kernel.assign(tf.transpose(dense.backward_kernel.value)[None, None])
    found = []
    for layer in (dense, conv):
        with tf.GradientTape() as tape:
            tape.watch(x)
            cost = tf.reduce_sum(layer(x) * upstream)
        dx, dw = tape.gradient(cost, [x, layer.kernel.value])
        loss, db = gradient(layer, [LayerCall(layer, x)], valued)
        found.append([dx, dw, loss, db])
    found[0][3] = tf.transpose(found[0][3])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, np.reshape(other, one.shape), rtol=1e-10, atol=1e-12)


def test_both_calls_of_a_layer_count_as_positions_do(rng):
    """Two calls are the positions of one call of rank 3: inputs sum, kernels count once."""
    rule = InformationAlignment(WEIGHTS)
    layer = Dense(3, learning_rule=rule, dtype="float64")
    layer.build((None, 6))
    x = tf.constant(rng.normal(size=(5, 2, 6)))
    together = gradient(layer, [LayerCall(layer, x)])
    apart = gradient(layer, [LayerCall(layer, x[:, 0]), LayerCall(layer, x[:, 1])])
    once = gradient(layer, [LayerCall(layer, x[:, 0])])
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert np.abs(apart[1] - once[1]).max() > 1e-3


@pytest.mark.parametrize("build", [nested, everything])
@pytest.mark.parametrize("noise", [None, 0.5])
def test_every_call_is_in_r_and_in_the_models_losses(build, noise, rng):
    """R over the recorded calls is R of each layer over its inputs, and is in model.losses."""
    model = build(InformationAlignment(WEIGHTS, noise_stddev=noise))
    initialize(model, 0)
    x = tf.zeros((5, 4), tf.int32) if build is everything else tf.ones((5, 3))
    regularization = Regularization(model)
    calls = regularization.calls(x, tf.constant([1, 2]), training=False)
    expected = {"twice": 2, "each": 4}
    counts = [len(own) for own in calls]
    assert sum(counts) == (
        6 - 2 + expected["twice"] + expected["each"] if build is everything else 3
    )
    if noise is None:
        for own in calls:
            assert all(call.x is not None and call.product is not None for call in own)
    gradients = regularization.gradients(calls)
    for layer, own, found in zip(regularization.learning, calls, gradients, strict=True):
        np.testing.assert_allclose(found, gradient(layer, own)[1], rtol=1e-4, atol=1e-5)

    model(x, training=True)
    terms = [layer.losses for layer in regularization.learning]
    assert [len(each) for each in terms] == counts
    if noise is None and build is nested:
        total = sum(
            layer.alignment_loss(*own)
            for layer, own in zip(regularization.learning, calls, strict=True)
        )
        np.testing.assert_allclose(sum(model.losses), total, rtol=1e-5)
    model(x, training=False)
    assert model.losses == []


def test_frozen_and_fixed_layers_have_no_term():
    layer = Dense(3, learning_rule="feedback_alignment")
    layer(tf.ones((2, 4)), training=True)
    assert layer.losses == []
    frozen = Dense(3, learning_rule="symmetric_alignment")
    frozen.build((None, 4))
    frozen.trainable = False
    frozen(tf.ones((2, 4)), training=True)
    assert frozen.losses == []
