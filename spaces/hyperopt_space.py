"""Conversion between search spaces and HyperOpt's expressions, and of HyperOpt's values."""

from collections.abc import Mapping as AnyMapping
from typing import Any

import numpy as np
from hyperopt.pyll import Apply, Literal, as_apply, scope

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Distribution, Value
from alignsearch.spaces.hyperopt_graph import read_expression
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.tree import (
    Branch,
    Constant,
    Mapping,
    Node,
    Operation,
    Parameter,
    Sequence,
    children,
    postorder,
)


def from_hyperopt(expression: Any, *, name: str = "space") -> SearchSpace:
    """Return the search space that a HyperOpt expression describes.

    All of HyperOpt 0.3.0's `hp` functions are read, nested in dictionaries, lists, tuples and
    choices, with constants between them, and with the operations of
    `alignsearch.spaces.operations` on them:

        from_hyperopt({"lr": hp.loguniform("lr", -12, 0), "layers": scope.int(hp.quniform(...))})

    Args:
        expression: HyperOpt's expression, or a dictionary, list or tuple with expressions in it.
        name: the name of the space.

    Raises:
        ConfigurationError: something in the expression is neither a known expression nor plain
            data, a label stands for two dimensions, or the space can't be stored. The message has
            the place: `space["model"][2]["kernel"]`.
    """
    return SearchSpace(name, read_expression(expression))


def distributions_of(expressions: AnyMapping[str, Any]) -> dict[str, Distribution]:
    """Return the distributions that HyperOpt's expressions describe, by their labels.

    Args:
        expressions: an expression of one dimension for each label, which it has, too:
            `{"lr": hp.normal("lr", 0.1, 0.02)}`.

    Raises:
        ConfigurationError: one is no such expression; the message names the label.
    """
    if not isinstance(expressions, AnyMapping):
        raise ConfigurationError(
            "a prior is a dictionary with a distribution for each label, like "
            '{"lr": hp.normal("lr", 0.1, 0.02)}'
        )
    found: dict[str, Distribution] = {}
    for label, expression in expressions.items():
        space = from_hyperopt(expression)
        names = ", ".join(each.name for each in space.sampled) or "no distribution"
        if [each.name for each in space.sampled] != [label]:
            raise ConfigurationError(
                f"the prior of {label} is one distribution with the same label, like "
                f"hp.normal({str(label)!r}, 0.1, 0.02), and not {names}"
            )
        if not isinstance(_without_types(space.root), Parameter | Branch):
            raise ConfigurationError(
                f"the prior of {label} is one distribution, and here something is made of it: "
                f"leave out what surrounds hp.{space.sampled[0].distribution.kind}(…), as "
                "arithmetic, a dictionary or a list"
            )
        found[label] = space.sampled[0].distribution
    return found


def _without_types(node: Node) -> Node:
    """The node inside of `scope.int(…)` and `scope.float(…)`, which a space's numbers may need."""
    while isinstance(node, Operation) and node.name in ("int", "float"):
        (node,) = children(node)
    return node


def to_hyperopt(space: SearchSpace) -> Apply:
    """Return the HyperOpt expression of a space: `from_hyperopt` gives the same space again.

    HyperOpt's algorithms draw the same numbers from it, to the last bit, as from the expression
    that the space was read from. A dimension that stands at several places is one expression.
    """
    made: dict[int, Apply] = {}
    for node in postorder(space.root):
        made[id(node)] = _expression(node, [made[id(child)] for child in children(node)])
    return made[id(space.root)]


def plain_point(vals: AnyMapping[str, Any]) -> dict[str, float | int]:
    """Return HyperOpt's values as a point: a Python number for each active dimension.

    Args:
        vals: values by label: lists of one value or none as in `misc["vals"]`, or plain numbers as
            `fmin` returns them. A choice has the index of its option.

    Raises:
        ConfigurationError: a label has several values, or one that is no number.
    """
    point: dict[str, float | int] = {}
    for label, raw in vals.items():
        if type(raw) in (float, int):
            point[label] = raw
            continue
        # `fmin` gives numbers, also NumPy's; `misc["vals"]` has lists, and its samplers arrays.
        values = [raw] if raw is None or np.ndim(raw) == 0 else list(raw)
        if len(values) > 1:
            raise ConfigurationError(f"a point needs exactly one value of {label}, not {raw!r}")
        if not values or values[0] is None:
            continue
        value = values[0].item() if hasattr(values[0], "item") else values[0]
        if not isinstance(value, int | float):
            raise ConfigurationError(f"a point needs a number for {label}, not {value!r}")
        point[label] = value
    return point


def to_point(space: SearchSpace, vals: AnyMapping[str, Any]) -> dict[str, Value]:
    """Return the readable value of each active metaparameter from HyperOpt's values.

    Args:
        space: the search space.
        vals: HyperOpt's values by metaparameter: lists of one value as in `misc["vals"]`, or plain
            numbers as `fmin` returns them. A choice has the index of its option.

    Returns:
        The values by metaparameter; for a choice the option itself. A value that rounding puts
        beside the end of its range is the end.

    Raises:
        ConfigurationError: an active metaparameter is missing, one is unknown to `space` or
            inactive but has a value, an index has no option, or a value lies outside its range.
    """
    point = plain_point(vals)
    space.check_point(point)
    values = space.values(point)
    for each in space.sampled:
        value = values.get(each.name)
        if isinstance(value, float):
            values[each.name] = each.distribution.nearest(value)
    return values


def _expression(node: Node, below: list[Apply]) -> Apply:
    if isinstance(node, Constant):
        return Literal(node.value)
    if isinstance(node, Parameter):
        drawn = getattr(scope, node.distribution.node)(*node.distribution.arguments)
        return scope.hyperopt_param(node.label, drawn)
    if isinstance(node, Branch):
        return scope.switch(*below)
    if isinstance(node, Mapping):
        keys = [key for key, _ in node.entries]
        return as_apply(dict(zip(keys, below, strict=True)))
    if isinstance(node, Sequence):
        return as_apply(tuple(below))
    assert isinstance(node, Operation)
    return getattr(scope, node.name)(*below)
