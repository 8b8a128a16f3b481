"""The plain networks, and properties of all networks."""

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.model_names import MODEL_NAMES
from alignment_core.models import MODELS, features, get_model, initialize
from alignment_core.rules.feedback_alignment import FeedbackAlignment

FA = FeedbackAlignment({})
PLAIN = {"dense": ["dense1", "dense2", "logits"], "convnet": ["conv1", "conv2", "conv3", "logits"]}


def build(name, width=4, rule=FA, seed=0):
    return get_model(name)((8, 8, 1), 10, width=width, stem="small", learning_rule=rule, seed=seed)


def test_every_name_has_a_network():
    assert tuple(MODELS) == MODEL_NAMES


def test_an_unknown_network_is_answered_with_its_nearest():
    with pytest.raises(UnknownNameError, match="did you mean resnet50v2"):
        get_model("resnet50_v2")


@pytest.mark.parametrize("name", PLAIN)
def test_every_kernel_carries_the_rule(name):
    layers = aligned_layers(build(name))
    assert [layer.name for layer in layers] == PLAIN[name]
    assert [layer.relu_follows for layer in layers] == [True] * (len(layers) - 1) + [False]
    assert all(layer.use_bias for layer in layers)


def test_sizes_follow_the_width():
    """dense: 64 -> 4 -> 4 -> 10. convnet: 1 -> 4 -> 8 -> 16 channels by 3 x 3, then -> 10."""
    counts = {
        "dense": (64 * 4 + 4) + (4 * 4 + 4) + (4 * 10 + 10),
        "convnet": (9 * 4 + 4) + (9 * 4 * 8 + 8) + (9 * 8 * 16 + 16) + (16 * 10 + 10),
    }
    for name, count in counts.items():
        assert sum(np.prod(weight.shape) for weight in build(name).trainable_variables) == count


@pytest.mark.parametrize("name", PLAIN)
def test_initial_outputs_keep_the_scale_of_the_input(name):
    """He et al.'s initializer: after each ReLU the mean square is about the input's."""
    model = build(name, width=256)
    images = tf.random.stateless_normal((64, 8, 8, 1), [0, 0])
    for output in features(model, PLAIN[name][:1])(images).values():
        assert float(tf.reduce_mean(output**2)) == pytest.approx(1.0, rel=0.3)


@pytest.mark.parametrize("name", PLAIN)
def test_the_first_layers_backward_kernel_propagates_nothing(name):
    """No layer comes before the first one, so its backward kernel changes no gradient."""
    model = build(name)
    images = tf.random.stateless_normal((4, 8, 8, 1), [0, 0])

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(model(images)))
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    before = gradients()
    first, second = (aligned_layers(model)[index].backward_kernel for index in (0, 1))
    first.assign(tf.ones(first.shape))
    for one, other in zip(before, gradients(), strict=True):
        np.testing.assert_array_equal(one, other)
    second.assign(tf.ones(second.shape))
    assert not np.array_equal(before[0], gradients()[0])


@pytest.mark.parametrize("name", PLAIN)
def test_a_used_network_starts_afresh(name):
    model = build(name, seed=5)
    start = [variable.numpy() for variable in model.variables]
    for variable in model.variables:
        variable.assign(variable.value + 1.0)
    initialize(model, 5)
    for variable, value in zip(model.variables, start, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.parametrize("name", PLAIN)
def test_a_width_of_nothing_is_refused(name):
    with pytest.raises(ConfigurationError, match="width"):
        build(name, width=0)


def test_features_are_the_named_layers_outputs():
    model = build("resnet18")
    images = tf.random.stateless_normal((3, 8, 8, 1), [0, 0])
    found = features(model, ["stage1_block2_relu", "pool", "logits"])(images)
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "stage1_block2_relu": (3, 8, 8, 4),
        "pool": (3, 32),
        "logits": (3, 10),
    }
    np.testing.assert_array_equal(found["logits"], model(images))
    logits = model.get_layer("logits")
    np.testing.assert_allclose(
        found["pool"] @ logits.kernel + logits.bias, found["logits"], rtol=1e-5, atol=1e-6
    )


def test_features_follow_the_networks_training():
    model = build("dense")
    tap = features(model, ["logits"])
    images = tf.ones((2, 8, 8, 1))
    before = tap(images)["logits"].numpy()
    model.get_layer("logits").bias.assign_add(tf.ones(10))
    np.testing.assert_allclose(tap(images)["logits"], before + 1, rtol=1e-6)


def test_a_layer_that_is_not_there_is_answered_with_its_nearest():
    with pytest.raises(UnknownNameError, match=r"no layer of convnet is named 'con1'.*conv1"):
        features(build("convnet"), ["con1"])
