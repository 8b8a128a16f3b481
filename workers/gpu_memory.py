"""Memory of a GPU that several trials share: each gets the part that it has of the GPU.

By default the first process that uses TensorFlow or JAX takes nearly all memory of a card, and a
second one fails. A limit was never tried on a real GPU here.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)

RESERVE = 0.9
"""Part of a trial's share that its framework may plan with. The rest is for the CUDA context and
libraries, which take some hundred MB a process outside of the framework's own memory."""
ASK_SECONDS = 20.0
"""Longest wait for nvidia-smi, which takes seconds on a host whose driver isn't loaded yet."""


def fraction(resources: Mapping[str, float]) -> float | None:
    """Return the part of one GPU that a trial has; None if it has none, or whole ones."""
    amount = resources.get("GPU", 0.0)
    return amount if 0.0 < amount < 1.0 else None


def environment(resources: Mapping[str, float]) -> dict[str, str]:
    """Return environment variables that limit frameworks which read them when they are imported.

    JAX takes its part; TensorFlow takes memory as it needs it, and is limited by `limit_tensorflow`
    if it is imported in this process.
    """
    part = fraction(resources)
    if part is None:
        return {}
    return {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{RESERVE * part:.3f}",
    }


def limit_tensorflow(resources: Mapping[str, float]) -> None:
    """Limit TensorFlow's memory on the trial's GPU to the trial's part of it.

    Nothing happens if the trial has whole GPUs, if TensorFlow isn't imported, or if it has a limit
    already. The card's memory is nvidia-smi's answer; without one, memory grows as it is needed.
    """
    part = fraction(resources)
    if part is None or "tensorflow" not in sys.modules:
        return
    tf = sys.modules["tensorflow"]
    for gpu in tf.config.list_physical_devices("GPU"):
        if tf.config.get_logical_device_configuration(gpu):
            continue
        total = total_megabytes()
        if total is None:
            continue
        limit = tf.config.LogicalDeviceConfiguration(memory_limit=limit_megabytes(total, part))
        try:
            tf.config.set_logical_device_configuration(gpu, [limit])
        except RuntimeError as error:
            # TensorFlow has used the card before.
            logger.warning("TensorFlow's memory on the GPU is not limited: %s", error)


def limit_megabytes(total: int, part: float) -> int:
    """Return the megabytes that a framework may use of a card with so many, for its part."""
    return max(1, int(RESERVE * part * total))


def total_megabytes(command: Sequence[str] = ("nvidia-smi",)) -> int | None:
    """Return the megabytes of memory of the first GPU that this process sees; None if unknown.

    command: the program nvidia-smi.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip() or "0"
    try:
        said = subprocess.run(
            [
                *command,
                f"--id={visible}",
                "--query-gpu=memory.total",
                "--format=csv,noheader,nounits",
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=ASK_SECONDS,
        ).stdout
        return int(said.split()[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        logger.warning("the GPU's memory is unknown: %s", error)
        return None
