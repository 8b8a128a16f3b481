"""The tree of a search space: constants, dimensions, choices, containers and operations.

The tree has the nodes of HyperOpt's expression graph, and a node may be reached by several paths:
one dimension may stand at several places, as HyperOpt allows. Nodes are compared by identity.
"""

import functools
import math
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Choice, Distribution, PChoice, Value, short
from alignsearch.spaces.operations import OPERATIONS


@dataclass(frozen=True, eq=False)
class Constant:
    """A scalar that every configuration has at this place."""

    value: Value


@dataclass(frozen=True, eq=False)
class Parameter:
    """A dimension that a search samples.

    Attributes:
        label: the dimension's name, unique in its space.
        distribution: what its values are drawn from; a `Choice` or a `PChoice` where they are the
            indices of a branch's options.
    """

    label: str
    distribution: Distribution

    @property
    def index(self) -> bool:
        """True if its values are indices of options: of a `Choice` or a `PChoice`."""
        return isinstance(self.distribution, Choice | PChoice)


@dataclass(frozen=True, eq=False)
class Branch:
    """A choice between nodes (`hp.choice`, `hp.pchoice`): only the chosen option is evaluated."""

    parameter: Parameter
    options: tuple["Node", ...]

    @property
    def label(self) -> str:
        """The label of the dimension that chooses."""
        return self.parameter.label


@dataclass(frozen=True, eq=False)
class Mapping:
    """A dictionary with texts as keys."""

    entries: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, eq=False)
class Sequence:
    """A list or a tuple; HyperOpt makes both a tuple."""

    items: tuple["Node", ...]


@dataclass(frozen=True, eq=False)
class Operation:
    """A pure function of other nodes: a row of `alignsearch.spaces.operations.OPERATIONS`."""

    name: str
    arguments: tuple["Node", ...]


Node = Constant | Parameter | Branch | Mapping | Sequence | Operation


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes below a node: a branch's parameter first, then its options."""
    if isinstance(node, Branch):
        return (node.parameter, *node.options)
    if isinstance(node, Mapping):
        return tuple(child for _, child in node.entries)
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Operation):
        return node.arguments
    return ()


def preorder(root: Node) -> list[Node]:
    """Return each node once, in the order in which a reader meets them: parents first."""
    found: dict[int, Node] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting.extend(reversed(children(node)))
    return list(found.values())


def postorder(root: Node) -> list[Node]:
    """Return each node once, after all nodes below it."""
    found: dict[int, Node] = {}
    waiting: list[tuple[Node, bool]] = [(root, False)]
    while waiting:
        node, done = waiting.pop()
        if id(node) in found:
            continue
        if done:
            found[id(node)] = node
        else:
            waiting.append((node, True))
            waiting.extend((child, False) for child in reversed(children(node)))
    return list(found.values())


def parameters(root: Node) -> list[Parameter]:
    """Return the dimensions in the order in which a reader meets them."""
    return [node for node in preorder(root) if isinstance(node, Parameter)]


def dimension_of(node: Node) -> Parameter | None:
    """Return the dimension whose number a node is, if only its type is changed; None for others."""
    while isinstance(node, Operation) and node.name in ("int", "float"):
        (node,) = node.arguments
    return node if isinstance(node, Parameter) else None


def alternatives(root: Node) -> list[Node]:
    """Return the nodes that a tree can be, once its outermost choices are made."""
    if isinstance(root, Branch):
        return [node for option in root.options for node in alternatives(option)]
    return [root]


def steps(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the nodes below a node with the step to each: `["key"]`, `[0]`, or none."""
    if isinstance(node, Mapping):
        yield from ((f'["{key}"]', child) for key, child in node.entries)
    elif isinstance(node, Sequence):
        yield from ((f"[{at}]", child) for at, child in enumerate(node.items))
    elif isinstance(node, Branch):
        yield "", node.parameter
        yield from ((f"[{at}]", child) for at, child in enumerate(node.options))
    elif isinstance(node, Operation):
        yield from (("", child) for child in node.arguments)


def place(root: Node, wanted: Node) -> str:
    """Return the first path from the root to a node as people write it: `space["model"][2]`."""
    seen: set[int] = set()
    waiting: list[tuple[Node, str]] = [(root, "space")]
    while waiting:
        node, path = waiting.pop()
        if node is wanted:
            return path
        if id(node) not in seen:
            seen.add(id(node))
            waiting.extend(reversed([(child, path + step) for step, child in steps(node)]))
    return "space"


def evaluate(root: Node, point: AnyMapping[str, float]) -> Any:
    """Return what the tree is at a point, as `hyperopt.space_eval` does.

    Dictionaries have their keys in order, and lists are tuples, as HyperOpt's. NumPy's scalars
    become Python's.

    Args:
        root: the tree.
        point: a number for each dimension that is met; the option's index for a branch.

    Raises:
        ConfigurationError: a dimension that is met has no number, or an operation has no result.
    """
    return _plain(_evaluate(root, root, point, {}), root)


def _evaluate(node: Node, root: Node, point: AnyMapping[str, float], known: dict[int, Any]) -> Any:
    if id(node) in known:
        return known[id(node)]
    below = functools.partial(_evaluate, root=root, point=point, known=known)
    result: Any
    if isinstance(node, Constant):
        result = node.value
    elif isinstance(node, Parameter):
        if node.label not in point:
            raise ConfigurationError(f"the point lacks {node.label!r}, at {place(root, node)}")
        result = point[node.label]
    elif isinstance(node, Branch):
        result = below(node.options[_option(node, below(node.parameter))])
    elif isinstance(node, Mapping):
        result = {key: below(child) for key, child in sorted(node.entries, key=lambda e: e[0])}
    elif isinstance(node, Sequence):
        result = tuple(map(below, node.items))
    else:
        given = [below(argument) for argument in node.arguments]
        try:
            result = OPERATIONS[node.name].function(*given)
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise ConfigurationError(
                f"{place(root, node)}: {formula(node)} has no value: {error}"
            ) from error
    known[id(node)] = result
    return result


def _option(node: Branch, index: float) -> int:
    if not (0 <= index < len(node.options) and index == int(index)):
        raise ConfigurationError(
            f"{node.label} has options 0 to {len(node.options) - 1}, not {index!r}"
        )
    return int(index)


def _plain(value: Any, root: Node) -> Any:
    # NumPy's scalars; it may not be imported at all.
    if getattr(value, "shape", None) == ():
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {key: _plain(each, root) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_plain(each, root) for each in value)
    raise ConfigurationError(
        f"the space's operations give {value!r}, which is neither number nor text"
    )


def plain_text(value: Value) -> str:
    """Return a value as people write it, with all digits that it needs: 2048, 1e-7, rbf, True."""
    if isinstance(value, float):
        brief = short(value)
        return brief if float(brief) == value or math.isnan(value) else repr(value)
    return str(value)


def formula(node: Node) -> str:
    """Return a node as a formula for people: `train_batch_size / 2048`, `int(layers)`."""
    if isinstance(node, Constant):
        return plain_text(node.value) if isinstance(node.value, float) else repr(node.value)
    if isinstance(node, Parameter | Branch):
        return node.label
    if isinstance(node, Mapping):
        return f"{{{', '.join(f'{key!r}: {formula(child)}' for key, child in node.entries)}}}"
    if isinstance(node, Sequence):
        return f"({', '.join(map(formula, node.items))})"
    return _operation_formula(node)


def _operation_formula(node: Operation) -> str:
    given = [formula(argument) for argument in node.arguments]
    sign = OPERATIONS[node.name].sign
    if node.name == "float" and isinstance(node.arguments[0], Parameter):
        return given[0]
    if node.name == "getitem":
        return f"{given[0]}[{given[1]}]"
    if not sign:
        return f"{node.name}({', '.join(given)})"
    compound = [
        f"({text})" if isinstance(argument, Operation) and OPERATIONS[argument.name].sign else text
        for text, argument in zip(given, node.arguments, strict=True)
    ]
    return f" {sign} ".join(compound)
