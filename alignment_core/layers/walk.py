"""All layers of a model, nested to any depth, in one order."""

from collections.abc import Iterator
from typing import Any


def all_layers(model: Any) -> Iterator[Any]:
    """Yield every layer below `model` once, each before its own sublayers.

    It looks into nested models, subclassed models, wrappers and composite layers, and into their
    lists and dictionaries of layers. The order is that of construction, so it is the same for all
    models that one function builds.

    Args:
        model: a Keras model or layer.
    """
    seen = {id(model)}

    def below(parent: Any) -> Iterator[Any]:
        # Keras lists the sublayers of a model publicly, those of a composite layer only here.
        for layer in parent._layers:
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                yield from below(layer)

    yield from below(model)
