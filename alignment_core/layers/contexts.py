"""Contexts that change what layers with a learning rule do when they are called."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
from tensorflow.python.eager.record import could_possibly_record

from alignment_core.rules.layer_call import LayerCall

_recorded: ContextVar[tuple[list[LayerCall], ...]] = ContextVar("recorded", default=())
_graph_of_recording: ContextVar[Any] = ContextVar("graph_of_recording", default=None)
_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def recording() -> Iterator[list[LayerCall]]:
    """Record the calls of layers with a learning rule, in order.

    The records are arguments of `AlignedLayer.alignment_loss`. Inside a tf.function they hold
    symbolic tensors, which are valid in that function only. Layers that are recorded add no term
    to the model's losses, because the term is computed from the record.

        with recording() as calls:
            model(images)
        inputs = [call.x for call in calls]
    """
    calls: list[LayerCall] = []
    token = _recorded.set((*_recorded.get(), calls))
    graph_token = _graph_of_recording.set(_graph())
    try:
        yield calls
    finally:
        _recorded.reset(token)
        _graph_of_recording.reset(graph_token)


@contextmanager
def exact_gradients() -> Iterator[None]:
    """Propagate gradients through the forward kernels: the true gradients of backpropagation.

    It applies to the layers that are called inside this context.
    """
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)


def open_recordings() -> tuple[list[LayerCall], ...]:
    """Return the lists that calls are recorded in now, the outermost first."""
    return _recorded.get()


def is_exact() -> bool:
    """Return whether gradients are propagated through the forward kernels now."""
    return _exact.get()


def in_training(training: bool | None) -> bool:
    """Return whether a call is one in training, for the layer's rule.

    A model whose `call` has no argument `training` tells its layers nothing, under `fit` as well.
    Then a call is one in training if a tf.GradientTape is recording it.

    Args:
        training: what the layer was told; None is nothing.
    """
    return could_possibly_record() if training is None else bool(training)


def is_within_a_loop() -> bool:
    """Return whether calls are counted wrongly here: in a vectorized loop, or in another graph.

    A graph within the graph of the recording is the body of a loop of TensorFlow, a branch, or a
    tf.function of its own. Tensors recorded there can't be used outside of it.
    """
    if _recorded.get() and _graph_of_recording.get() is not _graph():
        return True
    # tf.vectorized_map traces its function for one step, in this name scope.
    return "loop_body" in tf.get_current_name_scope().split("/")


def _graph() -> Any:
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
