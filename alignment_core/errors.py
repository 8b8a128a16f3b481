"""The errors that the library raises on purpose.

A message says what is wrong, where, and what to do next, in one or two lines. The command line
prints it unchanged.
"""

import difflib
from collections.abc import Iterable


class AlignSearchError(Exception):
    """Base class of all errors that the project raises on purpose."""


class ConfigurationError(AlignSearchError, ValueError):
    """A value can't be used: it is out of range, of a wrong type, or contradicts another one."""


class DataError(AlignSearchError, OSError):
    """A data set is missing or damaged."""


class CheckpointError(DataError, ConfigurationError):
    """A training can't resume from its checkpoints: they are damaged or another training's."""


class UnknownNameError(AlignSearchError, LookupError):
    """A name is unknown; the message suggests the most similar known names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Write the message.

        Args:
            kind: noun for what the name should be, for example "model".
            name: the unknown name.
            known: all known names of this kind.
        """
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=3, cutoff=0.4)
        if near:
            hint = f"did you mean {' or '.join(near)}?"
        elif choices:
            hint = f"known: {', '.join(choices)}"
        else:
            hint = "there is none yet"
        super().__init__(f"no {kind} is named {name!r}; {hint}")
        self.kind = kind
        self.name = name
        self.known = choices

    def __reduce__(self) -> tuple[type["UnknownNameError"], tuple[str, str, list[str]]]:
        """Return what pickle makes it from: its arguments, where exceptions have the message."""
        return type(self), (self.kind, self.name, self.known)
