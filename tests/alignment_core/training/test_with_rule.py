"""with_rule turns Keras models into their twins: weights, outputs and structure stay."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.mirroring import WeightMirror
from alignment_core.rules.symmetry import SymmetricAlignment
from alignment_core.training.aligned_model import AlignedModel
from alignment_core.training.with_rule import with_rule

layers = keras.layers
RELU_RULE = WeightMirror(amp=1.0, decay=0.1, operations=BackwardPassOperations(fo_relu=True))


def functional():
    """A model of many layers: nested, shared, wrapped, with two outputs."""
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(inputs)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    shared = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")
    x = shared(shared(x)) + x
    inner = keras.Sequential(
        [keras.Input((8, 8, 4)), layers.Conv2D(4, 1, name="inner"), layers.Activation("relu")],
        name="block",
    )
    x = layers.TimeDistributed(layers.Dense(5, name="pixels"), name="each")(inner(x))
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(3, name="logits")(layers.LayerNormalization()(x))
    return keras.Model(inputs, {"logits": logits, "side": layers.Dense(2, name="side")(x)})


def images(count=4, size=8):
    return np.random.default_rng(0).normal(size=(count, size, size, 3)).astype("float32")


def test_a_twin_computes_the_same_with_the_same_weights():
    model = functional()
    for variable in model.variables:
        variable.assign(variable.value + 0.1)
    twin = with_rule(model, "symmetric_alignment")

    assert type(twin).__mro__[1] is AlignedModel
    assert twin.name == model.name
    names = [layer.name for layer in aligned_layers(twin)]
    assert names == ["conv", "shared", "inner", "pixels", "logits", "side"]
    assert {type(layer) for layer in aligned_layers(twin)} == {Dense, Conv2D}
    assert aligned_layers(model) == []
    for training in (False, True):
        found, expected = (each(images(), training=training) for each in (twin, model))
        assert found.keys() == {"logits", "side"}
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def test_a_twin_is_a_copy():
    model = functional()
    twin = with_rule(model, "feedback_alignment")
    before = model.get_layer("logits").kernel.numpy()
    twin.get_layer("logits").kernel.assign(twin.get_layer("logits").kernel.value + 1.0)
    np.testing.assert_array_equal(model.get_layer("logits").kernel, before)


def test_relus_that_follow_are_found():
    twin = with_rule(
        functional(),
        {"conv": RELU_RULE, "shared": RELU_RULE, "inner": RELU_RULE, "logits": RELU_RULE},
    )
    follows = {layer.name: layer.relu_follows for layer in aligned_layers(twin)}
    assert follows == {"conv": True, "shared": True, "inner": True, "logits": False}
    with pytest.raises(ConfigurationError, match=r"'pixels'.*set relu_follows"):
        with_rule(functional(), RELU_RULE)


def test_each_layer_may_have_its_own_rule():
    mirror = WeightMirror(amp=1.0, decay=0.1)
    twin = with_rule(functional(), {"conv": "feedback_alignment", "logits": mirror, "side": None})
    assert {layer.name: repr(layer.learning_rule) for layer in aligned_layers(twin)} == {
        "conv": "FeedbackAlignment()",
        "logits": "WeightMirror(amp=1, decay=0.1)",
    }
    again = with_rule(twin, "symmetric_alignment")
    assert len(aligned_layers(again)) == 6
    np.testing.assert_array_equal(
        again.get_layer("logits").backward_kernel, twin.get_layer("logits").backward_kernel
    )


def test_backpropagation_has_no_backward_kernel():
    assert aligned_layers(with_rule(functional(), "backpropagation")) == []


def test_a_twin_learns():
    keras.utils.set_random_seed(0)
    twin = with_rule(functional(), SymmetricAlignment())
    x = images(64)
    y = {"logits": (x[:, 0, 0, 0] > 0).astype(int), "side": (x[:, 0, 0, 0] > 0).astype(int)}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    twin.compile(keras.optimizers.Adam(0.01), loss)
    history = twin.fit(x, y, epochs=12, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (layers.DepthwiseConv2D(3, name="mine"), "'mine' is a DepthwiseConv2D"),
        (layers.SeparableConv2D(4, 3, name="mine"), "'mine' is a SeparableConv2D"),
        (layers.Conv2D(3, 3, groups=3, name="mine"), "'mine'.*groups=3"),
        (layers.Conv2D(4, 3, dilation_rate=2, name="mine"), "'mine'.*dilation_rate"),
        (layers.Conv2DTranspose(4, 3, name="mine"), "'mine' is a Conv2DTranspose"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_that_cannot_carry_a_rule_is_refused_by_name(layer, said):
    kind = type(layer)
    config = layer.get_config()
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), kind.from_config(config), layers.Flatten(), layers.Dense(2)]
    )
    with pytest.raises(ConfigurationError, match=said):
        with_rule(model, "feedback_alignment")
    twin = with_rule(model, {model.layers[-1].name: "feedback_alignment"})
    assert len(aligned_layers(twin)) == 1
    np.testing.assert_allclose(twin(images()), model(images()), rtol=1e-5, atol=1e-6)


def test_what_is_no_model_layer_or_rule_is_refused():
    with pytest.raises(UnknownNameError, match=r"'logit'.*did you mean logits"):
        with_rule(functional(), {"logit": "feedback_alignment"})
    with pytest.raises(UnknownNameError, match=r"'weight_mirrow'.*did you mean weight_mirror"):
        with_rule(functional(), "weight_mirrow")
    with pytest.raises(ConfigurationError, match="'norm' is a BatchNormalization"):
        with_rule(functional(), {"norm": "feedback_alignment"})
    with pytest.raises(ConfigurationError, match=r"give exactly those: WeightMirror\(amp=1.0"):
        with_rule(functional(), "weight_mirror")
    with pytest.raises(ConfigurationError, match="give a Sequential an Input"):
        with_rule(keras.Sequential([layers.Dense(2)], name="unbuilt"), "feedback_alignment")


APPLICATIONS = {
    "VGG16": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "DenseNet121": 32,
    "InceptionV3": 75,
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_applications_of_known_layers_have_twins(name):
    size = APPLICATIONS[name]
    build = getattr(keras.applications, name)
    model = build(
        weights=None,
        input_shape=(size, size, 3),
        classes=3,
        classifier_activation=None,
        include_top=name != "VGG16",
    )
    twin = with_rule(model, "feedback_alignment")
    x = tf.constant(images(2, size))
    np.testing.assert_allclose(twin(x), model(x), rtol=1e-4, atol=1e-4)
    kernels = [each for each in model.layers if isinstance(each, layers.Conv2D | layers.Dense)]
    assert len(aligned_layers(twin)) == len(kernels)


@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0"])
def test_keras_applications_with_other_kernels_are_refused_by_name(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3))
    with pytest.raises(ConfigurationError, match="is a DepthwiseConv2D"):
        with_rule(model, "feedback_alignment")


@keras.saving.register_keras_serializable("tests")
class Composite(layers.Layer):
    """Two dense layers in one."""

    def __init__(self, rule=None, **kwargs):
        super().__init__(**kwargs)
        kind = layers.Dense if rule is None else Dense
        own = {} if rule is None else {"learning_rule": rule}
        self.rule = rule
        self.parts = [kind(4, name=f"part{index}", **own) for index in range(2)]

    def call(self, x):
        for part in self.parts:
            x = part(x)
        return x

    def get_config(self):
        return {**super().get_config(), "rule": self.rule}


def with_composite(rule=None):
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(2, name="head")(Composite(rule, name="both")(inputs)))


def test_layers_in_a_composite_layer_are_refused_and_not_left_out_silently():
    with pytest.raises(ConfigurationError, match="'both' is a Composite, which can't carry"):
        with_rule(with_composite(), "feedback_alignment")
    with pytest.raises(ConfigurationError, match="'part0' is inside of 'both', a Composite"):
        with_rule(with_composite(), {"part0": "feedback_alignment"})
    twin = with_rule(with_composite(), {"head": "feedback_alignment"})
    assert [layer.name for layer in aligned_layers(twin)] == ["head"]


def test_a_composite_layer_keeps_the_rules_that_it_was_built_with():
    model = with_composite("symmetric_alignment")
    with pytest.raises(ConfigurationError, match="'both' is a Composite"):
        with_rule(model, "backpropagation")
    twin = with_rule(model, {"head": "feedback_alignment"})
    assert {layer.name: repr(layer.learning_rule) for layer in aligned_layers(twin)} == {
        "part0": "SymmetricAlignment(self=1, decay=1)",
        "part1": "SymmetricAlignment(self=1, decay=1)",
        "head": "FeedbackAlignment()",
    }


class OwnCall(keras.Model):
    """A functional model that computes something else than its graph."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs, training=training)


class OwnStep(keras.Model):
    """A functional model that is trained in another way."""

    def train_step(self, data):
        return {"loss": 0.0}


@pytest.mark.parametrize(("kind", "method"), [(OwnCall, "call"), (OwnStep, "train_step")])
def test_a_class_that_does_more_than_its_graph_is_refused(kind, method):
    inputs = keras.Input((6,))
    model = kind(inputs, layers.Dense(2)(inputs), name="mine")
    with pytest.raises(ConfigurationError, match=f"class {kind.__name__} .*'mine' has a {method}"):
        with_rule(model, "feedback_alignment")
    outer = keras.Model(inputs, layers.Dense(2)(model(inputs)))
    if method == "call":
        with pytest.raises(ConfigurationError, match="'mine' has a call"):
            with_rule(outer, "feedback_alignment")
    else:
        assert len(aligned_layers(with_rule(outer, "feedback_alignment"))) == 2


def test_lambdas_are_kept_with_the_variables_that_they_use():
    factor = np.float32(3.0)
    inputs = keras.Input((6,))
    double = layers.Lambda(lambda x, shift: factor * x + shift, arguments={"shift": 1.0})
    model = keras.Model(inputs, layers.Dense(2)(double(inputs)))
    twin = with_rule(model, "feedback_alignment")
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    np.testing.assert_allclose(twin(x), model(x), rtol=1e-5, atol=1e-6)


def test_a_compiled_model_has_a_twin_that_is_compiled_anew():
    """Neither a loss that Keras can't copy nor the model that trained before is in the way."""
    inputs = keras.Input((6,))
    model = AlignedModel(inputs, Dense(2, learning_rule="symmetric_alignment")(inputs))
    model.compile("sgd", lambda y, found: tf.reduce_mean(tf.square(y - found)))
    twin = with_rule(model, SymmetricAlignment())
    assert model.compiled
    assert not twin.compiled
    twin.compile("sgd", "mse")
    twin.fit(np.ones((4, 6)), np.ones((4, 2)), verbose=0)


def test_grouped_and_fixed_kernels_of_other_layers_are_refused_by_name():
    inputs = keras.Input((5, 6))
    for layer, name in (
        (layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), name="e"), "EinsumDense"),
        (layers.GRU(3, name="e"), "GRU"),
    ):
        with pytest.raises(ConfigurationError, match=f"'e' is a {name}"):
            with_rule(keras.Model(inputs, layer(inputs)), "feedback_alignment")
    attention = layers.MultiHeadAttention(2, 4, name="e")
    with pytest.raises(ConfigurationError, match="'e' is a MultiHeadAttention"):
        with_rule(keras.Model(inputs, attention(inputs, inputs)), "feedback_alignment")

    # A frozen kernel propagates as well.
    frozen = layers.Conv1D(3, 2, name="e", trainable=False)
    with pytest.raises(ConfigurationError, match="'e' is a Conv1D"):
        with_rule(keras.Model(inputs, frozen(inputs)), "feedback_alignment")


def test_layers_that_were_adapted_to_data_stay_adapted():
    words = layers.StringLookup(output_mode="one_hot")
    words.adapt(["a", "b", "c"])
    texts = layers.TextVectorization(output_mode="multi_hot")
    texts.adapt(["a b", "b c"])
    scale, steps = layers.Normalization(), layers.Discretization(num_bins=3, output_mode="one_hot")
    numbers = np.random.default_rng(0).normal(5.0, 3.0, size=(9, 1)).astype("float32")
    for layer in (scale, steps):
        layer.adapt(numbers)
    inputs = [keras.Input((1,), dtype=each) for each in ("string", "string", "float32")]
    parts = [
        words(inputs[0]),
        layers.Flatten()(texts(inputs[1])),
        scale(inputs[2]),
        steps(inputs[2]),
    ]
    model = keras.Model(inputs, layers.Dense(2)(layers.Concatenate()(parts)))
    given = [tf.constant([["c"], ["d"]]), tf.constant([["a c"], ["b"]]), tf.constant(numbers[:2])]
    np.testing.assert_allclose(with_rule(model, "feedback_alignment")(given), model(given))
