"""The space of a call of `fmin` as a search stores it, whatever objects its options are.

Workers evaluate HyperOpt's own expression. The stored space has the same dimensions, and names in
the place of objects and operations that are no plain data.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hyperopt.pyll import Apply, Literal, as_apply, dfs

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.plain_data import plain
from alignsearch.spaces.hyperopt_space import from_hyperopt, plain_point
from alignsearch.spaces.operations import OPERATIONS
from alignsearch.spaces.space import SearchSpace

_STRUCTURE = frozenset({"hyperopt_param", "switch", "pos_args", "dict"})
LONGEST_NAME = 80
"""Characters of an object's name, which a table shows in one cell."""


def stored_space(expression: Any, name: str) -> SearchSpace:
    """Return the space of an expression, with names in the place of what can't be stored.

    Raises:
        ConfigurationError: a dimension can't be stored; the message says which.
    """
    try:
        return from_hyperopt(expression, name=name)
    except ConfigurationError:
        return from_hyperopt(_named(as_apply(expression)), name=name)


def checked_points(
    space: SearchSpace, points: Sequence[Mapping[str, Any]]
) -> list[dict[str, float | int]]:
    """Return points of a space as Python's numbers.

    Raises:
        ConfigurationError: one of them is no point of the space; the message says which, and why.
    """
    checked = []
    for number, given in enumerate(points):
        try:
            point = plain_point(given)
            space.check_point(point)
        except ConfigurationError as error:
            raise ConfigurationError(f"points_to_evaluate[{number}]: {error}") from error
        checked.append(point)
    return checked


def _named(expression: Apply) -> Apply:
    """Return a copy of the graph whose objects and unknown operations are replaced by names."""
    made: dict[Apply, Apply] = {}
    inside_dimensions = {
        node
        for parameter in dfs(expression)
        if parameter.name == "hyperopt_param"
        for node in dfs(parameter)
    }
    for node in dfs(expression):
        if node in inside_dimensions:
            made[node] = node
        elif isinstance(node, Literal):
            made[node] = Literal(_name_of(node.obj))
        else:
            inputs = [made[each] for each in node.inputs()]
            known = node.name in _STRUCTURE or node.name in OPERATIONS
            if known:
                made[node] = node.clone_from_inputs(inputs)
            else:
                made[node] = as_apply({node.name: tuple(inputs)})
    return made[expression]


def _name_of(value: Any) -> Any:
    try:
        return plain(value, "a constant")
    except ConfigurationError:
        called = getattr(value, "__qualname__", None)
        home = getattr(value, "__module__", None)
        # A long path is cut at its beginning: the name is what tells objects apart.
        return repr(value)[:LONGEST_NAME] if called is None else f"{home}.{called}"[-LONGEST_NAME:]
