"""Names of a choice's options: the option itself where it is a scalar, or a short name."""

import math
from collections.abc import Iterator

from alignsearch.spaces.distributions import Value
from alignsearch.spaces.tree import Constant, Mapping, Node, Sequence, formula

LONGEST_NAME = 60
"""Characters of a name; longer ones would fill a table's column or a chart's legend alone."""


def option_names(options: tuple[Node, ...]) -> tuple[Value, ...]:
    """Return a different name for each option of a choice.

    A scalar is its own name. A dictionary or list has the constant text in it that tells it from
    the choice's others (`{"kind": "rbf", ...}` is "rbf"), or else its position ("option 2").
    """
    told_apart = _telling_texts(options)
    names = [told_apart.get(at, _own_name(option)) for at, option in enumerate(options)]
    keys = [(type(name), name) for name in names]
    return tuple(
        f"option {at}" if name is _NAMELESS or keys.count(key) > 1 else name
        for at, (name, key) in enumerate(zip(names, keys, strict=True))
    )


_NAMELESS = ""


def _own_name(option: Node) -> Value:
    if isinstance(option, Constant):
        value = option.value
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        return value
    if isinstance(option, Mapping | Sequence):
        return _NAMELESS
    text = formula(option)
    return text if len(text) <= LONGEST_NAME else _NAMELESS


def _telling_texts(options: tuple[Node, ...]) -> dict[int, str]:
    """The texts that tell the options that are containers apart, by position; none if none does."""
    containers = {
        at: dict(_texts(option))
        for at, option in enumerate(options)
        if isinstance(option, Mapping | Sequence)
    }
    if not containers:
        return {}
    first = next(iter(containers.values()))
    for key in first:
        texts = {at: known[key] for at, known in containers.items() if key in known}
        if len(set(texts.values())) == len(containers):
            return texts
    return {}


def _texts(option: Node) -> Iterator[tuple[str | int, str]]:
    """The constant texts directly in a container, by key or position."""
    if isinstance(option, Mapping):
        pairs: Iterator[tuple[str | int, Node]] = iter(option.entries)
    elif isinstance(option, Sequence):
        pairs = enumerate(option.items)
    else:
        return
    for key, child in pairs:
        if isinstance(child, Constant) and isinstance(child.value, str):
            text = child.value
            if 0 < len(text) <= LONGEST_NAME:
                yield key, text
