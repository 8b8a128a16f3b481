"""Have this host's workers hand their trials back, before the host goes."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alignsearch.search.documents.errors import ClusterError

TITLE = b"ray::TrialWorker"
"""What Ray makes of a worker's command line."""
LOOK_SECONDS = 0.1
DRAIN_SHARE = 0.4
"""Of the patience: how long Ray may take to hear that this host goes."""

_NODE = re.compile(rb"\0--node_id=([0-9a-f]+)\0")
_HEAD = re.compile(rb"\0--gcs-address=([^\0]+)\0")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Raylet:
    """This host's part of a Ray cluster: its process, its node's id, HOST:PORT of the head."""

    pid: int
    node: str
    head: str


def raylets(node: str | None = None) -> list[Raylet]:
    """Those that run on this host; only the one of that node, if one is named.

    Raises:
        ClusterError: the node that was named has none here.
    """
    found = []
    for pid, command in _commands().items():
        known, head = _NODE.search(command), _HEAD.search(command)
        if known and head:
            found.append(Raylet(pid, known[1].decode(), head[1].decode()))
    if node is None:
        return found
    asked = [raylet for raylet in found if raylet.node == node]
    if not asked:
        raise ClusterError(f"no part of a Ray cluster with the node id {node} runs on this host")
    return asked


def trial_workers(of: Iterable[Raylet]) -> set[int]:
    """The processes that train trials for these."""
    parents = {raylet.pid for raylet in of}
    workers = (pid for pid, command in _commands().items() if command.startswith(TITLE))
    return {pid for pid in workers if _parent(pid) in parents}


def drain(asked: Iterable[Raylet], patience: float) -> list[str]:
    """Have Ray place nothing more on these; return why that failed, where it did.

    Ray takes a host that is preempted out of what it places on at once, and lets go on what runs
    there. `ray drain-node` is a process of its own, so that a head that is gone holds nobody up.
    """
    telling = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "ray.scripts.scripts", "drain-node"),
                *("--address", raylet.head, "--node-id", raylet.node),
                *("--reason", "DRAIN_NODE_REASON_PREEMPTION"),
                *("--reason-message", "alignsearch hand-back"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for raylet in asked
    ]
    deadline = time.monotonic() + patience
    failed = []
    for each in telling:
        try:
            _, said = each.communicate(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.kill()
            each.communicate()
            failed.append(f"the head did not answer in {patience:g} s")
        else:
            if each.returncode:
                failed.append((said.strip().splitlines() or ["Ray did not say why"])[-1])
    return failed


def hand_back(node: str | None, patience: float) -> tuple[int, int]:
    """Take the host from Ray, send its workers SIGTERM and wait for their end.

    Each hands its trial back with a state left, at no cost of an attempt, and ends. Returned is
    how many ended and how many did not.
    """
    deadline = time.monotonic() + patience
    here = raylets(node)
    for why in drain(here, patience * DRAIN_SHARE):
        logger.warning("Ray may place trials on this host again: %s", why)
    asked = trial_workers(here)
    for pid in asked:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    pause = threading.Event()
    left = asked
    while left and time.monotonic() < deadline:
        pause.wait(LOOK_SECONDS)
        left = {pid for pid in left if _command(Path(f"/proc/{pid}")).startswith(TITLE)}
    return len(asked) - len(left), len(left)


def _commands() -> dict[int, bytes]:
    return {int(path.name): _command(path) for path in Path("/proc").glob("[0-9]*")}


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
