"""What can go wrong, said to people.

Every message says what is wrong, where, and what to do; it stands alone in one
or two lines, because the command line prints it as it is.
"""

import difflib
from collections.abc import Iterable


class AlignSearchError(Exception):
    """Root of every error that the project raises on purpose."""


class ConfigurationError(AlignSearchError, ValueError):
    """A value that can't be used: out of range, of the wrong kind, or at odds with another."""


class DataError(AlignSearchError, OSError):
    """A data set that is missing or damaged."""


class CheckpointError(ConfigurationError, DataError):
    """States on disk that a training can't go on from: damaged, or another training's."""


class UnknownNameError(AlignSearchError, LookupError):
    """A name that is not known; the message lists the nearest known names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Say that there is no `kind` called `name` among the `known` ones."""
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
