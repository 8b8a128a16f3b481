"""Notices that Ray's head is gone, and says so before Ray ends this process by itself.

A process that is connected to a cluster waits for a lost head without a word, and Ray's native code
ends it after a minute with a line of its own and without an exit code that means anything.
"""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

CHECK_SECONDS = 5.0
"""Time between two looks at the head."""
PATIENCE_SECONDS = 40.0
"""Time without a head after which it counts as gone. Ray itself waits for 60 s, in which a head
that is restarted by hand, or with its state elsewhere, may come back."""


class HeadWatch:
    """A context in which a thread looks at the head's address every few seconds."""

    def __init__(
        self,
        address: str,
        gone: Callable[[str], None],
        *,
        check_seconds: float = CHECK_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepare the thread; it starts when the context is entered.

        Args:
            address: HOST:PORT of the head.
            gone: called once, with a message for people, when nothing has listened there for
                `patience_seconds`.
            check_seconds: time between two looks.
            patience_seconds: see `gone`.
        """
        host, _, port = address.rpartition(":")
        self._place = host.strip("[]"), int(port)
        self._gone = gone
        self._check_seconds = check_seconds
        self._failures = max(1, round(patience_seconds / check_seconds))
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch of Ray's head", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()

    def _watch(self) -> None:
        failures = 0
        while not self._closed.wait(self._check_seconds):
            failures = 0 if self._listens() else failures + 1
            if failures >= self._failures and not self._closed.is_set():
                host, port = self._place
                self._gone(
                    f"Ray's head at {host}:{port} is gone. Its cluster ends with it; start it "
                    "again, and then what you ran here: trials go on from their checkpoints"
                )
                return

    def _listens(self) -> bool:
        try:
            socket.create_connection(self._place, timeout=self._check_seconds).close()
        except ConnectionRefusedError:
            return False
        except OSError:
            # A slow or cut network: Ray knows better how long that may last.
            return True
        return True
