"""The cache of trainers, whose compiled steps further trainings of one structure use."""

from collections import OrderedDict
from collections.abc import Hashable

import tensorflow as tf

from alignment_core.training.compiled_network import structure
from alignment_core.training.config import TrainingConfig
from alignment_core.training.trainer import Trainer

KEPT_TRAINERS = 2
"""Trainers that `trainer_for` caches. Two are enough for two searches that take turns."""

_trainers: OrderedDict[Hashable, Trainer] = OrderedDict()


def trainer_for(config: TrainingConfig) -> Trainer:
    """Return a trainer with `config` set, from a cache if one of the same structure was made.

    A cached trainer has compiled its steps already. The cache keeps the last KEPT_TRAINERS
    trainers and isn't thread-safe.

        >>> config = TrainingConfig(dataset="digits", epochs=1, batch_size=64, learning_rate=0.1)
        >>> trainer_for(config) is trainer_for(config)
        True

    Raises:
        ConfigurationError, DataError: as `Trainer`.
    """
    key = (tf.distribute.get_strategy(), structure(config))
    if key in _trainers:
        _trainers.move_to_end(key)
        _trainers[key].reconfigure(config)
        return _trainers[key]
    trainer = Trainer(config)
    _trainers[key] = trainer
    if len(_trainers) > KEPT_TRAINERS:
        _trainers.popitem(last=False)
    return trainer
