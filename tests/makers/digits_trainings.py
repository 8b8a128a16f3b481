"""Configurations of small trainings on digits, and comparisons of their results."""

from dataclasses import replace

import numpy as np

from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.training.config import TrainingConfig

BACKPROPAGATION = TrainingConfig(
    dataset="digits", epochs=2, batch_size=128, learning_rate=0.125, width=4, schedule_epochs=4
)
MIRROR = replace(
    BACKPROPAGATION,
    learning_rule="weight_mirror",
    weights={"amp": 1.0, "decay": 0.5},
    operations=BackwardPassOperations(fo_bias=True, fo_relu=True, fo_bwmc=True, bi_bwmc=True),
    noise_stddev=0.5,
    alignment_learning_rate=0.01,
)
INFORMATION = replace(
    MIRROR,
    learning_rule="information_alignment",
    weights={"amp": 10.0, "decay": 1.0, "null": 0.1},
    operations=BackwardPassOperations(bo_fwl2n=True),
    batch_size=64,
    learning_rate=0.25,
    noise_stddev=0.9,
    alternating=False,
    seed=3,
)


def weights(trainer):
    """All variables of the trainer's network."""
    return [variable.numpy() for variable in trainer.model.variables]


def assert_same(one, other):
    """Compare two networks' variables bit by bit."""
    for value, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(value, same)


def numbers(result):
    """Return a result without its durations."""
    return replace(
        result,
        timings={},
        epochs=tuple(replace(epoch, seconds=0.0) for epoch in result.epochs),
    )
