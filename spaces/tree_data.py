"""Plain data of a space's tree: a list of nodes, where each names the nodes below it by position.

A list is flat however deep the tree is, and keeps nodes that several paths reach. Texts of users
(labels, keys, options) are values in it, never keys, so that any document store can hold it.
"""

import json
import math
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Value, from_json
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


def to_data(root: Node) -> list[dict[str, Any]]:
    """Return the tree's nodes as data for JSON and BSON; the root is the last one."""
    order = postorder(root)
    at = {id(node): position for position, node in enumerate(order)}
    return [_node_data(node, [at[id(child)] for child in children(node)]) for node in order]


def canonical(root: Node) -> list[dict[str, Any]]:
    """Return the nodes as data that are equal for trees of the same meaning.

    Equal nodes are written once, and dictionaries in the order of their keys. Names of options are
    left out, because the options themselves are there.
    """
    found: dict[str, int] = {}
    nodes: list[dict[str, Any]] = []
    at: dict[int, int] = {}
    for node in postorder(_sorted(root)):
        data = _node_data(node, [at[id(child)] for child in children(node)])
        if isinstance(node, Parameter) and node.index:
            data["distribution"]["options"] = len(data["distribution"]["options"])
        text = json.dumps(data, sort_keys=True, allow_nan=False)
        if text not in found:
            found[text] = len(nodes)
            nodes.append(data)
        at[id(node)] = found[text]
    return nodes


def _sorted(root: Node) -> Node:
    made: dict[int, Node] = {}
    for node in postorder(root):
        given = [made[id(child)] for child in children(node)]
        if isinstance(node, Mapping):
            pairs = zip((key for key, _ in node.entries), given, strict=True)
            made[id(node)] = Mapping(tuple(sorted(pairs, key=lambda pair: pair[0])))
        else:
            made[id(node)] = rebuilt(node, given)
    return made[id(root)]


def rebuilt(node: Node, below: AnySequence[Node]) -> Node:
    """Return a node of the same kind with other nodes below it, as many as before."""
    if all(new is old for new, old in zip(below, children(node), strict=True)):
        return node
    if isinstance(node, Branch):
        parameter, *options = below
        assert isinstance(parameter, Parameter)
        return Branch(parameter, tuple(options))
    if isinstance(node, Mapping):
        keys = (key for key, _ in node.entries)
        return Mapping(tuple(zip(keys, below, strict=True)))
    if isinstance(node, Sequence):
        return Sequence(tuple(below))
    if isinstance(node, Operation):
        return Operation(node.name, tuple(below))
    return node


def _constant_data(value: Value) -> dict[str, Any]:
    # JSON has neither infinity nor NaN.
    if isinstance(value, float) and not math.isfinite(value):
        return {"node": "constant", "number": str(value)}
    return {"node": "constant", "value": value}


def _node_data(node: Node, below: list[int]) -> dict[str, Any]:
    if isinstance(node, Constant):
        return _constant_data(node.value)
    if isinstance(node, Parameter):
        distribution = node.distribution.to_json()
        return {"node": "parameter", "label": node.label, "distribution": distribution}
    if isinstance(node, Branch):
        return {"node": "branch", "parameter": below[0], "options": below[1:]}
    if isinstance(node, Mapping):
        return {"node": "mapping", "keys": [key for key, _ in node.entries], "values": below}
    if isinstance(node, Sequence):
        return {"node": "sequence", "items": below}
    return {"node": "operation", "name": node.name, "arguments": below}


def from_data(data: AnySequence[AnyMapping[str, Any]]) -> Node:
    """Return the tree that `to_data` wrote as these nodes.

    Raises:
        ConfigurationError: the data are no tree's.
    """
    nodes: list[Node] = []
    for at, each in enumerate(data):
        try:
            nodes.append(_READERS[each["node"]](each, nodes))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ConfigurationError(
                f"node {at} of a stored space can't be read: {type(error).__name__}: {error}"
            ) from error
    if not nodes:
        raise ConfigurationError("a stored space has no nodes")
    return nodes[-1]


def plain_value(value: Any) -> Value:
    """Return a scalar with Python's own type: a document store may read back a class of its own.

    Raises:
        TypeError: it is no scalar.
    """
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"{value!r} is no scalar")


def _read_constant(data: AnyMapping[str, Any], nodes: list[Node]) -> Constant:
    if "number" in data:
        return Constant(float(data["number"]))
    return Constant(plain_value(data["value"]))


def _read_parameter(data: AnyMapping[str, Any], nodes: list[Node]) -> Parameter:
    given = {
        name: [plain_value(each) for each in value]
        if isinstance(value, list | tuple)
        else plain_value(value)
        for name, value in data["distribution"].items()
    }
    return Parameter(str(data["label"]), from_json(given))


def _read_branch(data: AnyMapping[str, Any], nodes: list[Node]) -> Branch:
    parameter = _below(data["parameter"], nodes)
    if not isinstance(parameter, Parameter):
        raise TypeError("a branch's first node is no dimension")
    return Branch(parameter, _all_below(data["options"], nodes))


def _read_mapping(data: AnyMapping[str, Any], nodes: list[Node]) -> Mapping:
    keys = [str(key) for key in data["keys"]]
    return Mapping(tuple(zip(keys, _all_below(data["values"], nodes), strict=True)))


_READERS: dict[str, Callable[[AnyMapping[str, Any], list[Node]], Node]] = {
    "constant": _read_constant,
    "parameter": _read_parameter,
    "branch": _read_branch,
    "mapping": _read_mapping,
    "sequence": lambda data, nodes: Sequence(_all_below(data["items"], nodes)),
    "operation": lambda data, nodes: Operation(
        str(data["name"]), _all_below(data["arguments"], nodes)
    ),
}


def _below(at: int, nodes: list[Node]) -> Node:
    if not 0 <= at < len(nodes):
        raise IndexError(f"no node {at} before this one")
    return nodes[int(at)]


def _all_below(positions: AnySequence[int], nodes: list[Node]) -> tuple[Node, ...]:
    return tuple(_below(at, nodes) for at in positions)
