"""A thread that renews a lease at regular intervals while the main thread works."""

import logging
import math
import threading
import time
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

    def __init__(
        self,
        renew: Callable[[], bool],
        interval: float,
        name: str,
        *,
        lasts: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the thread; it starts when the context is entered.

        Args:
            renew: renews the lease and returns whether it is still held.
            interval: seconds between two calls.
            name: completes "heartbeat …" as the thread's name and in the log.
            lasts: seconds for which a renewal holds the lease, for `is_held`.
            clock: tells seconds, and never goes back.
        """
        self._renew = renew
        self._interval = interval
        self._name = name
        self._lasts = lasts
        self._clock = clock
        self._renewed_at = clock()
        self._closed = threading.Event()
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {name}", daemon=True)

    def is_held(self) -> bool:
        """Return whether the lease is held; where it may have passed, it is renewed first.

        A process that was stopped for a while asks this before it goes on: another one may have
        taken the lease, and the thread may not have noticed yet.

        Raises:
            StoreUnavailableError: the store doesn't answer, and the lease may have passed.
        """
        if not self.lost.is_set() and self._clock() - self._renewed_at >= self._lasts:
            self._renew_now()
        return not self.lost.is_set()

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
                self._renew_now()
            except StoreUnavailableError as error:
                logger.warning("heartbeat %s failed, retrying: %s", self._name, error)
                continue
            if self.lost.is_set():
                return

    def _renew_now(self) -> None:
        # The lease lasts from the store's answer at the latest, and from the question at least.
        asked_at = self._clock()
        if self._renew():
            self._renewed_at = asked_at
        else:
            self.lost.set()
