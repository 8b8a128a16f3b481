"""A thread that renews a lease at regular intervals while the main thread works."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from alignsearch.search.documents.errors import StoreUnavailableError

logger = logging.getLogger(__name__)

RENEWALS = 3
"""Renewals of a lease in its time: two may fail before it expires."""


class Heartbeat:
    """A context in which a thread of its own calls `renew` every `interval` seconds.

    `renew` returns False once another process holds the lease: the thread then sets the event
    `lost` and ends. If the store doesn't answer, the thread retries at the next interval: only the
    store can tell whether the lease has survived the outage.
    """

    def __init__(self, renew: Callable[[], bool], interval: float, name: str) -> None:
        """Prepare the thread; it starts when the context is entered.

        Args:
            renew: renews the lease and returns whether it is still held.
            interval: seconds between two calls.
            name: completes "heartbeat …" as the thread's name and in the log.
        """
        self._renew = renew
        self._interval = interval
        self._name = name
        self._closed = threading.Event()
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {name}", daemon=True)

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
        self._thread.join()

    def _beat(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                renewed = self._renew()
            except StoreUnavailableError as error:
                logger.warning("heartbeat %s failed, retrying: %s", self._name, error)
                continue
            if not renewed:
                self.lost.set()
                return
