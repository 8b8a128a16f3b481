"""Hand-back of all trials that run on this host, for a host that is about to go."""

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

import psutil

from alignsearch.search.documents.errors import ClusterError

TITLE = b"ray::TrialWorker"
"""Beginning of a trial worker's command line, as Ray rewrites it."""
CHECK_SECONDS = 0.1
"""Time between two checks whether the workers have ended; a preempted host has seconds left."""
DRAIN_SHARE = 0.4
"""Part of the patience that Ray may take to be told; the rest is for checkpoints."""

_NODE = re.compile(rb"\0--node_id=([0-9a-f]+)\0")
_HEAD = re.compile(rb"\0--gcs-address=([^\0]+)\0")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Raylet:
    """A raylet, which is Ray's process on a host of a cluster.

    Attributes:
        pid: id of the process.
        node: Ray's id of the node, in hexadecimal.
        head: HOST:PORT of the cluster's head.
    """

    pid: int
    node: str
    head: str


def raylets(node: str | None = None) -> list[Raylet]:
    """Return the raylets that run on this host, or only the raylet of `node`.

    Raises:
        ClusterError: the raylet of `node` doesn't run on this host.
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
    """Return the ids of the processes that make attempts at trials for these raylets."""
    parents = {raylet.pid for raylet in of}
    workers = (pid for pid, command in _commands().items() if command.startswith(TITLE))
    return {pid for pid in workers if _parent(pid) in parents}


def drain(asked: Iterable[Raylet], patience: float) -> list[str]:
    """Have Ray place nothing more on these raylets; return the reasons where that failed.

    Ray stops placing on a preempted node at once, and lets go on what runs there. `ray drain-node`
    runs in a process of its own, because it hangs if the head is gone.

    Args:
        asked: raylets to drain.
        patience: longest wait for the head in seconds.
    """
    draining = [
        subprocess.Popen(
            [
                # -P: the current folder must not come first on the path of modules.
                *(sys.executable, "-P", "-m", "ray.scripts.scripts", "drain-node"),
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
    for each in draining:
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
    """Drain this host, send its workers SIGTERM, and wait until they have ended.

    Each worker hands its trial back with a checkpoint, at no cost of an attempt, and ends.

    Args:
        node: Ray's id of the node; None for all raylets of this host.
        patience: longest time in seconds.

    Returns:
        The number of workers that have ended, and of those that have not.

    Raises:
        ClusterError: the raylet of `node` doesn't run on this host.
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
        pause.wait(CHECK_SECONDS)
        left = {pid for pid in left if _command(pid).startswith(TITLE)}
    return len(asked) - len(left), len(left)


def _commands() -> dict[int, bytes]:
    return {pid: _command(pid) for pid in psutil.pids()}


def _command(pid: int) -> bytes:
    """Return a process's arguments, each followed by NUL; empty if the process has ended."""
    try:
        return b"".join(os.fsencode(each) + b"\0" for each in psutil.Process(pid).cmdline())
    except psutil.Error:
        return b""


def _parent(pid: int) -> int:
    try:
        return int(psutil.Process(pid).ppid())
    except psutil.Error:
        return 0
