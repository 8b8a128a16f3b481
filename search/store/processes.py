"""Processes and ports of this machine: is it there, does it answer, wait until it does."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
POLL_SECONDS = 0.05
_ESTABLISHED = "01"
"""As /proc/net/tcp has it."""


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
    """Return a port of the loopback interface that nobody has just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether any program accepts connections at this port of the loopback interface."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def connected_to(port: int) -> list[int]:
    """Return the other processes that are connected to this port of the loopback interface.

    Found are those whose files we may see, where there is a /proc: on Linux, our own.
    """
    connections = Path("/proc/net/tcp")
    lines = connections.read_text().splitlines()[1:] if connections.exists() else []
    # Each line: its number, local and remote address, state, ..., and tenth the socket's inode.
    sockets = {
        f"socket:[{fields[9]}]"
        for fields in map(str.split, lines)
        if fields[2].endswith(f":{port:04X}") and fields[3] == _ESTABLISHED
    }
    processes = (int(entry.name) for entry in Path("/proc").glob("[0-9]*")) if sockets else ()
    return sorted(pid for pid in processes if pid != os.getpid() and sockets & _open_files(pid))


def _open_files(pid: int) -> set[str]:
    found = set()
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(os.readlink(file))
    except OSError:
        # It ended, or is another user's.
        return found
    return found


def lives(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent doesn't."""
    try:
        # A child of ours that ended must be waited for.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return False


def command_line(pid: int) -> str:
    """Return a process's arguments, each followed by a space; empty if there is none."""
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return listed.stdout.replace("\n", " ")
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
