"""Searches that want something of the processes that drive searches, also once they are over."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from alignsearch.search.documents import Search
from alignsearch.search.store import Store

LIST_SECONDS = 30.0
"""Time between two looks for searches that were ended elsewhere: each reads all searches."""
KEPT = timedelta(days=7)
"""A search that ended before wants nothing any more."""


class WatchedSearches:
    """The searches of a store, or one of them, that want something."""

    def __init__(self, store: Store, only: str | None, wants: Callable[[Search], bool]) -> None:
        """Prepare; nothing is read yet.

        Args:
            store: holds the searches.
            only: name of the one search that this process drives; None for all.
            wants: whether a search wants it.
        """
        self._store = store
        self._only = only
        self._wants = wants
        self._names: set[str] = set()
        self._listed_at = -LIST_SECONDS

    def now(self) -> list[Search]:
        """Return the searches as they are now."""
        if self._only is not None:
            self._names = {self._only}
        elif time.monotonic() - self._listed_at >= LIST_SECONDS:
            self._listed_at = time.monotonic()
            self._names = {each.name for each in self._store.searches.all() if self._wants(each)}
        else:
            new = (each.name for each in self._store.searches.active() if self._wants(each))
            self._names.update(new)
        return [each for each in self._store.searches.named(self._names) if self._wants(each)]


@dataclass
class Pause:
    """How often something was tried in vain, and when it is tried again.

    Attributes:
        first: seconds until the second try; each later pause is twice as long.
        longest: upper limit of a pause in seconds.
    """

    first: float
    longest: float
    count: int = 0
    _until: float = 0.0

    def note(self) -> None:
        """Note that it was tried in vain."""
        self._until = time.monotonic() + min(self.first * 2**self.count, self.longest)
        self.count += 1

    @property
    def is_over(self) -> bool:
        """True once it can be tried again."""
        return time.monotonic() >= self._until
