"""Conversion of a search space to HyperOpt's expressions, and of HyperOpt's values to a point."""

import math
from collections.abc import Mapping
from typing import Any

from hyperopt import hp

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.space import Choice, Distribution, LogUniform, SearchSpace, Value


def to_hyperopt(space: SearchSpace) -> dict[str, Any]:
    """Return a HyperOpt expression for each sampled metaparameter, labelled with its name.

    Every metaparameter is active in every trial: none of the appendix's choices depends on another
    (Kunin et al. 2020, App. B.1).
    """
    return {p.name: _node(p.name, p.distribution) for p in space.sampled}


def to_point(space: SearchSpace, vals: Mapping[str, Any]) -> dict[str, Value]:
    """Return the value of each sampled metaparameter from HyperOpt's values.

    Args:
        space: the search space.
        vals: HyperOpt's values by metaparameter: lists of one value as in `misc["vals"]`, or plain
            numbers as `fmin` returns them. A choice has the index of its option.

    Returns:
        The values by metaparameter; for a choice the option itself.

    Raises:
        ConfigurationError: a metaparameter is missing or inactive (an empty list), is unknown to
            `space`, its index has no option, or its value lies outside its range.
    """
    surplus = sorted(vals.keys() - space.sampled_names)
    if surplus:
        raise ConfigurationError(f"space {space.name!r} doesn't sample {', '.join(surplus)}")
    return {p.name: _value(p.name, p.distribution, vals.get(p.name)) for p in space.sampled}


def _node(label: str, distribution: Distribution) -> Any:
    if isinstance(distribution, Choice):
        return hp.choice(label, distribution.options)
    if isinstance(distribution, LogUniform):
        return hp.loguniform(label, math.log(distribution.low), math.log(distribution.high))
    return hp.uniform(label, distribution.low, distribution.high)


def _value(name: str, distribution: Distribution, raw: Any) -> Value:
    values = list(raw) if isinstance(raw, list | tuple) else [raw]
    if len(values) != 1 or values[0] is None:
        raise ConfigurationError(f"a point needs exactly one value of {name}, not {raw!r}")
    number = float(values[0])
    if isinstance(distribution, Choice):
        if number not in range(len(distribution.options)):
            raise ConfigurationError(
                f"{name} has options 0 to {len(distribution.options) - 1}, not {values[0]!r}"
            )
        return distribution.options[int(number)]
    # exp(log(end)) may miss the end by a rounding error, and would then lie outside the range.
    nearest = min(max(number, distribution.low), distribution.high)
    if not math.isclose(number, nearest, rel_tol=1e-9):
        raise ConfigurationError(f"{name} is {number}, not {distribution}")
    return nearest
