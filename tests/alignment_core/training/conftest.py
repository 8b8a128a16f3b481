"""A trainer that several tests of a module share."""

import pytest
from digits_trainings import MIRROR, weights

from alignment_core.training.trainer import Trainer


@pytest.fixture(scope="module")
def mirror(small_resnet):
    """A trainer of MIRROR, the result of its first training, and the weights at the end."""
    trainer = Trainer(MIRROR)
    return trainer, trainer.fit(), weights(trainer)
