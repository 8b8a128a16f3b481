"""The time for which a search is driven, which its time limit (`--timeout`) counts."""

import time
from collections.abc import Callable


class DrivenTime:
    """Adds up the seconds for which a search runs under a driver.

    The sum is kept in the store every few seconds, so that the next driver goes on from it. A
    driver that is killed takes the seconds since then with it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start at 0; `monotonic` is a clock in seconds that never goes back."""
        self.seconds = 0.0
        """Seconds for which the search has been driven, under earlier drivers too."""
        self._monotonic = monotonic
        self._running_since: float | None = None

    def begin(self, seconds: float) -> None:
        """Go on from the seconds under earlier drivers."""
        self.seconds = seconds

    def note(self, *, running: bool) -> None:
        """Add the time since the last call, if the search ran then; it is paused otherwise."""
        now = self._monotonic()
        if self._running_since is not None:
            self.seconds += now - self._running_since
        self._running_since = now if running else None
