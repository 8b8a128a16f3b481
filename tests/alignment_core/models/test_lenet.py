"""LeNet as BioTorch has it: sizes, activations, initial weights."""

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.aligned import aligned_layers
from alignment_core.models import get_model
from alignment_core.rules.feedback_alignment import FeedbackAlignment

FA = FeedbackAlignment({})
# Kernel and bias of each layer, written out from BioTorch's description.
SIZES = {
    "conv1": 5 * 5 * 1 * 6 + 6,
    "conv2": 5 * 5 * 6 * 16 + 16,
    "conv3": 5 * 5 * 16 * 120 + 120,
    "dense1": 120 * 84 + 84,
    "logits": 84 * 10 + 10,
}


def lenet(shape=(32, 32, 1), **options):
    return get_model("lenet")(shape, 10, **options)


def test_its_layers_have_the_published_sizes():
    model = lenet(learning_rule=FA)
    layers = aligned_layers(model)
    assert {
        layer.name: int(np.prod(layer.kernel.shape) + np.prod(layer.bias.shape)) for layer in layers
    } == SIZES
    assert sum(int(np.prod(each.shape)) for each in model.trainable_variables) == 61_706
    assert [layer.relu_follows for layer in layers] == [True] * 4 + [False]
    assert model.output_shape == (None, 10)


def test_kernels_begin_between_glorots_limits_and_biases_at_zero():
    for layer in aligned_layers(lenet(learning_rule=FA)):
        *positions, inputs, units = layer.kernel.shape
        limit = np.sqrt(6 / (np.prod(positions) * (inputs + units)))
        for kernel in (layer.kernel, layer.backward_kernel):
            assert float(tf.reduce_max(tf.abs(kernel))) == pytest.approx(limit, rel=0.05)
            assert float(tf.math.reduce_std(kernel)) == pytest.approx(limit / 3**0.5, rel=0.1)
        assert not np.any(layer.bias)


def test_another_width_scales_all_layers():
    layers = aligned_layers(lenet(width=12, learning_rule=FA))
    assert [layer.kernel.shape[-1] for layer in layers] == [12, 32, 240, 168, 10]


def test_smaller_images_are_refused_with_the_data_set_that_fits():
    with pytest.raises(ConfigurationError, match=r"32 x 32 .* fashion_mnist_32"):
        lenet((28, 28, 1))
