"""Times at which a driver reads what others wrote: often, within a tenth of its time."""

import time
from collections.abc import Callable

REFRESH_SECONDS = 0.5
"""Time between two reads of what others wrote, unless there is news; freed slots are noticed at
once."""
REFRESH_SHARE = 10.0
"""Shortest time between two reads as a multiple of the last read's duration. With many trials a
read takes long, and the driver shall spend at most a tenth of its time on reading."""


class LookTimes:
    """Says when the next read is due."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Have the first read be due at once; `monotonic` is a clock in seconds."""
        self._monotonic = monotonic
        self._next = self._earliest = 0.0

    def due(self, heard: Callable[[], bool]) -> bool:
        """Return whether to read now; `heard` is asked for news if it may be read earlier."""
        now = self._monotonic()
        return now >= self._next or (now >= self._earliest and heard())

    def note(self, began: float) -> None:
        """Note a read that began at this time and has just ended."""
        self._earliest = began + REFRESH_SHARE * (self._monotonic() - began)
        self._next = max(began + REFRESH_SECONDS, self._earliest)

    def read_soon(self) -> None:
        """Have the next read be due at once."""
        self._next = 0.0
