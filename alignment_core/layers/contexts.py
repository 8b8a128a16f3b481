"""Contexts that change what layers with a learning rule do when they are called."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from alignment_core.rules.layer_call import LayerCall

_recorded: ContextVar[tuple[list[LayerCall], ...]] = ContextVar("recorded", default=())
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
    try:
        yield calls
    finally:
        _recorded.reset(token)


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
