"""Parts of Keras that it keeps inside, in one place."""

from contextlib import AbstractContextManager
from typing import Any

from keras.src.backend.common import global_state
from keras.src.backend.common.variables import AutocastScope
from keras.src.models.functional import Functional

__all__ = ["Functional", "entry_layer", "knows", "steps_of", "without_autocast"]


def entry_layer() -> Any:
    """Return the outermost Keras layer or model whose call is running, None outside of any."""
    context = global_state.get_global_attribute("current_call_ctx")
    return None if context is None else context.entry_layer


def steps_of(optimizer: Any) -> Any:
    """Return the variable that counts an optimizer's steps, also those that only accumulate."""
    # An optimizer that scales the loss counts in the one that it wraps.
    return getattr(optimizer, "inner_optimizer", optimizer)._iterations


def knows(optimizer: Any, variable: Any) -> bool:
    """Return whether an optimizer was built for a variable, or isn't built yet."""
    return not optimizer.built or any(variable is each for each in optimizer._trainable_variables)


def without_autocast() -> AbstractContextManager[Any]:
    """Read variables in their own type, also in the call of a layer with mixed precision."""
    scope: AbstractContextManager[Any] = AutocastScope(None)
    return scope
