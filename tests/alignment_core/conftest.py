"""Two logical CPUs and random numbers for the tests of the alignment core."""

import numpy as np
import pytest
import tensorflow as tf

# Two devices for tests with several replicas. TensorFlow accepts them only before it starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture
def rng():
    """The same random numbers for every test."""
    return np.random.default_rng(0)
