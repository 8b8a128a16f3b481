"""Names that the library itself has, beside those that other tests of a process have added."""

from alignment_core import LEARNING_RULES


def shipped_rules():
    """Return the names of the library's learning rules; a file's own have the file's hash."""
    return {name for name in LEARNING_RULES if "@" not in name}
