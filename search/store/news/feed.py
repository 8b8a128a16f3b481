"""The interface of a feed: it tells when documents of one collection have changed."""

from collections.abc import Callable
from typing import Protocol

Tell = Callable[[str | None], None]
"""Called with the `_id` of a document that has changed; with None if any may have."""


class Feed(Protocol):
    """Tells of changes, from a thread of its own, until it is closed."""

    def close(self) -> None:
        """End the feed; it may tell of a change once more."""
