"""Processes and ports of this machine: whether they live, listen or are connected."""

import os
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

HOST = "127.0.0.1"
POLL_SECONDS = 0.05
"""Pause between two looks at a condition: short beside a server's start, and cheap."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; return False if it doesn't within so many seconds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(POLL_SECONDS)
    return True


def free_port() -> int:
    """Return a port of the loopback interface that no program uses at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Return whether any program accepts connections at this port of the loopback interface."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def connected_to(port: int) -> list[int]:
    """Return the other processes that are connected to this port of the loopback interface.

    Found are the processes whose sockets the system lets us see: on Linux, this user's.
    """
    try:
        connections = psutil.net_connections(kind="tcp4")
    except psutil.AccessDenied:
        # macOS shows connections to its administrator only.
        return []
    found = {
        each.pid
        for each in connections
        if each.pid is not None
        and each.status == psutil.CONN_ESTABLISHED
        and each.raddr
        and each.raddr.port == port
    }
    return sorted(found - {os.getpid()})


def lives(pid: int) -> bool:
    """Return whether the process runs, of whatever user; a zombie doesn't."""
    try:
        # A child of ours that ended must be waited for.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False


def running_with(arguments: re.Pattern[str]) -> tuple[int, str] | None:
    """Return a process whose command line fits, and what the first group stands for; or None."""
    for pid in psutil.pids():
        found = arguments.search(command_line(pid))
        if found is not None:
            return pid, found[1]
    return None


def has_open(pid: int, folder: Path) -> bool:
    """Return whether the process has a file of this folder open that wasn't deleted since."""
    try:
        return any(Path(file.path).parent == folder for file in psutil.Process(pid).open_files())
    except psutil.Error:
        return False


def command_line(pid: int) -> str:
    """Return a process's arguments, each followed by a space; empty if they can't be read."""
    try:
        return "".join(f"{argument} " for argument in psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
