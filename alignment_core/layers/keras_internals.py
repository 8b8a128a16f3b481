"""Parts of Keras, and one of TensorFlow, that they keep inside, in one place."""

from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.backend.common.masking import get_keras_mask, set_keras_mask
from keras.src.backend.common.variables import AutocastScope
from keras.src.models.functional import Functional
from tensorflow.python.saved_model.save_context import in_save_context as is_being_exported

__all__ = [
    "Functional",
    "averages_of",
    "count_of_steps",
    "entry_layer",
    "has_logits",
    "innermost",
    "is_being_exported",
    "knows",
    "steps_of",
    "with_mask_of",
    "without_autocast",
]


def entry_layer() -> Any:
    """Return the outermost Keras layer or model whose call is running, None outside of any."""
    context = global_state.get_global_attribute("current_call_ctx")
    return None if context is None else context.entry_layer


def innermost(optimizer: Any) -> Any:
    """Return the optimizer itself, or the one that an optimizer wraps to scale the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def steps_of(optimizer: Any) -> Any:
    """Return the variable that counts an optimizer's steps, also those that only accumulate."""
    return innermost(optimizer)._iterations


def count_of_steps(optimizer: Any) -> int:
    """Return how many steps an optimizer has made, outside of a step, on any number of replicas."""
    return int(tf.convert_to_tensor(steps_of(optimizer).value))


def averages_of(optimizer: Any) -> list[tuple[Any, Any]]:
    """Return each variable whose average an optimizer keeps (`use_ema`), and the average."""
    inner = innermost(optimizer)
    return [
        pair
        for each in getattr(inner, "optimizers", [inner])
        if each.use_ema and each.built
        for pair in zip(
            each._trainable_variables, each._model_variables_moving_average, strict=True
        )
    ]


def knows(optimizer: Any, variable: Any) -> bool:
    """Return whether an optimizer was built for a variable, or isn't built yet."""
    return not optimizer.built or any(variable is each for each in optimizer._trainable_variables)


def has_logits(outputs: Any) -> bool:
    """Return whether a tensor was made by Keras's softmax or sigmoid."""
    return hasattr(outputs, "_keras_logits")


def with_mask_of(outputs: Any, result: Any) -> Any:
    """Return `result` with the mask that Keras keeps on the tensor `outputs`."""
    set_keras_mask(result, get_keras_mask(outputs))
    return result


def without_autocast() -> AbstractContextManager[Any]:
    """Read variables in their own type, also in the call of a layer with mixed precision."""
    scope: AbstractContextManager[Any] = AutocastScope(None)
    return scope
