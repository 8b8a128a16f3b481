"""Distributions of one dimension of a search space: HyperOpt 0.3.0's, as plain data.

This package imports neither HyperOpt nor TensorFlow.

The options of a choice are scalars here: an option that is a dictionary or a list has a short name
(`alignsearch.spaces.option_names`). Points hold an option's index.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions.base import Value, same, short
from alignsearch.spaces.distributions.continuous import LogNormal, LogUniform, Normal, Uniform
from alignsearch.spaces.distributions.discrete import Choice, PChoice, RandInt
from alignsearch.spaces.distributions.quantized import QLogNormal, QLogUniform, QNormal, QUniform

__all__ = [
    "DISTRIBUTIONS",
    "Choice",
    "Distribution",
    "LogNormal",
    "LogUniform",
    "Normal",
    "PChoice",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "Uniform",
    "Value",
    "from_json",
    "same",
    "short",
]

Distribution = (
    Uniform
    | LogUniform
    | QUniform
    | QLogUniform
    | Normal
    | QNormal
    | LogNormal
    | QLogNormal
    | RandInt
    | Choice
    | PChoice
)

DISTRIBUTIONS: Mapping[str, type[Distribution]] = {
    each.kind: each for each in get_args(Distribution)
}
"""Every distribution by HyperOpt's name, which its JSON form has as `kind`."""


def from_json(data: Mapping[str, Any]) -> Distribution:
    """Return the distribution that `to_json` gave as these data.

    Raises:
        ConfigurationError: no distribution has these data.
    """
    made: Callable[..., Distribution] | None = DISTRIBUTIONS.get(str(data.get("kind")))
    if made is None:
        raise ConfigurationError(f"there is no distribution {data.get('kind')!r}")
    given = {
        name: tuple(value) if isinstance(value, list | tuple) else value
        for name, value in data.items()
        if name != "kind"
    }
    try:
        return made(**given)
    except TypeError as error:
        raise ConfigurationError(f"not a distribution: {dict(data)}") from error
