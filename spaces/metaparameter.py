"""A space's metaparameters: sampled ones, which are its dimensions, fixed ones and derived ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alignsearch.spaces.conditions import ALWAYS, Conditions
from alignsearch.spaces.distributions import Distribution, Value, short
from alignsearch.spaces.distributions.families import Stepped


@dataclass(frozen=True)
class Metaparameter:
    """A dimension that a search samples.

    Attributes:
        name: the dimension's label.
        distribution: what its values are drawn from. A choice's options are scalars: an option that
            is a dictionary or a list has a short name.
        source: the publication of its range; empty for none.
        conditions: when it is active: one of these conjunctions holds, each of pairs of a choice's
            label and the index of the option that it has to choose. `ALWAYS`, one empty
            conjunction, where it is active in every trial.
        integer: whether its values are made whole numbers (`hp.randint`, `hp.uniformint`).
    """

    name: str
    distribution: Distribution
    source: str = ""
    conditions: Conditions = ALWAYS
    integer: bool = False

    @property
    def conditional(self) -> bool:
        """True if there are points at which it is inactive."""
        return self.conditions != ALWAYS

    @property
    def stepped(self) -> bool:
        """True if its values are multiples of a step (`hp.quniform` and its kin)."""
        return isinstance(self.distribution, Stepped)


@dataclass(frozen=True)
class Fixed:
    """A metaparameter that has one fixed value in a space."""

    name: str
    value: Value
    source: str


@dataclass(frozen=True)
class Settled:
    """A dimension of a wider space that a narrowed one has fixed.

    Attributes:
        name: the dimension's label.
        number: what a point of the wider space has for it: of a choice, the option's index.
        value: what people read for it: of a choice, the option or its short name.
        conditions: when it is active, as `Metaparameter` has them, in the wider space.
    """

    name: str
    number: int | float
    value: Value
    conditions: Conditions = ALWAYS

    def to_data(self) -> list[Any]:
        """Return it as plain data."""
        return [
            self.name,
            self.number,
            self.value,
            [[list(pair) for pair in each] for each in self.conditions],
        ]

    @classmethod
    def from_data(cls, data: Sequence[Any]) -> "Settled":
        """Return what `to_data` wrote.

        Raises:
            TypeError, ValueError: these are no such data.
        """
        name, number, value, conditions = data
        return cls(
            str(name),
            number,
            value,
            tuple(tuple((str(label), int(at)) for label, at in each) for each in conditions),
        )


@dataclass(frozen=True)
class Derived:
    """A metaparameter whose value is another metaparameter's, divided by a constant."""

    name: str
    numerator: str
    divisor: float
    source: str

    def __str__(self) -> str:
        return f"{self.numerator} / {short(self.divisor)}"
