"""Residual networks: published sizes, layers with a rule, and initial weights."""

import re
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.normalization import BatchNormalization
from alignment_core.models import get_model, initialize
from alignment_core.rules.feedback_alignment import FeedbackAlignment

resnet18 = get_model("resnet18")
resnet50 = get_model("resnet50")
resnet50v2 = get_model("resnet50v2")

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


FA = FeedbackAlignment({})


def small(rule=None, seed=0, **options):
    return resnet18((8, 8, 1), 10, width=4, stem="small", learning_rule=rule, seed=seed, **options)


@pytest.fixture(scope="module")
def aligned():
    return small(FA)


PUBLISHED = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnet50v2": 25_568_360 - 19_008,
    "resnet101v2": 44_577_896 - 36_416,
    "resnet152v2": 60_236_904 - 51_776,
}
"""Trainable parameters at 224 x 224 and 1000 classes, backward kernels not counted.

v1: torchvision's `num_params`. v2: Keras Applications' trainable parameters, less the biases
that it gives to three kinds of convolutions and that these networks have not: the stem's 64,
the four projections' 256 + 512 + 1024 + 2048, and as many again for the last convolution of
each block in the four stages: 3, 4, 6, 3 times for 50 layers, 3, 4, 23, 3 for 101, and
3, 8, 36, 3 for 152. So 19,008 = 64 + 3,840 + 768 + 2,048 + 6,144 + 6,144.
"""

BLOCKS = {
    "resnet34": ("resnet18", (3, 4, 6, 3)),
    "resnet101": ("resnet50", (3, 4, 23, 3)),
    "resnet152": ("resnet50", (3, 8, 36, 3)),
    "resnet101v2": ("resnet50v2", (3, 4, 23, 3)),
    "resnet152v2": ("resnet50v2", (3, 8, 36, 3)),
}
"""For each deeper network, the network whose blocks it repeats, and its blocks in each stage."""


def parameters(model):
    """Trainable parameters by the first part of the layer's name: a block's, or a layer's own."""
    found = Counter()
    for layer in model.layers:
        part = re.match(r"stage._block\d+|.*", layer.name).group()
        found[part] += sum(int(np.prod(weight.shape)) for weight in layer.trainable_variables)
    return found


def with_blocks(parts, blocks):
    """Return the number of parameters with the second block of each stage repeated."""
    total = sum(parts.values())
    for stage, count in enumerate(blocks, start=1):
        present = sum(part.startswith(f"stage{stage}_") for part in parts)
        total += (count - present) * parts[f"stage{stage}_block2"]
    return total


@pytest.fixture(scope="module")
def full_size():
    """The parameters of the networks that are built at their full size."""
    names = ("resnet18", "resnet50", "resnet50v2")
    return {name: parameters(get_model(name)((224, 224, 3), 1000)) for name in names}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameters_are_the_published_count(full_size, name):
    if name in full_size:
        assert sum(full_size[name].values()) == PUBLISHED[name]
    else:
        shallower, blocks = BLOCKS[name]
        assert with_blocks(full_size[shallower], blocks) == PUBLISHED[name]


@pytest.mark.parametrize("name", BLOCKS)
def test_a_deeper_network_repeats_the_blocks_of_a_shallower_one(name):
    """Build the whole network with a small width."""
    shallower, blocks = BLOCKS[name]
    narrow, deep = (
        get_model(network)((8, 8, 1), 10, width=2, stem="small") for network in (shallower, name)
    )
    found = parameters(deep)
    assert [sum(part.startswith(f"stage{n}_") for part in found) for n in (1, 2, 3, 4)] == [*blocks]
    assert sum(found.values()) == with_blocks(parameters(narrow), blocks)
    assert deep.output_shape == (None, 10)


def test_backward_kernels_are_no_trainable_parameters():
    model = resnet18((32, 32, 3), 10, learning_rule=FA)
    assert sum(parameters(model).values()) == sum(parameters(resnet18((32, 32, 3), 10)).values())


def test_the_published_codes_variant_projects_in_the_first_stage_too():
    plain, projecting = (
        get_model(name)((8, 8, 1), 10, width=4, stem="small", learning_rule=FA)
        for name in ("resnet18", "resnet18_projecting")
    )
    names = [layer.name for layer in aligned_layers(projecting)]
    assert len(names) == len(KERNELS) + 1 == 22
    assert sorted({*names} - {*KERNELS}) == ["stage1_block1_project"]
    into = projecting.get_layer("stage1_block1_add").input
    assert into[1] is projecting.get_layer("stage1_block1_project_norm").output
    assert plain.get_layer("stage1_block1_add").input[1] is plain.get_layer("stem_relu").output


def test_resnet20_has_three_stages_and_the_usual_number_of_parameters():
    """He et al. 2016, section 4.2: 0.27 million; 272,474 with projections (their option B)."""
    found = parameters(get_model("resnet20")((32, 32, 3), 10, width=16, stem="small"))
    assert [sum(part.startswith(f"stage{n}_") for part in found) > 0 for n in (1, 2, 3, 4)] == [
        True,
        True,
        True,
        False,
    ]
    # Three blocks of 3 x 3 convolutions a stage, norms, two projections and the logits, by hand.
    stem = 27 * 16 + 32
    stages = [
        9 * (before * width + 5 * width * width) + 6 * 2 * width
        for before, width in ((16, 16), (16, 32), (32, 64))
    ]
    projections = [16 * 32 + 2 * 32, 32 * 64 + 2 * 64]
    assert sum(found.values()) == stem + sum(stages) + sum(projections) + 65 * 10 == 272_474


@pytest.mark.parametrize("version", ["resnet50", "resnet50v2"])
def test_bottlenecks_halve_the_image_in_their_3x3_convolution(version):
    model = get_model(version)((8, 8, 1), 10, width=2, stem="small")
    convolutions = [model.get_layer(f"stage2_block1_conv{n}") for n in (1, 2, 3)]
    assert [layer.kernel.shape[:2] for layer in convolutions] == [(1, 1), (3, 3), (1, 1)]
    assert [layer.strides for layer in convolutions] == [(1, 1), (2, 2), (1, 1)]
    assert [layer.filters for layer in convolutions] == [4, 4, 16]
    assert convolutions[1].input.shape == (None, 10, 10, 4)
    assert model.get_layer("stage2_block1_project").strides == (2, 2)


@pytest.mark.parametrize(
    ("name", "kernels", "stem_followed"),
    [("resnet18", 21, True), ("resnet50", 54, True), ("resnet50v2", 54, False)],
)
def test_every_kernel_carries_the_rule_and_knows_whether_a_relu_follows(
    name, kernels, stem_followed
):
    """The last convolution of a block, projections and logits have none; in v2 nor has the stem."""
    model = get_model(name)((8, 8, 1), 10, width=2, stem="small", learning_rule=FA)
    layers = aligned_layers(model)
    assert len(layers) == kernels
    last = "conv2" if name == "resnet18" else "conv3"
    for layer in layers:
        inner = "_conv" in layer.name and not layer.name.endswith(last)
        assert layer.relu_follows == (stem_followed if layer.name == "stem" else inner), layer.name


def test_v2_normalizes_before_its_convolutions():
    model = resnet50v2((8, 8, 1), 10, width=2, stem="small")
    assert "stem_norm" not in {layer.name for layer in model.layers}
    assert model.get_layer("stage1_block1_norm").input is model.get_layer("stem").output
    first = [model.get_layer(f"stage1_block1_{name}") for name in ("conv1", "project")]
    before = model.get_layer("stage1_block1_relu").output
    assert all(layer.input is before for layer in first)
    # The second block's shortcut is the sum before it, unchanged.
    into = model.get_layer("stage1_block2_add").input
    assert into[1] is model.get_layer("stage1_block1_add").output
    assert into[0] is model.get_layer("stage1_block2_conv3").output
    assert model.get_layer("last_norm").input is model.get_layer("stage4_block3_add").output


@pytest.mark.parametrize(("name", "momentum"), [("resnet50", 0.9), ("resnet50v2", 0.997)])
def test_batch_norm_is_that_of_the_published_code(name, momentum):
    model = get_model(name)((8, 8, 1), 10, width=2, stem="small")
    norms = [layer for layer in model.layers if isinstance(layer, BatchNormalization)]
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(momentum, 1e-5)}
    silent = {norm.name for norm in norms if not norm.gamma.numpy().any()}
    ends = {f"stage{s}_block{b}_conv3_norm" for s in (1, 2, 3, 4) for b in range(1, 7)}
    present = ends & {norm.name for norm in norms}
    assert len(present) == (16 if name == "resnet50" else 0)
    assert silent == present


def test_v2_draws_its_logits_uniformly_by_glorot():
    model = resnet50v2((8, 8, 1), 1000, width=4, stem="small", learning_rule=FA)
    logits = model.get_layer("logits")
    limit = np.sqrt(6 / (4 * 8 * 4 + 1000))
    for kernel in (logits.kernel.numpy(), logits.backward_kernel.numpy()):
        assert np.abs(kernel).max() == pytest.approx(limit, rel=1e-3)
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)


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
    assert len(small().variables) == len(small(FA).variables) - len(KERNELS)


def test_strided_convolutions_see_a_padded_image(aligned):
    strided = aligned.get_layer("stage2_block1_conv1")
    assert strided.aligned_input_shape == (10, 10, 4)
    assert strided.padding == "valid"
    assert strided.output.shape == (None, 4, 4, 8)


def test_only_the_logits_have_a_bias(aligned):
    assert [layer.name for layer in aligned_layers(aligned) if layer.use_bias] == ["logits"]


def test_a_block_starts_as_its_shortcut():
    """The last gamma of a block is zero, so at first the block adds nothing to its shortcut."""
    model = small()
    ends = [model.get_layer(name).output for name in ("stem_relu", "stage1_block2_relu")]
    image = tf.random.stateless_normal((2, 8, 8, 1), [0, 0])
    first, last = keras.Model(model.inputs, ends)(image, training=True)
    assert float(tf.reduce_max(first)) > 0
    np.testing.assert_array_equal(first, last)


def test_forward_and_backward_kernels_are_independent_draws_of_one_distribution():
    model = resnet18((8, 8, 3), 10, width=32, stem="small", learning_rule=FA)
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
    again, other = small(FA), small(FA, seed=1)
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
    model = small(FA, seed=5)
    start = [variable.numpy() for variable in model.variables]
    for variable in model.variables:
        variable.assign(variable.value + 1.0)
    initialize(model, 5)
    for variable, value in zip(model.variables, start, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet50v2"])
def test_with_backward_kernels_tied_the_gradient_is_backpropagations(name):
    plain, tied = (
        get_model(name)((8, 8, 1), 10, width=2, stem="small", learning_rule=rule)
        for rule in (None, FA)
    )
    for model in (plain, tied):
        # With the initial zero gammas, half of the kernels would have no effect.
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
