"""Strategies and precisions by name, for those who need no TensorFlow to know them."""

from alignment_core.errors import UnknownNameError

STRATEGIES = ("auto", "one", "mirrored", "tpu")
"""What a training may run on: `accelerators.get_strategy`."""

PRECISIONS = ("float32", "bfloat16")
"""What products may be computed in: `accelerators.precision`."""


def check_accelerator(strategy: str, precision: str) -> None:
    """Raise UnknownNameError if there is no such strategy or precision."""
    for kind, name, names in (
        ("strategy", strategy, STRATEGIES),
        ("precision", precision, PRECISIONS),
    ):
        if name not in names:
            raise UnknownNameError(kind, name, names)
