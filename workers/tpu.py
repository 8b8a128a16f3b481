"""Preparation of a TPU host's chips for TensorFlow: no other process, no other host."""

import os
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from alignsearch.search.documents.errors import ClusterError

PATIENCE_SECONDS = 60.0
"""Longest wait for another process to release the chips. A killed process with a large model
needs tens of seconds until the kernel has freed its memory."""
CHECK_SECONDS = 0.5
"""Time between two checks of the chips; each reads every process's open files."""
_DEVICE = re.compile(r"accel\d+|vfio/\d+")
_BOUNDS = {4: "2,2,1", 8: "2,4,1"}
"""Arrangement of a host's chips by their number (Cloud TPU's system architecture: v2 to v5p have 4
chips a host, v5e and v6e 8)."""


def devices(root: Path = Path("/dev")) -> list[Path]:
    """Return the device files of this host's chips."""
    return [
        path
        for path in (*root.glob("accel*"), *root.glob("vfio/*"))
        if _DEVICE.fullmatch(str(path.relative_to(root)))
    ]


def holders(files: Iterable[Path]) -> set[int]:
    """Return the ids of other processes that have one of the files open, as this user sees them."""
    wanted = {str(path) for path in files}
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(str(fd.readlink()) in wanted for fd in (process / "fd").iterdir()):
                found.add(int(process.name))
        except OSError:
            # The process has ended meanwhile, or belongs to another user.
            continue
    return found


def wait_until_free(files: Iterable[Path], *, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until no other process holds the chips.

    libtpu takes the chips once in a process's life. A killed worker releases them only when the
    kernel has freed the process. A process that asks for them before that fails, and can't retry.

    Args:
        files: the chips' device files.
        patience: longest wait in seconds.

    Raises:
        ClusterError: another process keeps the chips.
    """
    watched = list(files)
    pause = threading.Event()
    checks = int(patience / CHECK_SECONDS) + 1
    for _ in range(checks):
        kept_by = holders(watched)
        if not kept_by:
            return
        pause.wait(CHECK_SECONDS)
    raise ClusterError(
        f"process {', '.join(map(str, sorted(kept_by)))} holds this host's TPU and did not let go "
        f"of it in {patience:g} s: end it, or wait for its end"
    )


def host_alone(environment: Mapping[str, str], chips: float) -> dict[str, str]:
    """Return environment variables that restrict libtpu to this host of a slice of several.

    Without them libtpu would wait for all hosts of the slice to start the same program. Nothing is
    returned for a single host, nor for one or two chips, for which Ray sets the variables.

    Args:
        environment: the process's environment.
        chips: number of chips of a trial.
    """
    others = environment.get("TPU_WORKER_HOSTNAMES", "").split(",")
    bounds = _BOUNDS.get(int(chips))
    if len(others) < 2 or bounds is None:
        return {}
    return {
        "TPU_HOST_BOUNDS": "1,1,1",
        "TPU_CHIPS_PER_HOST_BOUNDS": bounds,
        "TPU_VISIBLE_CHIPS": ",".join(str(chip) for chip in range(int(chips))),
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_WORKER_ID": "0",
    }
