import numpy as np
import pytest
import tensorflow as tf

from alignment_core.layers import ops
from alignment_core.rules import reference

GEOMETRIES = [(1, "SAME"), (1, "VALID"), (2, "SAME"), (2, "VALID")]


def gradients(function, *arguments, upstream):
    arguments = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        output = function(*arguments)
    return output, tape.gradient(output, arguments, output_gradients=tf.constant(upstream))


def test_matmul_goes_forward_by_one_kernel_and_back_by_the_other(rng):
    x, w, b = rng.normal(size=(6, 4)), rng.normal(size=(4, 3)), rng.normal(size=(3, 4))
    g = rng.normal(size=(6, 3))

    y, (dx, dw, db) = gradients(ops.matmul, x, w, b, upstream=g)

    np.testing.assert_allclose(y, x @ w)
    np.testing.assert_allclose(dx, g @ b)
    np.testing.assert_allclose(dw, x.T @ g)
    assert db is None


@pytest.mark.parametrize(("stride", "padding"), GEOMETRIES)
def test_conv2d_goes_forward_by_one_kernel_and_back_by_the_other(rng, stride, padding):
    x = rng.normal(size=(2, 5, 6, 2))
    w, b = rng.normal(size=(2, 3, 3, 2, 4))

    def matrix(kernel):
        return reference.convolution_matrix(kernel, x.shape[1:], stride, padding)

    expected = x.reshape(2, -1) @ matrix(w)
    g = rng.normal(size=expected.shape)
    # The convolution is linear in its kernel: each unit kernel gives one entry of dW.
    units = np.eye(w.size).reshape(-1, *w.shape)
    expected_dw = [np.sum(g * (x.reshape(2, -1) @ matrix(unit))) for unit in units]

    height, width = (
        -(-n // stride) if padding == "SAME" else (n - 3) // stride + 1 for n in (5, 6)
    )
    y, (dx, dw, db) = gradients(
        lambda *tensors: ops.conv2d(*tensors, strides=(stride, stride), padding=padding),
        *(x, w, b),
        upstream=g.reshape(2, height, width, 4),
    )

    np.testing.assert_allclose(np.reshape(y, g.shape), expected)
    np.testing.assert_allclose(np.reshape(dx, (2, -1)), g @ matrix(b).T)
    np.testing.assert_allclose(np.ravel(dw), expected_dw)
    assert db is None


def test_tied_gradients_give_the_backward_kernel_the_forward_kernels(rng):
    x, w, b = rng.normal(size=(6, 4)), rng.normal(size=(4, 3)), rng.normal(size=(3, 4))
    _, (_, dw, db) = gradients(
        lambda *tensors: ops.matmul(*tensors, tie_gradients=True),
        *(x, w, b),
        upstream=rng.normal(size=(6, 3)),
    )
    np.testing.assert_array_equal(db, np.transpose(dw))

    images, (w, b) = rng.normal(size=(2, 5, 5, 2)), rng.normal(size=(2, 3, 3, 2, 4))
    _, (_, dw, db) = gradients(
        lambda *tensors: ops.conv2d(*tensors, strides=(1, 1), padding="SAME", tie_gradients=True),
        *(images, w, b),
        upstream=rng.normal(size=(2, 5, 5, 4)),
    )
    np.testing.assert_array_equal(db, dw)


@pytest.mark.parametrize(("stride", "padding"), GEOMETRIES)
def test_equal_kernels_are_backpropagation_to_the_last_bit(rng, stride, padding):
    x, w = rng.normal(size=(2, 5, 6, 2)), rng.normal(size=(3, 3, 2, 4))
    stock_y = tf.nn.conv2d(x, w, stride, padding)
    g = rng.normal(size=stock_y.shape)

    y, (dx, dw, _) = gradients(
        lambda *tensors: ops.conv2d(*tensors, strides=(stride, stride), padding=padding),
        *(x, w, w),
        upstream=g,
    )
    _, (stock_dx, stock_dw) = gradients(
        lambda *tensors: tf.nn.conv2d(*tensors, stride, padding), x, w, upstream=g
    )

    np.testing.assert_array_equal(y, stock_y)
    np.testing.assert_array_equal(dx, stock_dx)
    np.testing.assert_array_equal(dw, stock_dw)


@pytest.mark.parametrize("tie_gradients", [True, False])
@pytest.mark.parametrize("name", ["matmul", "conv2d"])
def test_a_step_reads_the_backward_kernel_before_it_moves_it(name, tie_gradients):
    """A lost order is too rare to show in numbers, so the graph's control edge is checked."""
    shape, geometry = {
        "matmul": ((3, 3), {}),
        "conv2d": ((1, 1, 3, 3), {"strides": (1, 1), "padding": "SAME"}),
    }[name]
    backward = tf.Variable(tf.ones(shape))

    @tf.function
    def step(x):
        read = tf.convert_to_tensor(backward)
        return getattr(ops, name)(x, tf.ones(shape), read, tie_gradients=tie_gradients, **geometry)

    graph = step.get_concrete_function(tf.ones((2, *shape[1:]))).graph
    (read,) = (node for node in graph.get_operations() if node.type == "ReadVariableOp")
    (product,) = (node for node in graph.get_operations() if node.type in ("MatMul", "Conv2D"))

    def comes_from_read(node):
        return node is read or any(comes_from_read(value.op) for value in node.inputs)

    swallowed = any(
        node.type == "IdentityN" and any(comes_from_read(value.op) for value in node.inputs)
        for node in graph.get_operations()
    )
    assert swallowed == tie_gradients
    assert any(comes_from_read(node) for node in product.control_inputs) == tie_gradients


@pytest.mark.parametrize("tied", [False, True])
def test_a_kernel_that_covers_the_image_is_a_product_of_matrices(rng, tied):
    """TensorFlow's convolutions and NumPy give the same values and gradients."""
    x = tf.constant(rng.normal(size=(3, 4, 5, 2)))
    forward, backward = (tf.constant(rng.normal(size=(4, 5, 2, 3))) for _ in range(2))
    upstream = tf.constant(rng.normal(size=(3, 1, 1, 3)))
    with tf.GradientTape() as tape:
        tape.watch([x, forward, backward])
        y = ops.conv2d(x, forward, backward, strides=(1, 1), padding="VALID", tie_gradients=tied)
        loss = tf.reduce_sum(y * upstream)
    dx, dw, db = tape.gradient(loss, [x, forward, backward])
    np.testing.assert_allclose(y, tf.nn.conv2d(x, forward, 1, "VALID"))
    expected = tf.nn.conv2d_transpose(upstream, backward, x.shape, 1, "VALID")
    np.testing.assert_allclose(dx, expected, atol=1e-12)
    by_hand = np.einsum("bhwc,bd->hwcd", x, upstream[:, 0, 0])
    np.testing.assert_allclose(dw, by_hand, atol=1e-12)
    if tied:
        np.testing.assert_allclose(db, by_hand, atol=1e-12)
    else:
        assert db is None
