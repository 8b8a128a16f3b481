"""Narrowed spaces: dimensions fixed at a value, and ranges made smaller.

This is `--fix bo_relu=False --range gamma=1e-8:1` of `alignsearch submit`.
"""

import math
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import replace

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.distributions import (
    Distribution,
    LogUniform,
    QLogUniform,
    QUniform,
    RandInt,
    Uniform,
)
from alignsearch.spaces.distributions.base import nearest, on_grid
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.tree import (
    Branch,
    Constant,
    Node,
    Operation,
    Parameter,
    children,
    evaluate,
    parameters,
    plain_text,
    postorder,
)
from alignsearch.spaces.tree_data import rebuilt
from alignsearch.spaces.written_values import written_value

Range = tuple[float, float]


def parse_fixed(texts: Iterable[str]) -> dict[str, str]:
    """Return dimensions and values from texts like `bo_relu=False`.

    Raises:
        ConfigurationError: a text has no `=`, or a dimension comes twice.
    """
    return _assignments(texts, "--fix", "bo_relu=False")


def parse_ranges(texts: Iterable[str]) -> dict[str, Range]:
    """Return dimensions and ranges from texts like `gamma=1e-8:1`.

    Raises:
        ConfigurationError: a text has no `=`, no two numbers after it, or a dimension comes twice.
    """
    ranges = {}
    for label, text in _assignments(texts, "--range", "gamma=1e-8:1").items():
        try:
            low, high = map(float, text.split(":"))
        except ValueError as error:
            raise ConfigurationError(
                f"--range {label}={text} needs two numbers, as in --range gamma=1e-8:1"
            ) from error
        ranges[label] = (low, high)
    return ranges


def _assignments(texts: Iterable[str], option: str, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        # A label may have an equals sign, a value hardly.
        label, sign, value = text.rpartition("=")
        if not (sign and label):
            raise ConfigurationError(
                f"{option} {text} needs a name and a value: {option} {example}"
            )
        if label in found:
            raise ConfigurationError(f"{option} gives {label} twice")
        found[label] = value
    return found


def narrowed_tree(
    space: str,
    root: Node,
    sampled: Iterable[Metaparameter],
    fixed: AnyMapping[str, str],
    ranges: AnyMapping[str, Range],
) -> Node:
    """Return a space's tree with some dimensions fixed and others in smaller ranges.

    Args:
        space: the space's name, for messages.
        root: its tree.
        sampled: its dimensions.
        fixed: values by label, as people write them: a choice's option or its short name, or a
            number.
        ranges: the lowest and the highest value by label, for dimensions with a range.

    Raises:
        UnknownNameError: the space has no such dimension.
        ConfigurationError: a dimension is both fixed and given a range, a value or range doesn't
            lie in the dimension's own, a dimension has no range, or it disappears because a choice
            is fixed at an option without it.
    """
    known = {each.name: each for each in sampled}
    for label in [*fixed, *ranges]:
        if label not in known:
            raise UnknownNameError(f"dimension of space {space!r}", label, known)
    both = sorted(fixed.keys() & ranges.keys())
    if both:
        raise ConfigurationError(f"{both[0]} is fixed: it can't have a range, too")
    values = {
        label: written_value(known[label], text, "can't be fixed at")
        for label, text in fixed.items()
    }
    smaller = {label: _smaller(known[label], *ends) for label, ends in ranges.items()}
    narrowed = _with_fixed(_with_ranges(root, smaller), values)
    gone = _disappeared(root, narrowed, values, smaller)
    if gone:
        raise ConfigurationError(
            f"{gone[0]} is no part of space {space!r} any more, because a choice above it is "
            "fixed at another option: leave it out"
        )
    return narrowed


def _with_ranges(root: Node, smaller: AnyMapping[str, Distribution]) -> Node:
    made: dict[int, Node] = {}
    for node in postorder(root):
        if isinstance(node, Parameter):
            distribution = smaller.get(node.label)
            made[id(node)] = node if distribution is None else Parameter(node.label, distribution)
        else:
            made[id(node)] = rebuilt(node, [made[id(child)] for child in children(node)])
    return made[id(root)]


def _with_fixed(root: Node, values: AnyMapping[str, int | float]) -> Node:
    made: dict[int, Node] = {}
    for node in postorder(root):
        if isinstance(node, Branch) and node.label in values:
            made[id(node)] = made[id(node.options[int(values[node.label])])]
        elif isinstance(node, Parameter) and node.label in values:
            made[id(node)] = Constant(values[node.label])
        else:
            made[id(node)] = _folded(rebuilt(node, [made[id(child)] for child in children(node)]))
    return made[id(root)]


def _folded(node: Node) -> Node:
    """A constant instead of a number type's function of one: `float(1)`, as HyperOpt has it."""
    if isinstance(node, Operation) and node.name in ("int", "float"):
        (below,) = node.arguments
        if isinstance(below, Constant):
            return Constant(evaluate(node, {}))
    return node


def _disappeared(
    root: Node,
    narrowed: Node,
    values: AnyMapping[str, int | float],
    smaller: AnyMapping[str, Distribution],
) -> list[str]:
    """The dimensions that were to be fixed or narrowed and that a fixed choice has removed."""
    left = {each.label for each in parameters(narrowed)}
    gone = [label for label in smaller if label not in left]
    # A fixed dimension is gone in any case: look for it where all others are fixed.
    for label in values:
        others = {name: value for name, value in values.items() if name != label}
        if label not in {each.label for each in parameters(_with_fixed(root, others))}:
            gone.append(label)
    return gone


def _smaller(parameter: Metaparameter, low: float, high: float) -> Distribution:
    distribution = parameter.distribution
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _no_part(parameter.name, distribution, low, high)
    if isinstance(distribution, RandInt):
        return _fewer_integers(parameter.name, distribution, low, high)
    if not isinstance(distribution, Uniform | LogUniform | QUniform | QLogUniform):
        raise ConfigurationError(
            f"{parameter.name} has no range that could be narrowed: it is {distribution}; "
            f"fix it with --fix {parameter.name}=VALUE"
        )
    own = (distribution.low, distribution.high)
    # An end written as it is printed may be off by rounding: it is then the range's own end.
    low, high = (nearest(own[0], float(end), own[1]) for end in (low, high))
    if not own[0] <= low < high <= own[1]:
        raise _no_part(parameter.name, distribution, low, high)
    if isinstance(distribution, QUniform | QLogUniform):
        _check_steps(parameter.name, distribution, low, high)
    if isinstance(distribution, Uniform | QUniform):
        return replace(distribution, low=low, high=high)
    return replace(
        distribution,
        low=low,
        high=high,
        log_low=distribution.log_low if low == own[0] else None,
        log_high=distribution.log_high if high == own[1] else None,
    )


def _check_steps(name: str, distribution: QUniform | QLogUniform, low: float, high: float) -> None:
    """Refuse an end between two steps: rounding would give values outside of the new range."""
    for end in (low, high):
        if not on_grid(end, distribution.q) and end not in (distribution.low, distribution.high):
            raise ConfigurationError(
                f"--range {name}={plain_text(low)}:{plain_text(high)} must begin and end at a "
                f"multiple of {plain_text(distribution.q)}: {name} is {distribution}"
            )


def _fewer_integers(name: str, distribution: RandInt, low: float, high: float) -> RandInt:
    if not (low == int(low) and high == int(high) and low <= high):
        raise _no_part(name, distribution, low, high)
    if low < distribution.low or high >= distribution.high:
        raise _no_part(name, distribution, low, high)
    return RandInt(int(low), int(high) + 1)


def _no_part(name: str, distribution: Distribution, low: float, high: float) -> ConfigurationError:
    return ConfigurationError(
        f"--range {name}={plain_text(low)}:{plain_text(high)} is no part of its own range: "
        f"{name} is {distribution}"
    )
