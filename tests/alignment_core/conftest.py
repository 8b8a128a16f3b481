"""A second computation of what the layers do, in NumPy, with convolutions as plain matrices."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

# Two devices, for what runs on several replicas; TensorFlow has to be told before it starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


def convolution_matrix(kernel, image_shape, stride, padding):
    """Write a convolution as a matrix (height * width * cin, height out * width out * cout)."""
    height, width, _ = image_shape
    rows, columns, cin, cout = kernel.shape
    if padding == "SAME":
        out_height, out_width = -(-height // stride), -(-width // stride)
        top = max((out_height - 1) * stride + rows - height, 0) // 2
        left = max((out_width - 1) * stride + columns - width, 0) // 2
    else:
        out_height, out_width = (height - rows) // stride + 1, (width - columns) // stride + 1
        top = left = 0
    matrix = np.zeros((height, width, cin, out_height, out_width, cout))
    for y, x in np.ndindex(out_height, out_width):
        for i, j in np.ndindex(rows, columns):
            source = y * stride + i - top, x * stride + j - left
            if 0 <= source[0] < height and 0 <= source[1] < width:
                matrix[source[0], source[1], :, y, x, :] = kernel[i, j]
    return matrix.reshape(height * width * cin, out_height * out_width * cout)


def _center(x):
    return x - x.mean(axis=1, keepdims=True)


def _normalize(x):
    centered = _center(x)
    # A sample that ReLU has silenced stays zero: the squared norm counts as 1e-12 at least.
    return centered / np.sqrt(np.maximum((centered**2).sum(axis=1, keepdims=True), 1e-12))


def backward_pass(x, forward, backward, bias, flags):
    """Follow App. B.1.3 for flattened inputs (batch, inputs) and matrices (inputs, outputs)."""
    if "bi_fwmc" in flags:
        x = _center(x)
    if "bi_fwl2n" in flags:
        x = _normalize(x)
    backward_x = x - x.mean(axis=0) if "bi_bwmc" in flags else x

    f = x @ forward + (bias if "fo_bias" in flags else 0)
    b = backward_x @ backward + (bias if "bo_bias" in flags else 0)
    if "fo_relu" in flags:
        f = np.maximum(f, 0)
    if "bo_relu" in flags:
        b = np.maximum(b, 0)
    r = f @ backward.T

    def finish(output):
        if "fo_fwmc" in flags:
            output = _center(output)
        if "fo_fwl2n" in flags:
            output = _normalize(output)
        return output - output.mean(axis=0) if "fo_bwmc" in flags else output

    if "bo_fwmc" in flags:
        b = _center(b)
    if "bo_fwl2n" in flags:
        b = _normalize(b)
    return SimpleNamespace(forward_output=finish(f), backward_output=b, reconstruction=finish(r))


@pytest.fixture(scope="session")
def reference():
    """The NumPy computations: convolution_matrix and backward_pass."""
    return SimpleNamespace(convolution_matrix=convolution_matrix, backward_pass=backward_pass)


@pytest.fixture
def rng():
    """The same random numbers for every test."""
    return np.random.default_rng(0)
