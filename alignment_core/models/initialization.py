"""Initial weights, drawn from a seed."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from alignment_core.errors import ConfigurationError
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.walk import all_layers


def initialize(model: Any, seed: int) -> None:
    """Draw all variables of a network anew, each by its own initializer.

    Forward and backward kernels are drawn independently from the same initializer. A network that
    was trained before gets the same values, bit by bit, as a new one. Layers may be nested to any
    depth (`all_layers`). The random state of a layer such as Dropout starts again from the
    layer's own seed, or from one that follows from `seed` if the layer has none.

        >>> model = get_model("dense")((8, 8, 1), 10, width=16, seed=3)
        >>> first = model.layers[-1].kernel.numpy()
        >>> initialize(model, seed=4)
        >>> bool((model.layers[-1].kernel.numpy() == first).any())
        False

    Args:
        model: a built Keras model.
        seed: random seed. The values depend on it and on the layers' order only.

    Raises:
        ConfigurationError: a variable's initializer isn't known, or draws other values each time;
            the message names the variable.
    """
    layers = [*all_layers(model), model]
    kernels = [layer for layer in layers if isinstance(layer, Conv2D | Dense)]
    done = set()
    for layer, draws in zip(kernels, np.random.SeedSequence(seed).spawn(len(kernels)), strict=True):
        forward_seed, backward_seed = (int(draw) for draw in draws.generate_state(2) >> 1)
        layer.kernel.assign(_draw(layer, layer.kernel, layer.kernel_initializer, forward_seed))
        done.add(id(layer.kernel))
        if layer.learning_rule is not None:
            *positions, units = layer.kernel.shape
            shape = (*positions, layer.learning_rule.backward_units(units))
            initializer = layer.backward_initializer
            drawn = _draw(layer, layer.backward_kernel, initializer, backward_seed, shape)
            layer.backward_kernel.assign(layer.as_backward(drawn))
            done.add(id(layer.backward_kernel))
    seeds = _seeds(seed)
    # A parent's list of variables contains those of its layers.
    for layer in _children_first(layers):
        for variable in layer.weights:
            if id(variable) not in done:
                done.add(id(variable))
                initializer = _initializer(layer, variable)
                variable.assign(_draw(layer, variable, initializer, next(seeds)))
        for generator in getattr(layer, "_seed_generators", ()):
            drawn_seed, own_seed = next(seeds), generator.get_config()["seed"]
            generator.state.assign([drawn_seed if own_seed is None else own_seed, 0])


def _seeds(seed: int) -> Iterator[int]:
    """Yield seeds for everything but the kernels; the noise of R has the key 1 (`noise_seed`)."""
    sequence = np.random.SeedSequence([seed, 2])
    while True:
        yield int(sequence.spawn(1)[0].generate_state(1)[0] >> 1)


def _children_first(layers: list[Any]) -> list[Any]:
    return [*reversed(layers[:-1]), layers[-1]]


def _initializer(layer: Any, variable: Any) -> Any:
    """Return the initializer of a layer's variable, which Keras keeps under the variable's name."""
    names = [name for name, value in vars(layer).items() if value is variable]
    for name in (*names, variable.name):
        initializer = getattr(layer, f"{name.lstrip('_')}_initializer", None)
        # An LSTM's bias isn't what its initializer draws.
        if callable(initializer) and not getattr(layer, "unit_forget_bias", False):
            return initializer
    raise ConfigurationError(
        f"the variable {variable.path!r} of layer {layer.name!r} can't be drawn anew, because its "
        f"initializer isn't known; keep it in the layer as {variable.name}_initializer"
    )


def _draw(layer: Any, variable: Any, initializer: Any, seed: int, shape: Any = None) -> Any:
    shape = variable.shape if shape is None else shape
    config = initializer.get_config() if hasattr(initializer, "get_config") else {}
    if "seed" in config:
        initializer = type(initializer).from_config({**config, "seed": seed})
    value = initializer(shape, dtype=variable.dtype)
    if "seed" not in config and not isinstance(initializer, _CONSTANT):
        again = np.asarray(initializer(shape, dtype=variable.dtype))
        if not np.array_equal(np.asarray(value), again, equal_nan=True):
            raise ConfigurationError(
                f"the variable {variable.path!r} of layer {layer.name!r} can't be drawn anew from "
                f"a seed, because {initializer} draws other values each time; give the initializer "
                "a seed argument and return it in get_config"
            )
    return value


_CONSTANT = (keras.initializers.Zeros, keras.initializers.Ones, keras.initializers.Constant)
