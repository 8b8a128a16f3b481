"""Checks of a layer with a learning rule. Each refuses by the layer's name and says what to do."""

import gc
from collections.abc import Mapping
from typing import Any
from weakref import ref

import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.contexts import is_within_a_loop
from alignment_core.layers.keras_internals import entry_layer
from alignment_core.rules.alignment import Alignment


def refuse(layer: Any, problems: Mapping[str, bool]) -> None:
    """Raise ConfigurationError if any of the layer's properties rules out a learning rule.

    Args:
        layer: a layer, which the message names.
        problems: whether the layer has each of some properties, named for the message.
    """
    found = [problem for problem, present in problems.items() if present]
    if found:
        raise ConfigurationError(
            f"layer {layer.name!r}: a learning rule does not work with {' and '.join(found)}; "
            "change that, or set learning_rule=None"
        )


def check_relu(layer: Any, rule: Alignment) -> None:
    """Raise ConfigurationError if the rule acts on a ReLU and none is known to follow or not."""
    operations = rule.operations
    if layer.relu_follows is None and (operations.fo_relu or operations.bo_relu):
        raise ConfigurationError(
            f"layer {layer.name!r}: FO ReLU and BO ReLU act where a ReLU follows the layer, "
            "and here that isn't known; set relu_follows to True or False"
        )


def check_shape(layer: Any, shape: Any) -> None:
    """Raise ConfigurationError if an input's shape isn't the one that the layer was built for."""
    built = layer.aligned_input_shape
    if not layer.takes(tuple(shape)):
        wanted, given = (", ".join(map(str, each)) for each in (built, shape[1:]))
        raise ConfigurationError(
            f"layer {layer.name!r} was built for inputs of shape (batch, {wanted}) and can't take "
            f"(batch, {given}): reshape the input, or build another layer"
        )


def check_sparse(layer: Any, inputs: Any) -> None:
    """Raise ConfigurationError if the layer is called on a sparse tensor."""
    if getattr(inputs, "sparse", False) or isinstance(inputs, tf.SparseTensor):
        raise ConfigurationError(
            f"layer {layer.name!r}: a learning rule does not work with sparse inputs; make them "
            "dense by keras.ops.convert_to_tensor(x, sparse=False), or set learning_rule=None"
        )


def check_late_rule(layer: Any, rule: Alignment, backward_shape: tuple[int, ...]) -> None:
    """Raise ConfigurationError if a built layer lacks the backward kernel that its new rule needs.

    Args:
        layer: a built layer, whose rule is replaced.
        rule: the new rule.
        backward_shape: shape of the backward kernel that the rule would have been built with.
    """
    name = type(rule).__name__
    remedy = f"make the layer with {name}, or use with_rule, which copies a model's weights"
    kernel = getattr(layer, "backward_kernel", None)
    if kernel is None:
        raise ConfigurationError(
            f"layer {layer.name!r} was built without a rule, so it has no backward kernel for "
            f"{name}; {remedy}"
        )
    if tuple(kernel.shape) != backward_shape:
        raise ConfigurationError(
            f"layer {layer.name!r} was built with a backward kernel of shape "
            f"{tuple(kernel.shape)}, and {name} needs one of {backward_shape}; {remedy}"
        )
    if rule.trains_backward_kernel and not kernel.trainable:
        raise ConfigurationError(
            f"layer {layer.name!r} was built with a rule that doesn't train the backward kernel, "
            f"and {name} trains it; {remedy}"
        )


def check_counted(layer: Any, rule: Alignment) -> None:
    """Raise ConfigurationError if the layer is called in a loop and R needs each of its inputs."""
    if _needs_calls(rule) and is_within_a_loop():
        raise ConfigurationError(
            f"layer {layer.name!r} is called in a loop, a branch or a tf.function within its model "
            "(an RNN's cell is, and a layer in TimeDistributed of unknown length), where "
            f"{type(rule).__name__} can't collect its inputs; {_OTHER_CALLS}"
        )


def within_reach(layer: Any, losses: list[Any]) -> list[Any]:
    """Return the losses that a layer has added, or refuse them where they can't be used.

    A tensor that is made in a loop, a branch or a tf.function is valid in there only.

    Args:
        layer: a layer with a rule.
        losses: what it has added to `model.losses`.

    Raises:
        ConfigurationError: a loss is read outside of the graph that it was made in.
    """
    symbolic = [loss for loss in losses if tf.is_symbolic_tensor(loss)]
    if not symbolic or {id(loss.graph) for loss in symbolic} <= _graphs_in_reach():
        return losses
    rule = layer.learning_rule
    if tf.executing_eagerly():
        problem = f"the term of {type(rule).__name__} was made in a tf.function and is valid there"
        remedy = "read model.losses in the tf.function that calls the model"
    else:
        problem = (
            "it is called in a loop, a branch or a tf.function within its model (an RNN's cell "
            f"is), which the term of {type(rule).__name__} in model.losses can't leave"
        )
        remedy = _OTHER_CALLS if _needs_calls(rule) else "make the model an AlignedModel"
    raise ConfigurationError(f"layer {layer.name!r}: {problem}; {remedy}")


_OTHER_CALLS = (
    "call it on all positions at once, as Dense can be, give keras.Input the length, or use a rule "
    "of kernels alone (SymmetricAlignment, KolenPollack) in an AlignedModel"
)


def _needs_calls(rule: Alignment) -> bool:
    return rule.direct or rule.draws_noise or rule.needs_activations


def _graphs_in_reach() -> set[int]:
    """Return the ids of the graph that is built now and of all graphs around it."""
    found = set()
    graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
    while graph is not None:
        found.add(id(graph))
        graph = getattr(graph, "outer_graph", None)
    return found


def claim(layer: Any, model: Any = None) -> None:
    """Note which compiled model trains a layer, and refuse a second one for a backward kernel.

    Args:
        layer: a layer with a rule.
        model: a compiled model, or None for the model whose call is running, if it is compiled.

    Raises:
        ConfigurationError: another model that still exists trains the backward kernel already.
    """
    model = entry_layer() if model is None else model
    if not getattr(model, "compiled", False):
        return
    learns = layer.learns
    if learns and claimant(layer) not in (None, model):
        # A model that is out of use refers to itself, so it stays until it is collected.
        gc.collect()
    before = claimant(layer)
    if learns and before not in (None, model):
        raise ConfigurationError(
            f"layer {layer.name!r} is trained by the model {before.name!r} already, and "
            f"{model.name!r} would train its backward kernel a second time; build a layer for "
            "each model, or compile one of them only"
        )
    layer._trained_by = ref(model)


def claimant(layer: Any) -> Any:
    """Return the compiled model that trains the layer, or None."""
    return None if layer._trained_by is None else layer._trained_by()
