"""The size of weight mirror's backward kernels, by sampling on real layers."""

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.analysis.mirror_scale import fixed_point_ratio
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.rules.layer_call import LayerCall
from alignment_core.rules.mirroring import WeightMirror

SIGMA, AMP, DECAY, SAMPLES = 0.7, 0.4, 0.03, 4096


def settled(layer, shape):
    """The fixed point: R's gradient is decay B minus a constant, which is that at B = 0."""
    layer.build((None, *shape))
    layer.backward_kernel.assign(tf.zeros_like(layer.backward_kernel.value))
    size = int(np.prod(shape)) * SAMPLES
    noise = layer.learning_rule.draw_noise(size, tf.constant([1, 2]))
    kernel = layer.backward_kernel.value
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = layer.alignment_loss(LayerCall(layer, (SAMPLES, *shape), noise=noise))
    return (-tape.gradient(loss, kernel) / DECAY).numpy(), layer.as_backward(layer.kernel).numpy()


@pytest.mark.parametrize(
    ("make", "shape", "positions"),
    [
        (lambda rule: Dense(5, activation="relu", learning_rule=rule), (20,), 1),
        (lambda rule: Conv2D(3, 3, activation="relu", learning_rule=rule), (8, 8, 2), 36),
        (
            lambda rule: Conv2D(3, 3, strides=2, activation="relu", learning_rule=rule),
            (9, 9, 2),
            16,
        ),
    ],
    ids=["dense", "convolution", "strided"],
)
def test_the_fixed_point_is_the_forward_kernel_times_the_closed_form(make, shape, positions):
    backward, forward = settled(make(WeightMirror.akrout(AMP, DECAY, SIGMA)), shape)
    ratio = fixed_point_ratio({"amp": AMP, "decay": DECAY}, SIGMA, positions)
    # Each entry still moves with the noise of the last steps; the norm averages that out.
    np.testing.assert_allclose(backward, ratio * forward, atol=0.2 * ratio * np.abs(forward).max())
    assert np.linalg.norm(backward) / np.linalg.norm(forward) == pytest.approx(ratio, rel=0.03)
