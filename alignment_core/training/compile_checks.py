"""Checks of a compiled `AlignedModel`. Each refuses by name and says what to do."""

from typing import Any

from alignment_core.errors import ConfigurationError
from alignment_core.layers.keras_internals import knows
from alignment_core.training.regularization import Calls, Regularization


def refuse_unbuilt(model: Any, regularization: Regularization) -> None:
    """Raise ConfigurationError if a layer of the built model has no kernels yet."""
    unbuilt = [layer.name for layer in regularization.layers if not layer.built]
    if unbuilt:
        raise ConfigurationError(
            f"the layers {', '.join(unbuilt)} of {model.name!r} have no kernels yet, though the "
            "model is built; call them in the model's call, or build them in the build method "
            "of the layer that holds them"
        )


def refuse_contradictions(model: Any, regularization: Regularization) -> None:
    """Raise ConfigurationError if the arguments of `compile` contradict the layers' rules."""
    names = ", ".join(layer.name for layer in regularization.learning)
    if names and model.alignment_optimizer is None:
        raise ConfigurationError(
            f"the layers {names} learn by a loss R, and the model {model.name!r} is compiled "
            "without an optimizer for it; give compile an alignment_optimizer"
        )
    if model.delay_steps and not names:
        raise ConfigurationError(
            f"no layer of {model.name!r} has a loss R to minimize in {model.delay_steps} "
            "delay_steps; set delay_steps to 0"
        )
    if regularization.needs_pseudogradients and (model.alternating or model.delay_steps):
        raise ConfigurationError(
            f"the rule of {names} needs J's pseudogradients at every step on R; set "
            "alternating to False and delay_steps to 0"
        )


def refuse_hdf5(model: Any, path: Any) -> None:
    """Raise ConfigurationError if a model is to be saved in Keras's old format."""
    if str(path).endswith((".h5", ".hdf5")):
        raise ConfigurationError(
            f"the format of {str(path)!r} has no place for the two optimizers of {model.name!r} "
            "and how they take turns; save it as .keras, or its weights alone by save_weights as "
            ".weights.h5"
        )


def refuse_no_term(model: Any, regularization: Regularization, calls: Calls) -> None:
    """Raise ConfigurationError if no layer's call in a training step has a term in R."""
    if not any(calls):
        names = ", ".join(layer.name for layer in regularization.learning)
        raise ConfigurationError(
            f"{model.name!r} calls the layers {names} with training=False alone, or not at all, so "
            "none of them would learn by its rule; call them without that argument, freeze them "
            "(trainable=False), or give them a rule without a loss R"
        )


def refuse_another_models(model: Any, optimizer: Any, variables: list[Any]) -> None:
    """Raise ConfigurationError if the optimizer was built for other variables than these."""
    unknown = [variable.path for variable in variables if not knows(optimizer, variable)]
    if unknown:
        raise ConfigurationError(
            f"the optimizer {optimizer.name!r} of {model.name!r} was built for other variables, "
            f"without {', '.join(unknown)}; compile the model again with new optimizers"
        )
