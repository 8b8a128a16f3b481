"""Wakers: a poller waits for one in place of a pause, and looks earlier if something has changed.

A poller's look at the store is what counts. It looks after its pause whatever it hears, so news
that is late, lost, doubled or wrong costs it time alone.
"""

import threading
import time
from typing import Self

from alignment_core.errors import AlignSearchError
from alignsearch.search.store.connection import StoreConnection
from alignsearch.search.store.news.feed import Feed
from alignsearch.search.store.news.feeds import FEEDS, POLLING, kind_of

GATHER_SECONDS = 0.05
"""Shortest time between two wakings of one poller: in a busy store many changes come at once, and
one look sees them all."""


class Waker:
    """Wakes one poller when documents have changed. Leaving its context ends it."""

    def __init__(self, news: "News", search: str | None) -> None:
        self._news = news
        self._search = search
        self._changed = threading.Event()
        self._woken = -GATHER_SECONDS

    def wait(self, seconds: float, *, gather: float = GATHER_SECONDS) -> bool:
        """Wait for a change, at most so many seconds; return whether there was one.

        gather: shortest time in seconds from the last waking to this one.
        """
        until = time.monotonic() + seconds
        if not self._changed.wait(seconds):
            return False
        time_left = min(self._woken + gather, until) - time.monotonic()
        if time_left > 0:
            threading.Event().wait(time_left)
        return self.heard()

    def heard(self) -> bool:
        """Return whether there was a change since the last call of this or of `wait`."""
        changed = self._changed.is_set()
        if changed:
            # Cleared before the caller looks, so that a change during the look wakes it again.
            self._changed.clear()
            self._woken = time.monotonic()
        return changed

    def tell(self, key: str | None) -> None:
        """Wake the poller if the document is one that it waits for; None is any document."""
        mine = (None, self._search)
        if self._search is None or key in mine or str(key).startswith(f"{self._search}/"):
            self._changed.set()

    def close(self) -> None:
        """End it; nothing wakes its poller any more."""
        self._news.drop(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class News:
    """The feeds of one store, one for each collection that somebody waits for."""

    def __init__(self, connection: StoreConnection) -> None:
        """Prepare; nothing is sent before the first waker."""
        self._db = connection
        self._kind: str | None = None
        self._feeds: dict[str, Feed] = {}
        self._wakers: dict[Waker, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def waker(self, *collections: str, search: str | None = None) -> Waker:
        """Return a waker for changes in these collections; a server that can't tell wakes nobody.

        search: only for documents of this search.
        """
        made = Waker(self, search)
        with self._lock:
            self._wakers[made] = collections
            for collection in collections:
                self._begin(collection)
        return made

    def drop(self, waker: Waker) -> None:
        """Forget a waker, and end the feeds that nobody waits for any more."""
        with self._lock:
            self._wakers.pop(waker, None)
            wanted = {name for names in self._wakers.values() for name in names}
            for name in self._feeds.keys() - wanted:
                self._feeds.pop(name).close()

    def close(self) -> None:
        """End all feeds."""
        with self._lock:
            self._wakers.clear()
            while self._feeds:
                self._feeds.popitem()[1].close()

    def kind(self) -> str:
        """Return how changes in the store become known: a name of `FEEDS`.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        if self._kind is None:
            self._kind = kind_of(self._db)
        return self._kind

    def _begin(self, collection: str) -> None:
        if collection in self._feeds:
            return
        try:
            make = FEEDS[self.kind()]
        except AlignSearchError:
            # It is asked again by the next waker: until then its pollers poll.
            make = FEEDS[POLLING]
        self._feeds[collection] = make(
            self._db, collection, lambda key: self._tell(collection, key)
        )

    def _tell(self, collection: str, key: str | None) -> None:
        with self._lock:
            wakers = [each for each, names in self._wakers.items() if collection in names]
        for waker in wakers:
            waker.tell(key)
