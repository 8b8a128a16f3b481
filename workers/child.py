"""A process of one trial's own, whose output is read line by line, and which never outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

POLL_SECONDS = 0.2
"""Longest time until the end of a process is noticed whose own children keep its pipes open."""
GRACE_SECONDS = 12.0
"""Time from SIGTERM to SIGKILL: a checkpoint fits into it, and an interrupted driver waits longer
for its workers."""

LONGEST_LINE = 65_536
"""Bytes kept of a line that has no end: a progress bar can go on for hours."""

_LAUNCH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.stderr.write(f"{sys.argv[2]}: {error.strerror}\\n")
    os._exit(127)
"""
"""Asks the kernel to kill this process when the thread that made it ends (prctl(2),
PR_SET_PDEATHSIG, which lasts over execve), so that none is left when a worker is killed."""


class Child:
    """A process with a group of its own; the thread that makes it must wait for its end.

    As a context, it ends the process and all that the process has started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Start the command.

        Args:
            command: program and arguments; the program is looked for on the PATH of `environment`.
            folder: current folder of the process; this process's own by default.
            environment: environment variables; this process's own by default.
            pass_fds: file descriptors that the process inherits.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *command],
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self._open: dict[int, str] = {}
        for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._open[pipe.fileno()] = name
        self._partial: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    @property
    def pid(self) -> int:
        """Id of the process, and of its process group."""
        return self._process.pid

    def lines(
        self, seconds: float = POLL_SECONDS, also: Sequence[Any] = ()
    ) -> Iterator[tuple[str, str]]:
        """Wait until there is output, and yield its lines: "stdout" or "stderr", and the text.

        Args:
            seconds: longest wait.
            also: connections that end the wait, too.
        """
        ready = wait([*self._open, *also], seconds) if self._open or also else []
        for descriptor in [each for each in ready if isinstance(each, int)]:
            yield from self._read(descriptor)

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs.

        Lines may be left to read.
        """
        return self._process.poll()

    def rest(self) -> Iterator[tuple[str, str]]:
        """Yield the lines that are left after the process has ended."""
        for descriptor in list(self._open):
            yield from self._read(descriptor)
        for name, partial in self._partial.items():
            if partial:
                yield name, _shown(partial)
        self._partial.clear()

    def terminate(self) -> None:
        """Ask the process and what it has started to end (SIGTERM)."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and what it has started."""
        self._signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            # The group is gone, and its number is another user's by now.
            return

    def _read(self, descriptor: int) -> Iterator[tuple[str, str]]:
        name = self._open[descriptor]
        while True:
            try:
                data = os.read(descriptor, 65_536)
            except BlockingIOError:
                return
            if not data:
                del self._open[descriptor]
                return
            *lines, rest = (self._partial[name] + data).split(b"\n")
            self._partial[name] = rest[-LONGEST_LINE:]
            for line in lines:
                yield name, _shown(line)


class Stopping:
    """Ends a process that is to stop: SIGTERM at first, and SIGKILL when its grace is over."""

    def __init__(self, child: Child) -> None:
        """Prepare to stop the child."""
        self._child = child
        self._since: float | None = None

    @property
    def begun(self) -> bool:
        """True if the process was asked to end."""
        return self._since is not None

    def insist(self, *, politely: bool = True) -> None:
        """Ask the process to end at the first call; kill it at the first call after its grace.

        politely: whether to send SIGTERM, where the process doesn't learn of its end otherwise.
        """
        now = time.monotonic()
        if self._since is None:
            self._since = now
            if politely:
                self._child.terminate()
        elif now - self._since > GRACE_SECONDS:
            self._child.kill()


def _shown(line: bytes) -> str:
    """Return a line as a terminal shows it: a progress bar writes its line again and again."""
    return line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")


def describe_exit(code: int) -> str:
    """Return how a process ended, by its exit code, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if code == -signal.SIGKILL:
        return (
            "was killed (SIGKILL): likely its host ran out of memory, which `dmesg` there tells; "
            "let fewer trials share a host with --resources"
        )
    return f"was ended by {name}"
