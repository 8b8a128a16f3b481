"""A background process for work that takes seconds.

In a thread of the server, such work would slow down every request: they share the interpreter.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundProcess:
    """One process beside the server, started with its first task."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Run a function of a module there."""
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, initializer=_begin)
            try:
                return self._pool.submit(function, *arguments)
            except BrokenProcessPool:
                # The process was killed, perhaps for its memory. A new one takes its place.
                self._pool = None
        return self.submit(function, *arguments)

    def close(self) -> None:
        """End the process after its running task."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """Ignore Ctrl-C, which a terminal sends to this process too, and end when the server does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, daemon=True).start()


def _end_with_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        server.join()
        os._exit(0)
