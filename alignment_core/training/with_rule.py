"""Turns a Keras model into its twin under a learning rule."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import keras

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.layers.aligned import AlignedLayer, aligned_layers
from alignment_core.layers.conv import Conv2D
from alignment_core.layers.dense import Dense
from alignment_core.layers.keras_internals import Functional
from alignment_core.layers.relu import is_relu
from alignment_core.layers.walk import all_layers
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.table import get_rule
from alignment_core.training.aligned_model import AlignedModel

TWINS: dict[type, type[AlignedLayer]] = {
    keras.layers.Dense: Dense,
    keras.layers.Conv2D: Conv2D,
    Dense: Dense,
    Conv2D: Conv2D,
}
"""Our layer for each layer that can carry a rule."""

EXACT = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.RMSNormalization,
    keras.layers.UnitNormalization,
    keras.layers.Normalization,
    keras.layers.Embedding,
    keras.layers.PReLU,
)
"""Layers with weights that keep their exact derivatives under every rule: no kernel propagates."""


OWN_METHODS = (
    "call",
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
)
"""Methods of a model that change what it computes, or how it is trained, besides its graph."""


def with_rule(model: Any, rule: Any) -> Any:
    """Return a model like `model` whose kernels learn under a rule; weights are kept.

    Every Dense and Conv2D layer becomes this library's layer of the same name. Backward kernels
    are drawn from the layers' own initializers. Layers after which a ReLU follows, perhaps after
    batch norm, are found, so FO ReLU and BO ReLU act on them. The given model stays as it is.

    A model or layer that is a Python class with layers inside can't be rebuilt with other layers:
    it is refused by name, unless a dict leaves it out. Build it of this library's layers.

        >>> model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, name="out")])
        >>> twin = with_rule(model, WeightMirror(amp=1.0, decay=0.1))
        >>> [layer.learning_rule for layer in aligned_layers(twin)]
        [WeightMirror(amp=1, decay=0.1)]
        >>> bool((twin.get_layer("out").kernel.numpy() == model.layers[0].kernel.numpy()).all())
        True

    Args:
        model: a built functional or sequential model. Models and wrappers may be nested in it.
        rule: a rule or its name, for all layers; or a dict from layers' names to rules, where
            None, "backpropagation" and names that aren't in it stand for backpropagation.

    Returns:
        An `AlignedModel` that isn't compiled.

    Raises:
        UnknownNameError: no rule or no layer has a given name.
        ConfigurationError: the model isn't functional, or a layer can't carry the rule; the message
            names the layer.
    """
    if not isinstance(model, Functional | keras.Sequential) or not model.built:
        raise ConfigurationError(
            f"{getattr(model, 'name', model)!r} isn't a built functional or sequential model; give "
            "a Sequential an Input, or build a subclassed model of alignment_core's layers"
        )
    _refuse_own_methods(model)
    rules = _Rules(model, rule)
    follows = _relus_after(model)
    pairs: list[tuple[Any, Any]] = []

    def twin_of(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer):
            return layer
        twin = _twin(layer, rules, follows.get(id(layer)))
        pairs.append((layer, twin))
        return twin

    with _as_not_compiled(model):
        clone = keras.models.clone_model(model, clone_function=twin_of, recursive=True)
    graph = _graph(clone)
    twin = AlignedModel(graph._inputs_struct, graph._outputs_struct, name=model.name)
    for pair in pairs:
        _copy_weights(*pair)
    return twin


@contextmanager
def _as_not_compiled(model: Any) -> Iterator[None]:
    """Let Keras clone a model without its losses and optimizers, not all of which can be copied."""
    compiled = [each for each in [model, *_nested_models(model)] if each.compiled]
    for each in compiled:
        each.compiled = False
    try:
        yield
    finally:
        for each in compiled:
            each.compiled = True


def _graph(model: Any) -> Any:
    """Return the functional model that a model is, or that a sequential one consists of."""
    return model if isinstance(model, Functional) else model._functional


def _refuse_own_methods(model: Any) -> None:
    """Refuse a model whose class computes something else than its graph, which a twin would lose.

    Raises:
        ConfigurationError: the class, or that of a nested model, has such a method.
    """
    for each in [model, *_nested_models(model)]:
        methods = OWN_METHODS if each is model else ("call",)
        for name in methods:
            for kind in type(each).__mro__:
                if name in vars(kind):
                    if not _is_known(kind):
                        raise ConfigurationError(
                            f"the class {kind.__name__} of model {each.name!r} has a {name} of its "
                            "own, which its twin wouldn't have; subclass AlignedModel and build "
                            "it of alignment_core's layers"
                        )
                    break


def _is_known(kind: type) -> bool:
    return kind.__module__.split(".")[0] in ("keras", "alignment_core")


def _nested_models(model: Any) -> list[Any]:
    return [each for each in all_layers(model) if isinstance(each, Functional | keras.Sequential)]


class _Rules:
    """The rule of each layer of a model by name."""

    def __init__(self, model: Any, rule: Any) -> None:
        self._by_name: dict[str, Alignment | None] | None = None
        if isinstance(rule, Mapping):
            holders = _holders(model)
            names = {layer.name: layer for layer in all_layers(model)}
            # If two layers have one name, it means the one that can be given a rule.
            names |= {each.name: each for each in all_layers(model) if id(each) not in holders}
            for name in rule:
                if name not in names:
                    raise UnknownNameError(f"layer of {model.name}", name, names)
                if isinstance(names[name], keras.Model):
                    raise ConfigurationError(
                        f"{name!r} is a model in {model.name!r}; give its layers their rules"
                    )
                holder = holders.get(id(names[name]))
                if holder is not None:
                    raise ConfigurationError(
                        f"layer {name!r} is inside of {holder.name!r}, a {type(holder).__name__}, "
                        "which with_rule can't build of other layers; build it of "
                        "alignment_core's Dense and Conv2D"
                    )
            self._by_name = {name: get_rule(each) for name, each in rule.items()}
            return
        self._rule = get_rule(rule)

    def of(self, layer: Any) -> Alignment | None:
        """Return the layer's rule; None is backpropagation."""
        return self._rule if self._by_name is None else self._by_name.get(layer.name)

    def reach(self, layer: Any) -> bool:
        """Return whether a layer that can't be given a rule, or relieved of one, was to be.

        A rule for all layers leaves out those without a kernel.
        """
        if self._by_name is not None:
            return self.of(layer) is not None
        return bool(aligned_layers(layer)) or (self._rule is not None and _has_kernel(layer))


def _holders(model: Any) -> dict[int, Any]:
    """Return the composite layer that each layer is inside of, by the layer's id.

    Layers of nested models and in wrappers have none: with_rule replaces them.
    """
    found = {}
    for layer in _graph(model).layers:
        if isinstance(layer, Functional | keras.Sequential):
            found.update(_holders(layer))
        elif not (isinstance(layer, keras.layers.Wrapper) and type(layer.layer) in TWINS):
            found.update({id(each): layer for each in all_layers(layer)})
    return found


def _twin(layer: Any, rules: _Rules, relu_follows: bool | None) -> Any:
    """Return a layer like `layer`, with its rule if it carries one."""
    kind = type(layer)
    config = layer.get_config()
    if kind in TWINS:
        if isinstance(layer, AlignedLayer) and relu_follows is None:
            relu_follows = layer.relu_follows
        if layer.activation is not keras.activations.linear:
            relu_follows = None
        own = {"learning_rule": rules.of(layer), "relu_follows": relu_follows}
        return TWINS[kind].from_config({**config, **own})
    if isinstance(layer, keras.layers.Wrapper) and type(layer.layer) in TWINS:
        inner = _twin(layer.layer, rules, None)
        return kind.from_config({**config, "layer": keras.saving.serialize_keras_object(inner)})
    if rules.reach(layer):
        raise ConfigurationError(
            f"layer {layer.name!r} is a {kind.__name__}, which can't carry a learning rule; give "
            "with_rule a dict from layers' names to rules that leaves it out, so that it stays as "
            "it is, or build it of alignment_core's Dense and Conv2D"
        )
    if kind is keras.layers.Lambda:
        # Keras loads no Python lambda from a configuration, and this one is at hand.
        own = {"function": layer.function, "arguments": layer.arguments, "mask": layer.mask}
        return kind(output_shape=layer._output_shape, **own, **_common(config))
    return kind.from_config(config)


def _common(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a configuration that every layer has."""
    return {name: config[name] for name in ("name", "trainable", "dtype")}


def _has_kernel(layer: Any) -> bool:
    """Return whether a gradient may pass through a kernel of the layer, also through a frozen one.

    Keras counts the state of random numbers to a layer's variables, and not to its weights.
    """
    return bool(layer.weights) and not isinstance(layer, EXACT)


def _relus_after(model: Any) -> dict[int, bool | None]:
    """Return whether a ReLU follows each layer of the model, and of those nested in it, by id."""
    found: dict[int, bool | None] = {}
    for each in [model, *_nested_models(model)]:
        for layer in each.layers:
            # Layers after the end of a nested model aren't a part of its own graph.
            at_end = False if each is model else None
            found[id(layer)] = _relu_follows(_graph(each), layer, at_end)
    return found


def _relu_follows(graph: Any, layer: Any, at_end: bool | None) -> bool | None:
    """Return whether every output of the layer goes to a ReLU alone, perhaps after batch norm."""
    nodes = [node for each in graph._nodes_by_depth.values() for node in each]
    outputs = {
        id(output) for node in nodes if node.operation is layer for output in node.output_tensors
    }
    consumers = [
        node.operation for node in nodes if any(id(x) in outputs for x in node.input_tensors)
    ]
    if not consumers:
        return at_end
    found = [
        _relu_follows(graph, each, at_end)
        if isinstance(each, keras.layers.BatchNormalization)
        else is_relu(each)
        for each in consumers
    ]
    return None if None in found else all(found)


def _copy_state(layer: Any, twin: Any) -> None:
    """Copy what a layer that stays as it is keeps besides variables, such as a vocabulary."""
    if type(layer).load_own_variables is not keras.layers.Layer.load_own_variables:
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        twin.load_own_variables(store)
    if hasattr(layer, "save_assets"):
        with TemporaryDirectory() as folder:
            layer.save_assets(folder)
            twin.load_assets(folder)


def _copy_weights(layer: Any, twin: Any) -> None:
    """Copy each variable of a layer, and of those in it, to the one of its name in the twin."""
    for one, other in zip([layer, *all_layers(layer)], [twin, *all_layers(twin)], strict=True):
        if type(one) not in TWINS:
            _copy_state(one, other)
        given, targets = _own_variables(one), _own_variables(other)
        by_name = {variable.name: variable for variable in targets}
        if len(by_name) != len(targets):
            for target, variable in zip(targets, given, strict=True):
                target.assign(variable)
            continue
        for variable in given:
            # Under backpropagation there is no place for a backward kernel.
            if variable.name in by_name or variable.name != "backward_kernel":
                by_name[variable.name].assign(variable)


def _own_variables(layer: Any) -> list[Any]:
    below = {id(variable) for each in all_layers(layer) for variable in each.variables}
    return [variable for variable in layer.variables if id(variable) not in below]
