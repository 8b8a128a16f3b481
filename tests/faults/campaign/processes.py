"""Processes of a cluster, found by their parents, and ended or watched."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and all its descendants; none if it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants at once, as when a host loses its power."""
    for each in tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def named(pid: int, name: str) -> int | None:
    """Return the descendant whose program has this name; None if there is none."""
    for each in tree(pid):
        with contextlib.suppress(psutil.Error):
            if Path(each.exe()).name == name:
                return each.pid
    return None


def trial_workers(*roots: int) -> list[int]:
    """Return the descendants that are actors of trials."""
    found = []
    for root in roots:
        for each in tree(root):
            with contextlib.suppress(psutil.Error):
                if "TrialWorker" in "".join(each.cmdline()[:1]):
                    found.append(each.pid)
    return found


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal; return False if the process has ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


class Supervised:
    """A command that is started again whenever it ends, as a service manager does."""

    def __init__(
        self,
        command: Callable[[], Sequence[str]],
        folder: Path,
        log: Path,
        environment: dict[str, str],
    ) -> None:
        """Start it; `command` is asked before each start."""
        self._command = command
        self._folder = folder
        self._log = log
        self._environment = environment
        self._wanted = True
        self._process = self.start_one()
        self.starts = 1
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._process.pid

    def start_one(self) -> "subprocess.Popen[bytes]":
        """Start one such process, which nobody starts again."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command(),
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _watch(self) -> None:
        pause = threading.Event()
        while self._wanted:
            self._process.wait()
            if self._wanted:
                # A command that fails at once must not take a processor for itself.
                pause.wait(0.2)
                self._process = self.start_one()
                self.starts += 1

    def stop(self, patience: float = 40.0) -> None:
        """End it by SIGTERM, as its user would, and by SIGKILL after so many seconds."""
        self._wanted = False
        send(self.pid, signal.SIGCONT)
        send(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        kill_tree(self.pid)
        self._process.wait()
        self._thread.join()
