"""Commands with placeholders: `{lr}` is replaced by the trial's value of the dimension `lr`.

`{{` and `}}` are braces themselves. This module knows labels and texts only, so that the command
line can check a command before a search exists.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NOT_OF_NAMES = re.compile(r"[^A-Za-z0-9_]")
PREFIX = "ALIGNSEARCH_VALUE_"
"""Beginning of the environment variables with the values of a trial."""


def check(command: Sequence[str], labels: Collection[str], conditional: Collection[str]) -> None:
    """Check the placeholders of a command against the labels of a space.

    Args:
        command: program and arguments.
        labels: labels of all dimensions.
        conditional: labels of dimensions that some configurations don't have.

    Raises:
        UnknownNameError: a placeholder names no dimension.
        ConfigurationError: a placeholder names a dimension that isn't in every configuration, a
            brace stands alone, or two labels are the same name of an environment variable.
    """
    for argument in command:
        for piece in _PIECE.finditer(argument):
            label = piece[1]
            if label is None:
                if piece[0] in "{}":
                    raise ConfigurationError(
                        f"the command's {argument!r} has a brace of its own: write {{{{ or }}}} "
                        "for a brace, and {LABEL} for a value"
                    )
            elif label not in labels:
                raise UnknownNameError("dimension of the space", label, labels)
            elif label in conditional:
                raise ConfigurationError(
                    f"{{{label}}} can't be an argument: some configurations have no {label!r}; "
                    f"read it from the environment ({variable(label)}) or from config.json"
                )
    names: dict[str, str] = {}
    for label in labels:
        other = names.setdefault(variable(label), label)
        if other != label:
            raise ConfigurationError(
                f"labels {other!r} and {label!r} are both {variable(label)} in a program's "
                "environment: rename one"
            )


def filled(command: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Return the command with the values in place of their placeholders.

        >>> filled(["train.py", "--lr={lr}"], {"lr": 0.1})
        ['train.py', '--lr=0.1']

    Raises:
        KeyError: a placeholder names no value; `check` finds that before.
    """

    def put(piece: re.Match[str]) -> str:
        if piece[1] is None:
            return piece[0][0]
        return str(values[piece[1]])

    return [_PIECE.sub(put, argument) for argument in command]


def variable(label: str) -> str:
    """Return the environment variable that has a dimension's value."""
    return PREFIX + _NOT_OF_NAMES.sub("_", label)
