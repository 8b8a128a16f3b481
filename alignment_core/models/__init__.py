"""Networks by name, built of layers that carry a learning rule."""

from collections.abc import Callable
from typing import Any

from alignment_core.errors import UnknownNameError
from alignment_core.models.resnet import initialize, resnet18

__all__ = ["MODELS", "get_model", "initialize", "resnet18"]

MODELS: dict[str, Callable[..., Any]] = {"resnet18": resnet18}


def get_model(name: str) -> Callable[..., Any]:
    """The builder called `name`; raises UnknownNameError."""
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownNameError("model", name, MODELS) from None
