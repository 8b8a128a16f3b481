"""Coasting, as the published code alternates: the idle optimizer steps with a zero gradient."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.optimizers.optimizers import Adam
from alignment_core.training.config import TrainingConfig
from alignment_core.training.trainer import Trainer

CONFIG = TrainingConfig(
    dataset="digits",
    epochs=1,
    batch_size=256,
    learning_rate=0.1,
    model="dense",
    width=4,
    learning_rule="symmetric_alignment",
    weights={"self": 1.0, "decay": 1.0},
    alignment_optimizer="nesterov_momentum",
    alignment_learning_rate=0.05,
)


def test_adam_moves_the_square_root_of_two_as_far_per_gradient():
    """Also for gradients that vary: their second moment halves, their first is only spread."""
    rng = np.random.default_rng(0)
    gradients = 1 + 0.1 * rng.normal(size=2000)
    moved = []
    for coasting in (False, True):
        variable, optimizer = tf.Variable(0.0), Adam(learning_rate=1e-3)
        optimizer.build([variable])
        apply = tf.function(lambda g, o=optimizer, v=variable: o.apply([g], [v]))
        for number, gradient in enumerate(gradients):
            if number == len(gradients) // 2:
                start = float(variable)
            apply(tf.constant(gradient, tf.float32))
            if coasting:
                apply(tf.constant(0.0))
        moved.append(float(variable) - start)
    assert moved[1] / moved[0] == pytest.approx(np.sqrt(2), abs=0.02)


def test_both_momenta_coast_in_a_training():
    """A few steps of the trainer, whose momenta NumPy applies again to the gradients they saw."""
    trainer = Trainer(replace(CONFIG, coasting=True))
    network = trainer._network
    network.start(0)
    loss, alignment = network.optimizers.optimizers
    kernel = network.objectives.layers[0].kernel
    backward = network.objectives.layers[0].backward_kernel
    batch = next(iter(trainer._dataset.train_batches(256, 0, 0)))
    rates = tf.constant([0.1, 0.05])
    network.alignment_steps.step(*batch, tf.constant([1, 0]), rates)
    momentum = loss.accumulators[0].numpy(), alignment.accumulators[0].numpy()
    before = kernel.numpy(), backward.numpy()

    network.loss_steps.coast(tf.constant([1, 1]), rates)
    np.testing.assert_allclose(loss.accumulators[0], 0.9 * momentum[0], rtol=1e-5)
    np.testing.assert_allclose(
        kernel.numpy(), before[0] - 0.1 * 0.9**2 * momentum[0], rtol=1e-4, atol=1e-7
    )
    # A step on R and one of J, each followed or preceded by the other optimizer's zero gradient.
    network.alignment_steps._coast(tf.constant([1, 1]), rates)
    np.testing.assert_allclose(alignment.accumulators[0], 0.9 * momentum[1], rtol=1e-5)
    np.testing.assert_allclose(
        backward.numpy(), before[1] - 0.05 * 0.9**2 * momentum[1], rtol=1e-4, atol=1e-7
    )


def test_coasting_changes_a_training_and_none_is_the_default():
    ends = []
    for config in (CONFIG, replace(CONFIG, coasting=True)):
        trainer = Trainer(config)
        trainer.fit()
        ends.append(trainer.model.layers[-1].backward_kernel.numpy())
    assert not np.allclose(ends[0], ends[1])


@pytest.mark.parametrize(
    "change",
    [
        {"alternating": False},
        {"learning_rule": "feedback_alignment", "weights": {}},
        {"learning_rule": "kolen_pollack", "weights": {"decay": 1e-4}},
    ],
)
def test_where_nothing_alternates_it_is_refused(change):
    with pytest.raises(ConfigurationError, match="coasting"):
        replace(CONFIG, coasting=True, **change)
