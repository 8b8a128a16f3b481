"""Search spaces as data: sampled metaparameters with distributions, fixed and derived values.

This module imports neither HyperOpt nor TensorFlow.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from alignment_core.errors import ConfigurationError

Value = bool | int | float | str | None
"""A value of a metaparameter."""


@dataclass(frozen=True)
class Uniform:
    """A number distributed uniformly on [low, high].

    Raises:
        ConfigurationError: the ends aren't finite, or low isn't below high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range(self.low, self.high)

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a number in the range, including its ends."""
        return _inside(self.low, value, self.high)

    def to_json(self) -> dict[str, Any]:
        """Return the distribution's kind and range as data for JSON."""
        return {"kind": "uniform", "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"uniform in [{short(self.low)}, {short(self.high)}]"


@dataclass(frozen=True)
class LogUniform:
    """A number whose logarithm is distributed uniformly on [log(low), log(high)].

    Raises:
        ConfigurationError: the ends aren't finite, low isn't positive, or low isn't below high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range(self.low, self.high)
        if self.low <= 0:
            raise ConfigurationError(
                f"a log-uniform range must start above 0, not at {self.low:g}; use Uniform instead"
            )

    def contains(self, value: Value) -> bool:
        """Return whether `value` is a number in the range, including its ends."""
        return _inside(self.low, value, self.high)

    def to_json(self) -> dict[str, Any]:
        """Return the distribution's kind and range as data for JSON."""
        return {"kind": "loguniform", "low": self.low, "high": self.high}

    def __str__(self) -> str:
        return f"log-uniform in [{short(self.low)}, {short(self.high)}]"


@dataclass(frozen=True)
class Choice:
    """One of several options, each equally likely.

    Raises:
        ConfigurationError: there are fewer than two options, or one is there twice.
    """

    options: tuple[bool | int | float | str, ...]

    def __post_init__(self) -> None:
        distinct = {(type(option), option) for option in self.options}
        if len(distinct) < 2 or len(distinct) < len(self.options):
            raise ConfigurationError(
                f"a choice needs at least two different options, not {self.options}"
            )

    def contains(self, value: Value) -> bool:
        """Return whether `value` is one of the options and has the same type (True is not 1)."""
        return any(same(option, value) for option in self.options)

    def to_json(self) -> dict[str, Any]:
        """Return the distribution's kind and options as data for JSON."""
        return {"kind": "choice", "options": list(self.options)}

    def __str__(self) -> str:
        return f"one of {', '.join(str(option) for option in self.options)}"


Distribution = Uniform | LogUniform | Choice


@dataclass(frozen=True)
class Metaparameter:
    """A metaparameter that a search samples; `source` cites the publication of its range."""

    name: str
    distribution: Distribution
    source: str


@dataclass(frozen=True)
class Fixed:
    """A metaparameter that has one fixed value in a space."""

    name: str
    value: Value
    source: str


@dataclass(frozen=True)
class Derived:
    """A metaparameter whose value is another metaparameter's, divided by a constant."""

    name: str
    numerator: str
    divisor: float
    source: str

    def __str__(self) -> str:
        return f"{self.numerator} / {short(self.divisor)}"


@dataclass(frozen=True)
class SearchSpace:
    """A search space over one learning rule.

    Attributes:
        name: the name on the command line and in the store.
        title: the heading of the space's column in Table 5, in LaTeX between dollar signs.
        learning_rule: a key of `alignment_core.rules.table.LEARNING_RULES`.
        source: the publication of the space.
        sampled: metaparameters that a search samples.
        fixed: metaparameters with one value.
        derived: metaparameters that follow from others.

    Raises:
        ConfigurationError: a metaparameter is named twice.
    """

    name: str
    title: str
    learning_rule: str
    source: str
    sampled: tuple[Metaparameter, ...]
    fixed: tuple[Fixed, ...]
    derived: tuple[Derived, ...]

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.sampled]
        names += [fixed.name for fixed in self.fixed]
        names += [derived.name for derived in self.derived]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"space {self.name!r} names {', '.join(twice)} twice")

    @cached_property
    def sampled_names(self) -> frozenset[str]:
        """The names of the metaparameters that a search samples."""
        return frozenset(parameter.name for parameter in self.sampled)

    @cached_property
    def space_hash(self) -> str:
        """SHA-256 of everything that a stored point's meaning depends on, in hexadecimal.

        The hash covers the name, the learning rule, distributions, fixed and derived values, and
        the order of options, because stored points hold the options' indices. It leaves out
        titles, citations and the order of metaparameters: a stored search must still find its
        space after a citation was corrected.
        """
        content = {
            "name": self.name,
            "learning_rule": self.learning_rule,
            "sampled": {p.name: p.distribution.to_json() for p in self.sampled},
            "fixed": {entry.name: entry.value for entry in self.fixed},
            "derived": {entry.name: [entry.numerator, entry.divisor] for entry in self.derived},
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def same(left: Value, right: Value) -> bool:
    """Return whether two values and their types are equal: True is not 1, and 1 is not 1.0."""
    return type(left) is type(right) and left == right


def short(number: float) -> str:
    """Return a number as people write it in a range: 200, 0.1, 1e-10, 1e7."""
    return f"{number:g}".replace("e+0", "e").replace("e-0", "e-")


def _inside(low: float, value: Value, high: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and low <= value <= high  # type: ignore[operator]


def _check_range(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigurationError(
            f"a range needs two finite ends, the lower one first, not [{low:g}, {high:g}]"
        )
