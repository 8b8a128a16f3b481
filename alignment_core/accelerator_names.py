"""Names of the strategies and precisions, readable without importing TensorFlow."""

from alignment_core.errors import UnknownNameError

STRATEGIES = ("auto", "one", "mirrored", "tpu")
"""Devices that a training may run on; see `accelerators.get_strategy`."""

PRECISIONS = ("float32", "bfloat16")
"""Precisions of matrix products and convolutions; see `accelerators.precision`."""


def check_accelerator(strategy: str, precision: str) -> None:
    """Raise UnknownNameError if no strategy or no precision has the given name."""
    for kind, name, names in (
        ("strategy", strategy, STRATEGIES),
        ("precision", precision, PRECISIONS),
    ):
        if name not in names:
            raise UnknownNameError(kind, name, names)
