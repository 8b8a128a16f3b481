"""Have this host's workers hand their trials back, before the host goes."""

import os
import re
import signal
import threading
import time
from pathlib import Path

from search.errors import ClusterError

TITLE = b"ray::TrialWorker"
"""What Ray makes of a worker's command line."""
LOOK_SECONDS = 0.1


def trial_workers(port: int | None) -> set[int]:
    """The processes here that train trials; of the cluster with its head at `port`, if given.

    Raises:
        ClusterError: no part of that cluster runs on this host.
    """
    commands = {int(path.name): _command(path) for path in Path("/proc").glob("[0-9]*")}
    workers = {pid for pid, command in commands.items() if command.startswith(TITLE)}
    if port is None:
        return workers
    # A raylet knows the head by an address of its own finding, whatever it was told.
    asked = re.compile(rb"\0--gcs-address=[^\0]*:%d\0" % port)
    raylets = {pid for pid, command in commands.items() if asked.search(command)}
    if not raylets:
        raise ClusterError(f"no part of a Ray cluster with its head at port {port} runs here")
    return {pid for pid in workers if _parent(pid) in raylets}


def hand_back(port: int | None, patience: float) -> tuple[int, int]:
    """Send the workers SIGTERM and wait for their end; return how many ended and how many did not.

    Each hands its trial back with a state left, at no cost of an attempt, and ends.
    """
    asked = trial_workers(port)
    for pid in asked:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + patience
    pause = threading.Event()
    left = asked
    while left and time.monotonic() < deadline:
        pause.wait(LOOK_SECONDS)
        left = {pid for pid in left if _command(Path(f"/proc/{pid}")).startswith(TITLE)}
    return len(asked) - len(left), len(left)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        # It has ended meanwhile.
        return b""


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # After the command's name in parentheses, which may hold anything: the state, the parent.
    return int(status.rpartition(")")[2].split()[1])
