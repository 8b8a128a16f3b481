"""Resources that one trial takes on a host, as people write them."""

import math
from collections.abc import Mapping

from alignment_core.errors import ConfigurationError

TPU_AMOUNTS = (1.0, 2.0, 4.0, 8.0)
"""Chips of a TPU host that Ray can give to one process."""
FINEST_AMOUNT = 0.0001
"""Smallest amount that Ray counts."""
RESERVED = ("memory", "object_store_memory", "bundle")
"""Resources that Ray manages by itself."""


def parse_resources(text: str) -> dict[str, float]:
    """Parse a text like `TPU=8` or `CPU=0.5,GPU=1` into amounts by resource.

    Raises:
        ConfigurationError: the text isn't of this form, or no cluster can place it. Ray counts in
            ten thousandths, takes whole amounts of accelerators above one, and manages memory by
            itself.
    """
    resources = {}
    for part in text.split(","):
        name, _, amount = (piece.strip() for piece in part.partition("="))
        try:
            resources[name] = float(amount)
        except ValueError:
            resources[name] = 0.0
        if not name or not FINEST_AMOUNT <= resources[name] < math.inf:
            raise ConfigurationError(
                f"--resources {text!r} is not of the form NAME=AMOUNT[,NAME=AMOUNT] with amounts "
                f"from {FINEST_AMOUNT} up, like TPU=8 or CPU=0.5"
            )
        if name in RESERVED:
            raise ConfigurationError(
                f"--resources {text!r}: {name} is Ray's own to give out; ask for CPU, GPU, TPU or "
                "a resource that your nodes declare"
            )
        if name != "CPU" and resources[name] > 1 and not resources[name].is_integer():
            raise ConfigurationError(
                f"--resources {text!r}: above one, {name} comes in whole amounts only"
            )
        if name == "TPU" and resources[name] not in TPU_AMOUNTS:
            raise ConfigurationError(
                f"--resources {text!r}: a trial takes 1, 2, 4 or 8 chips of a TPU host"
            )
    return resources


def check_gpu_fraction(resources: Mapping[str, float], *, allowed: bool) -> None:
    """Refuse a part of a GPU for each trial, unless it is `allowed`.

    Raises:
        ConfigurationError: a trial takes a part of a GPU. That several trials share a card's memory
            was never tried on one.
    """
    part = resources.get("GPU", 0.0)
    if 0.0 < part < 1.0 and not allowed:
        raise ConfigurationError(
            f"--resources GPU={part:g}: trials that share a GPU get its memory in parts, and that "
            "was never tried on a GPU: one trial may take the memory of all. Take GPU=1, or insist "
            "with --allow-gpu-fraction"
        )
