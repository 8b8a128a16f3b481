"""Checks of a space's tree: labels, texts and numbers that can be stored, depth and size."""

from collections.abc import Callable, Iterator

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.operations import OPERATIONS
from alignsearch.spaces.tree import (
    Branch,
    Constant,
    Mapping,
    Node,
    Operation,
    Parameter,
    Sequence,
    children,
    place,
    postorder,
)

MOST_NESTING = 80
"""Containers inside each other: MongoDB stores 100 levels, and a trial's document has some more."""
MOST_DEPTH = 150
"""Nodes below each other, operations included: HyperOpt recurses several times for each level."""
MOST_NODES = 50_000
"""Nodes of a tree; with `MOST_TEXT` they keep a stored space well below MongoDB's 16 MB."""
MOST_TEXT = 2_000_000
"""Characters of all texts of a tree."""

LARGEST_INTEGER = 2**63 - 1


def check_tree(root: Node) -> None:
    """Check that a tree can be searched and stored.

    Raises:
        ConfigurationError: a label is there twice or empty, a text or number can't be stored, an
            operation is unknown, or the tree is too deep or too large. The message has the place.
    """
    order = postorder(root)
    if len(order) > MOST_NODES:
        raise ConfigurationError(
            f"the space has {len(order)} nodes; at most {MOST_NODES} can be stored"
        )
    _check_depth(root, order)
    by_label: dict[str, Parameter] = {}
    text = 0
    for node in order:
        if isinstance(node, Parameter):
            other = by_label.setdefault(node.label, node)
            if other is not node:
                raise ConfigurationError(
                    f"label {node.label!r} stands for two dimensions: at {place(root, other)} and "
                    f"at {place(root, node)}; give each its own label, or use one expression twice"
                )
        _check_node(root, node)
        for each in _texts(node):
            _check_text(each, root, node)
            text += len(each)
    if text > MOST_TEXT:
        raise ConfigurationError(
            f"the space has {text} characters of text; at most {MOST_TEXT} can be stored"
        )


def _check_depth(root: Node, order: list[Node]) -> None:
    depth: dict[int, int] = {}
    nesting: dict[int, int] = {}
    for node in order:
        below = children(node)
        depth[id(node)] = 1 + max((depth[id(each)] for each in below), default=0)
        nesting[id(node)] = isinstance(node, Mapping | Sequence) + max(
            (nesting[id(each)] for each in below), default=0
        )
    if nesting[id(root)] > MOST_NESTING or depth[id(root)] > MOST_DEPTH:
        raise ConfigurationError(
            f"the space is nested too deep: {nesting[id(root)]} dictionaries and lists and "
            f"{depth[id(root)]} expressions inside each other; at most {MOST_NESTING} and "
            f"{MOST_DEPTH} are possible"
        )


def _check_node(root: Node, node: Node) -> None:
    if isinstance(node, Constant):
        check_value(node.value, lambda: place(root, node))
    elif isinstance(node, Parameter):
        if not node.label:
            raise ConfigurationError(f"{place(root, node)}: a dimension needs a label")
        for value in getattr(node.distribution, "options", ()):
            check_value(value, lambda: place(root, node))
        for end in (getattr(node.distribution, name, 0) for name in ("low", "high")):
            check_value(end, lambda: place(root, node))
    elif isinstance(node, Branch):
        options = getattr(node.parameter.distribution, "options", ())
        if len(options) != len(node.options):
            raise ConfigurationError(
                f"{place(root, node)}: {len(node.options)} options, but {node.label!r} chooses "
                f"between {len(options)}"
            )
    elif isinstance(node, Operation):
        kind = OPERATIONS.get(node.name)
        if kind is None or not kind.least <= len(node.arguments) <= kind.most:
            raise ConfigurationError(
                f"{place(root, node)}: there is no operation {node.name} of "
                f"{len(node.arguments)} arguments; known: {', '.join(OPERATIONS)}"
            )
    elif isinstance(node, Mapping):
        keys = [key for key, _ in node.entries]
        twice = sorted({key for key in keys if keys.count(key) > 1}) if _repeats(keys) else []
        if twice:
            raise ConfigurationError(f"{place(root, node)} has the key {twice[0]!r} twice")


def _repeats(keys: list[str]) -> bool:
    return len(set(keys)) < len(keys)


def check_value(value: Value, where: Callable[[], str]) -> None:
    """Check that a whole number has at most 64 bits, which is what MongoDB stores.

    Raises:
        ConfigurationError: it has more.
    """
    if isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        raise ConfigurationError(f"{where()}: {value} has more than 64 bits")


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, Parameter):
        yield node.label
        for option in getattr(node.distribution, "options", ()):
            if isinstance(option, str):
                yield option
    elif isinstance(node, Mapping):
        yield from (key for key, _ in node.entries)


def _check_text(text: str, root: Node, node: Node) -> None:
    if "\0" in text:
        raise ConfigurationError(f"{place(root, node)}: {text!r} has a zero character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ConfigurationError(
                f"{place(root, node)}: {text!r} is no valid Unicode text"
            ) from error
