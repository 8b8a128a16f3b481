"""ResNet-18: its published size, where the rule sits, and how it starts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.alignments import FeedbackAlignment
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers import Conv2D, Dense, aligned_layers
from alignment_core.models import get_model, initialize, resnet18

KERNELS = [
    "stem",
    *("stage1_block1_conv1", "stage1_block1_conv2", "stage1_block2_conv1", "stage1_block2_conv2"),
    *("stage2_block1_project", "stage2_block1_conv1", "stage2_block1_conv2"),
    *("stage2_block2_conv1", "stage2_block2_conv2"),
    *("stage3_block1_project", "stage3_block1_conv1", "stage3_block1_conv2"),
    *("stage3_block2_conv1", "stage3_block2_conv2"),
    *("stage4_block1_project", "stage4_block1_conv1", "stage4_block1_conv2"),
    *("stage4_block2_conv1", "stage4_block2_conv2"),
    "logits",
]


def small(rule=None, seed=0, **options):
    return resnet18((8, 8, 1), 10, width=4, stem="small", learning_rule=rule, seed=seed, **options)


@pytest.fixture(scope="module")
def aligned():
    return small(FeedbackAlignment({}))


@pytest.mark.parametrize("rule", [None, FeedbackAlignment({})])
def test_the_parameters_are_the_published_count(rule):
    model = resnet18((224, 224, 3), 1000, learning_rule=rule)
    assert sum(np.prod(weight.shape) for weight in model.trainable_variables) == 11_689_512
    assert model.output_shape == (None, 1000)


def test_the_imagenet_stem_and_the_stages_shrink_the_image_to_seven():
    model = resnet18((224, 224, 3), 10, width=1)
    sizes = [model.get_layer(name).output.shape[1:3] for name in ("stem", "stem_pool")]
    sizes += [model.get_layer(f"stage{n}_block2_relu").output.shape[1:3] for n in (1, 2, 3, 4)]
    assert sizes == [(112, 112), (56, 56), (56, 56), (28, 28), (14, 14), (7, 7)]


def test_every_kernel_carries_the_rule_and_its_own_backward_kernel(aligned):
    assert sorted(layer.name for layer in aligned_layers(aligned)) == sorted(KERNELS)
    count = len({id(layer.backward_kernel) for layer in aligned_layers(aligned)})
    assert count == len(KERNELS) == 21
    trained = {id(variable) for variable in aligned.trainable_variables}
    assert not any(id(layer.backward_kernel) in trained for layer in aligned_layers(aligned))


def test_backpropagation_has_no_backward_kernels():
    assert aligned_layers(small()) == []
    assert len(small().variables) == len(small(FeedbackAlignment({})).variables) - len(KERNELS)


def test_a_relu_follows_the_stem_and_each_blocks_first_convolution_only(aligned):
    followed = [layer.name for layer in aligned_layers(aligned) if layer.relu_follows]
    assert sorted(followed) == sorted(["stem", *(name for name in KERNELS if "conv1" in name)])


def test_strided_convolutions_see_a_padded_image(aligned):
    strided = aligned.get_layer("stage2_block1_conv1")
    assert strided.aligned_input_shape == (10, 10, 4)
    assert strided.padding == "valid"
    assert strided.output.shape == (None, 4, 4, 8)


def test_only_the_logits_have_a_bias(aligned):
    assert [layer.name for layer in aligned_layers(aligned) if layer.use_bias] == ["logits"]


def test_a_block_starts_as_its_shortcut():
    """The last gamma of a block is zero: what the block adds is nothing."""
    model = small()
    ends = [model.get_layer(name).output for name in ("stem_relu", "stage1_block2_relu")]
    image = tf.random.stateless_normal((2, 8, 8, 1), [0, 0])
    first, last = keras.Model(model.inputs, ends)(image, training=True)
    assert float(tf.reduce_max(first)) > 0
    np.testing.assert_array_equal(first, last)


def test_forward_and_backward_kernels_are_independent_draws_of_one_distribution():
    model = resnet18((8, 8, 3), 10, width=32, stem="small", learning_rule=FeedbackAlignment({}))
    for layer in aligned_layers(model):
        forward = layer.as_backward(layer.kernel).numpy().ravel()
        backward = layer.backward_kernel.numpy().ravel()
        expected = np.sqrt(1 / np.prod(layer.kernel.shape[:3]))
        if isinstance(layer, Dense):
            expected = 0.01
        assert forward.std() == pytest.approx(expected, rel=0.1)
        assert backward.std() == pytest.approx(expected, rel=0.1)
        assert abs(np.corrcoef(forward, backward)[0, 1]) < 5 / np.sqrt(forward.size)


def test_the_seed_alone_decides_every_weight(aligned):
    again, other = small(FeedbackAlignment({})), small(FeedbackAlignment({}), seed=1)
    for one, same, different in zip(
        aligned.variables, again.variables, other.variables, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), same.numpy())
        if "kernel" in one.name:
            assert not np.array_equal(one.numpy(), different.numpy())


def test_the_rule_does_not_change_the_forward_weights_that_a_seed_gives(aligned):
    plain = small()
    for one, other in zip(plain.trainable_variables, aligned.trainable_variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_used_network_starts_afresh():
    model = small(FeedbackAlignment({}), seed=5)
    start = [variable.numpy() for variable in model.variables]
    for variable in model.variables:
        variable.assign(variable.value + 1.0)
    initialize(model, 5)
    for variable, value in zip(model.variables, start, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_with_backward_kernels_tied_the_gradient_is_backpropagations():
    plain, tied = small(), small(FeedbackAlignment({}))
    for model in (plain, tied):
        # Away from the start, where zero gammas hide half of the kernels.
        for index, variable in enumerate(model.trainable_variables):
            noise = tf.random.stateless_normal(variable.shape, [index, 7], stddev=0.1)
            variable.assign_add(noise)
    for layer in aligned_layers(tied):
        layer.backward_kernel.assign(layer.as_backward(layer.kernel))
    images = tf.random.stateless_normal((16, 8, 8, 1), [0, 0])
    labels = tf.range(16) % 10
    found = []
    for model in (plain, tied):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        found.append(tape.gradient(loss, [v.value for v in model.trainable_variables]))
    for one, other in zip(*found, strict=True):
        assert float(tf.norm(one)) > 0
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_convolutions_stay_keras_own_under_backpropagation():
    kernels = [layer for layer in small().layers if isinstance(layer, Conv2D | Dense)]
    assert all(layer.learning_rule is None for layer in kernels)
    assert not any(hasattr(layer, "backward_kernel") for layer in kernels)


def test_what_can_not_be_built_is_said():
    with pytest.raises(ConfigurationError, match="imagenet, small"):
        resnet18((8, 8, 1), 10, stem="large")
    with pytest.raises(ConfigurationError, match="width"):
        resnet18((8, 8, 1), 10, width=0, stem="small")
    with pytest.raises(UnknownNameError, match="resnet18"):
        get_model("resnet")
