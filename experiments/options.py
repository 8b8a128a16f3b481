"""How the fields of an experiment become options of its command, without a command-line library."""

from dataclasses import dataclass
from typing import Literal

Scale = Literal["minutes", "hours", "paper"]
"""How much is computed: a few minutes or hours on two cores, or the paper's own setting."""


@dataclass(frozen=True)
class Option:
    """How a field of an experiment is offered as an option of its command.

    Attributes:
        help: text of the command's `--help`.
        least: smallest whole number that is accepted; None for fields that aren't numbers.
        metavar: placeholder of the value in `--help`; None for the type's own.
        names: the option's names, such as `--model`; none: `--` and the field's name.
        positional: whether the value is an argument instead of an option.
    """

    help: str
    least: int | None = None
    metavar: str | None = None
    names: tuple[str, ...] = ()
    positional: bool = False
