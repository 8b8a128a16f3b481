"""Loading of models that Keras has saved, in a process that has imported none of their classes."""

from typing import Any

import keras

# Keras finds a class by its registration, which happens when its module is imported.
from alignment_core.layers import conv, dense, normalization
from alignment_core.optimizers import optimizers
from alignment_core.rules import table
from alignment_core.training import aligned_model

REGISTERED = (aligned_model, conv, dense, normalization, optimizers, table)
"""The modules of everything that a saved model may contain."""


def load_model(filepath: Any, **settings: Any) -> Any:
    """Return a saved model, as keras.models.load_model does.

    It finds this library's classes. Import the modules of rules and layers of your own before.

        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with_rule(model, "symmetric_alignment").save("twin.keras")
        >>> [layer.learning_rule for layer in aligned_layers(load_model("twin.keras"))]
        [SymmetricAlignment(self=1, decay=1)]

    Args:
        filepath: a file that `save` has written.
        **settings: keyword arguments of keras.models.load_model.

    Raises:
        ValueError: the file isn't a model, or isn't there.
        TypeError: the model has a class that isn't imported.
    """
    return keras.models.load_model(filepath, **settings)
