"""A TPU host's chips before TensorFlow takes them: free of others, and this host's alone."""

import os
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from alignsearch.search.documents.errors import ClusterError

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.5
_DEVICE = re.compile(r"accel\d+|vfio/\d+")
_BOUNDS = {4: "2,2,1", 8: "2,4,1"}
"""How the chips of a whole host lie (TPU system architecture: v2 to v5p have 4, v5e and v6e 8)."""


def devices(root: Path = Path("/dev")) -> list[Path]:
    """The device files of this host's chips."""
    return [
        path
        for path in (*root.glob("accel*"), *root.glob("vfio/*"))
        if _DEVICE.fullmatch(str(path.relative_to(root)))
    ]


def holders(files: Iterable[Path]) -> set[int]:
    """The other processes that hold one of the files open, as far as this user may see them."""
    wanted = {str(path) for path in files}
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(str(fd.readlink()) in wanted for fd in (process / "fd").iterdir()):
                found.add(int(process.name))
        except OSError:
            # It has ended meanwhile, or is another user's.
            continue
    return found


def wait_until_free(files: Iterable[Path], *, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until no other process holds the chips.

    libtpu gives a process its chips once and for all. A worker that is killed lets go of them only
    when the kernel has buried it, and who comes in between fails and can't try again.

    Raises:
        ClusterError: some process keeps them.
    """
    watched = list(files)
    pause = threading.Event()
    looks = int(patience / LOOK_SECONDS) + 1
    for _ in range(looks):
        kept_by = holders(watched)
        if not kept_by:
            return
        pause.wait(LOOK_SECONDS)
    raise ClusterError(
        f"process {', '.join(map(str, sorted(kept_by)))} holds this host's TPU and did not let go "
        f"of it in {patience:g} s: end it, or wait for its end"
    )


def host_alone(environment: Mapping[str, str], chips: float) -> dict[str, str]:
    """What keeps libtpu to this host where it is one of several in a slice.

    Otherwise it would wait for all of them to begin the same program. Ray sees to trials on one
    or two chips itself.
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
