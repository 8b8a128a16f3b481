"""Updates against NumPy, and the separation of two losses."""

import itertools

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from alignment_core.optimizers.optimizers import (
    OPTIMIZERS,
    Adam,
    NesterovMomentum,
    Optimizers,
)

RATES = [0.1, 0.2, 0.3, 0.3, 0.03, 0.03]


def draws(seed, count, shape=(3, 2)):
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def run(optimizer, start, gradients, rates):
    variable = keras.Variable(start)
    optimizer.build([variable])
    for gradient, value in zip(gradients, rates, strict=True):
        optimizer.learning_rate.assign(value)
        optimizer.apply([tf.constant(gradient)], [variable])
    return variable.numpy()


def test_nesterov_momentum_is_tensorflow_1s():
    (start,), gradients = draws(0, 1), draws(1, len(RATES))
    w, v = start.astype(np.float64), 0.0
    for gradient, value in zip(gradients, RATES, strict=True):
        v = 0.9 * v + gradient
        w = w - value * (gradient + 0.9 * v)
    found = run(NesterovMomentum(momentum=0.9), start, gradients, RATES)
    np.testing.assert_allclose(found, w, rtol=1e-5, atol=1e-6)


def test_nesterov_momentum_agrees_with_keras_until_the_rate_changes():
    (start,), gradients = draws(0, 1), draws(1, len(RATES))
    keras_sgd = lambda: keras.optimizers.SGD(momentum=0.9, nesterov=True)  # noqa: E731
    constant = [0.1] * len(RATES)
    np.testing.assert_allclose(
        run(NesterovMomentum(momentum=0.9), start, gradients, constant),
        run(keras_sgd(), start, gradients, constant),
        rtol=1e-5,
        atol=1e-6,
    )
    ours = run(NesterovMomentum(momentum=0.9), start, gradients, RATES)
    theirs = run(keras_sgd(), start, gradients, RATES)
    assert np.abs(ours - theirs).max() > 0.01


def test_adam_has_tensorflow_1s_epsilon():
    (start,), gradients = draws(0, 1), 1e-8 * draws(1, len(RATES))
    w, m, v = start.astype(np.float64), 0.0, 0.0
    for step, (gradient, value) in enumerate(zip(gradients, RATES, strict=True), start=1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient.astype(np.float64) ** 2
        corrected = np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        w = w - value * corrected * m / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(run(Adam(), start, gradients, RATES), w, rtol=1e-4, atol=1e-5)
    keras_adam = run(keras.optimizers.Adam(), start, gradients, RATES)
    assert np.abs(keras_adam - w).max() > 0.01


def test_vanilla_gradient_descent_is_just_that():
    (start,), gradients = draws(0, 1), draws(1, len(RATES))
    expected = start - np.tensordot(RATES, gradients, 1)
    found = run(OPTIMIZERS["vanilla_gd"](), start, gradients, RATES)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_momentum_survives_keras_serialization():
    optimizer = NesterovMomentum(momentum=0.7)
    assert NesterovMomentum.from_config(optimizer.get_config()).momentum == 0.7


@pytest.fixture
def two_losses():
    """w learns from mean((x w - y)^2), b from mean((x b - x w)^2) with w held still."""
    w, b = keras.Variable(draws(2, 1, (4, 3))[0]), keras.Variable(draws(3, 1, (4, 3))[0])

    def losses(part, x, y):
        prediction = tf.matmul(x, w.value)
        first = tf.reduce_mean((prediction - y) ** 2)
        second = tf.reduce_mean((tf.matmul(x, b.value) - tf.stop_gradient(prediction)) ** 2)
        return [first, second], first

    batch = [tf.constant(draws(4, 1, (12, 4))[0]), tf.constant(draws(5, 1, (12, 3))[0])]
    return w, b, losses, batch


def optimizers_of(w, b, minibatches=1):
    optimizers = [NesterovMomentum(), Adam()]
    return Optimizers(optimizers, [[w], [b]], minibatches=minibatches)


@pytest.mark.parametrize("minibatches", [2, 3, 12])
def test_minibatches_add_up_to_the_whole_batch(two_losses, minibatches):
    w, b, losses, batch = two_losses

    def gradients(parts):
        optimizers = optimizers_of(w, b, parts)
        compute = tf.function(lambda *batch: optimizers.gradients(losses, batch, [0, 1]))
        return compute(*batch)

    whole, parts = gradients(1), gradients(minibatches)
    tf.nest.map_structure(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6),
        whole,
        parts,
    )


def test_each_loss_has_its_own_variables_rate_and_optimizer(two_losses):
    w, b, losses, batch = two_losses
    before_w, before_b = w.numpy(), b.numpy()
    optimizers = optimizers_of(w, b)
    (of_w, of_b), value = optimizers.gradients(losses, batch, [0, 1])
    x, y = (part.numpy() for part in batch)
    np.testing.assert_allclose(of_w[0], 2 / 36 * x.T @ (x @ before_w - y), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        of_b[0], 2 / 36 * x.T @ (x @ before_b - x @ before_w), rtol=1e-4, atol=1e-5
    )
    assert float(value) == pytest.approx(np.mean((x @ before_w - y) ** 2), rel=1e-5)

    optimizers.apply(1, of_b, tf.constant(0.5))
    np.testing.assert_array_equal(w.numpy(), before_w)
    np.testing.assert_allclose(b.numpy(), before_b - 0.5 * np.sign(of_b[0]), rtol=1e-3, atol=1e-3)
    optimizers.apply(0, of_w, tf.constant(0.25))
    np.testing.assert_allclose(
        w.numpy(), before_w - 0.25 * 1.9 * of_w[0].numpy(), rtol=1e-5, atol=1e-6
    )


def test_a_reset_forgets_every_step(two_losses):
    w, b, losses, batch = two_losses
    start = w.numpy(), b.numpy()
    optimizers = optimizers_of(w, b)
    ends = []
    for _ in range(2):
        w.assign(start[0])
        b.assign(start[1])
        for _ in range(3):
            gradients, _ = optimizers.gradients(losses, batch, [0, 1])
            for index in (0, 1):
                optimizers.apply(index, gradients[index], tf.constant(0.1))
        ends.append((w.numpy(), b.numpy()))
        optimizers.reset()
    np.testing.assert_array_equal(ends[0][0], ends[1][0])
    np.testing.assert_array_equal(ends[0][1], ends[1][1])


def noisy(optimizer, variance, start):
    variable = keras.Variable(start)
    together = Optimizers([optimizer], [[variable]], noise_variances=[variance])
    return together, variable


@pytest.mark.parametrize("make", [NesterovMomentum, Adam, OPTIMIZERS["vanilla_gd"]])
def test_noise_comes_after_the_optimizers_own_update_scaled_by_the_rate(make):
    """Kunin et al. 2020, App. B.3: momentum and Adam's moments don't contain the noise."""
    start, gradients = np.zeros((200, 200), np.float32), draws(1, 3, (200, 200))
    variance = tf.Variable(0.25)
    together, variable = noisy(make(), variance, start)
    quiet, plain = noisy(make(), None, start)
    for step, (gradient, rate) in enumerate(zip(gradients, [0.1, 0.2, 0.02], strict=True)):
        before = variable.numpy() - plain.numpy()
        together.apply(0, [tf.constant(gradient)], rate, tf.constant([7, step]))
        quiet.apply(0, [tf.constant(gradient)], rate)
        noise = (variable.numpy() - plain.numpy() - before) / rate
        assert noise.mean() == pytest.approx(0, abs=4 * 0.5 / 200)
        assert noise.std() == pytest.approx(0.5, rel=0.02)
        assert scipy.stats.kstest(noise.ravel()[::7] / 0.5, "norm").pvalue > 0.01
    for one, other in zip(
        together.optimizers[0].variables, quiet.optimizers[0].variables, strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_noise_repeats_by_seed_and_differs_by_step_variable_and_loss():
    variables = [keras.Variable(np.zeros(50, np.float32)) for _ in range(3)]
    variance = tf.Variable(1.0)
    together = Optimizers(
        [NesterovMomentum(), NesterovMomentum()],
        [variables[:2], variables[2:]],
        noise_variances=[variance, variance],
    )

    def moved(step):
        before = [variable.numpy() for variable in variables]
        for index, group in enumerate(together.variables):
            together.apply(index, [tf.zeros(50)] * len(group), 1.0, tf.constant([7, step]))
        return [v.numpy() - old for v, old in zip(variables, before, strict=True)]

    first, again, other = moved(0), moved(0), moved(1)
    np.testing.assert_allclose(first, again, atol=1e-6)
    for one, two in itertools.combinations([*first, *other], 2):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.5
