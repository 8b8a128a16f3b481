"""Points as people write them: a value for each active dimension, by its label or its name."""

from collections.abc import Mapping as AnyMapping
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.conditions import holds
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.written_values import written_value


def written_point(
    space: SearchSpace,
    values: AnyMapping[str, Any],
    names: AnyMapping[str, str] | None = None,
) -> dict[str, int | float]:
    """Return the point that has these values.

    Args:
        space: the space.
        values: the value of each active dimension, by its label or its name for people. Texts are
            read as people write them; numbers, True, False and None are taken as they are.
        names: labels by the dimensions' names for people.

    Raises:
        UnknownNameError: the space has no such dimension.
        ConfigurationError: a value isn't one of its dimension's, a dimension is given twice, is
            missing, or is inactive with the chosen options.

    Example:
        >>> written_point(get_space("wm"), {"sigma": 0.5, "alpha_over_beta": "15", "beta": 1e-3})
        {'sigma': 0.5, 'alpha_over_beta': 15.0, 'beta': 0.001}
    """
    known = {each.name: each for each in space.sampled}
    given: dict[str, int | float] = {}
    for written, value in values.items():
        label = label_named(space, written, names)
        if label in given:
            raise ConfigurationError(f"{label} is given twice")
        given[label] = written_value(known[label], value)
    # In the space's order, in which a search's own trials have their values.
    point = {label: given[label] for label in known if label in given}
    wrong = [
        f"{each.name} is inactive with these choices: leave it out"
        if each.name in point
        else f"{each.name} is missing"
        for each in space.sampled
        if holds(each.conditions, point) != (each.name in point)
    ]
    if wrong:
        raise ConfigurationError("; ".join(wrong))
    return point


def label_named(space: SearchSpace, written: str, names: AnyMapping[str, str] | None = None) -> str:
    """Return the label of a dimension that is called by its label or its name for people.

    Raises:
        UnknownNameError: the space has no such dimension.
    """
    if written in space.sampled_names:
        return written
    label = (names or {}).get(written)
    if label is None:
        kind = f"dimension of space {space.name!r}"
        raise UnknownNameError(kind, written, [each.name for each in space.sampled])
    return label
