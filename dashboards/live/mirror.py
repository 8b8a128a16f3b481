"""The mirror of the store: searches in memory, updated by one poll that all clients share.

The poll tells the event streams what changed. A search that nobody looks at and that no longer
runs isn't polled, and leaves the memory after a while.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from alignment_core.errors import AlignSearchError
from alignsearch.dashboards.live.differences import differs
from alignsearch.dashboards.live.mirrored_search import MirroredSearch
from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import StoreCorruptedError, StoreUnavailableError
from alignsearch.search.documents.repetition import winner
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import Summary, read_summary, servers_of, summarize

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""Pause between polls: a page shows a change well within a second."""
WOKEN_SECONDS = 0.1
"""Shortest time between polls that the store's news of changes bring forward."""
LIST_SECONDS = 1.0
"""Pause between readings of the list of searches and of the pinned searches' events."""
RETRY_SECONDS = 1.0
"""Pause between polls while the store is away."""
FORGET_SECONDS = 600.0
"""A search that nobody has requested for so long leaves the memory."""
EVENT_OVERLAP = timedelta(seconds=5)
"""Events are read again this far back: an event's time is taken before it is written."""
WARM_SEARCHES = 1
"""Number of latest searches that are read at the start, beside those that run."""


class Mirror:
    """Searches and their trials as the store has them now, read by one thread."""

    def __init__(self, store: Store, revive_store: Callable[[], None] = lambda: None) -> None:
        """Read nothing yet. `revive_store` is called repeatedly while the store is away."""
        self.store = store
        self._revive_store = revive_store
        self.failure = ""
        """The store's error; empty while it can be read."""
        self.closing = threading.Event()
        self.list_version = 0
        self._held: dict[str, MirroredSearch] = {}
        self._searches: dict[str, Search] = {}
        self._summaries: dict[str, Summary] = {}
        self._diverged: dict[str, int] = {}
        self._unreadable: set[str] = set()
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._pinned: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="store poll", daemon=True)
        self._listed_at = -LIST_SECONDS
        self._listed = threading.Event()
        """Set after the first attempt to read the list of searches."""
        self._warming: set[str] = set()
        self._clock: tuple[float, datetime] = (0.0, datetime.now(UTC))

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def close(self) -> None:
        """Stop polling, and notify all listeners."""
        self.closing.set()
        self.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` at each change, from another thread; return a function to unsubscribe."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def pin(self, name: str) -> Callable[[], None]:
        """Keep a search in memory and poll it until the returned function is called."""
        with self._lock:
            self._pinned[name] = self._pinned.get(name, 0) + 1

        def end() -> None:
            with self._lock:
                self._pinned[name] -= 1
                if not self._pinned[name]:
                    del self._pinned[name]

        return end

    def now(self) -> datetime:
        """The store's clock, extrapolated from its last reading."""
        told_at, told = self._clock
        return told + timedelta(seconds=time.monotonic() - told_at)

    def check(self) -> None:
        """Check that the store can be read.

        Raises:
            StoreUnavailableError: it can't.
        """
        if self.failure:
            raise StoreUnavailableError(self.failure)

    def searches(self) -> list[Search]:
        """All searches, the latest first.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        self.check()
        self._listed.wait()
        self.check()
        return sorted(self._searches.values(), key=lambda each: each.created_at, reverse=True)

    def listed(self) -> list[Search]:
        """All searches as the store had them when it was listed last; none before that."""
        return list(self._searches.values())

    def cached(self, name: str) -> MirroredSearch | None:
        """The search with all its trials if it is in memory, without reading the store."""
        return self._held.get(name)

    def summary(self, name: str) -> Summary:
        """The search's summary, without reading its trials if they aren't in memory.

        Raises:
            UnknownNameError: there is no such search.
        """
        mirrored = self._held.get(name)
        if mirrored is not None and mirrored.summary is not None and _is_fresh(mirrored):
            return mirrored.summary
        known = self._summaries.get(name)
        # A search that was over can have been extended.
        if known is None or known.search != self._searches.get(name, known.search):
            known = read_summary(self.store, name)
            # It may have diverged trials that it hadn't when it ended before.
            self._diverged.pop(name, None)
            if known.search.status in TERMINAL_SEARCH_STATUSES:
                self._summaries[name] = known
        return known

    def note_unreadable(self, name: str, error: StoreCorruptedError) -> None:
        """Log once that a search is left out of lists and of updates."""
        if name not in self._unreadable:
            self._unreadable.add(name)
            logger.warning("search %s is left out: %s", name, error)

    def diverged(self, name: str) -> int:
        """Number of the search's trials that diverged, without reading its trials."""
        mirrored = self._held.get(name)
        if mirrored is not None:
            return mirrored.trials.diverged
        # Only a search that is over is remembered: its trials don't change any more.
        known = self._diverged.get(name)
        if known is None:
            known = self.store.totals.diverged(name)
            if name in self._summaries:
                self._diverged[name] = known
        return known

    def refresh(self, name: str) -> None:
        """Read the search now, after it was steered here."""
        mirrored = self._held.get(name)
        if mirrored is not None:
            self._sync_one(mirrored)
        self._summaries.pop(name, None)
        self._diverged.pop(name, None)
        self._searches.update({each.name: each for each in self.store.searches.named([name])})
        self.list_version += 1
        self.notify()

    def forget(self, name: str) -> None:
        """Drop the search, after it was deleted or renamed here, and read the list anew."""
        for known in (self._held, self._searches, self._summaries, self._diverged):
            known.pop(name, None)
        self._listed_at = 0.0
        self.notify()

    def get(self, name: str) -> MirroredSearch:
        """The search with all its trials, up to date; read now if it isn't in memory.

        Raises:
            UnknownNameError: there is no such search.
            StoreUnavailableError: the store doesn't answer.
        """
        self.check()
        mirrored = self._held.get(name)
        if mirrored is not None and _is_fresh(mirrored):
            mirrored.requested_at = time.monotonic()
            return mirrored
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            mirrored = self._held.get(name)
            if mirrored is None:
                search = self.store.searches.get(name)
                mirrored = MirroredSearch(search, MirroredTrials(search))
            self._sync_one(mirrored)
            mirrored.requested_at = time.monotonic()
            self._held[name] = mirrored
        return mirrored

    def _run(self) -> None:
        waker = self.store.news.waker
        with waker("searches") as listed, waker("searches", "trials") as news:
            while not self.closing.is_set():
                if listed.heard():
                    self._listed_at = -LIST_SECONDS
                news.wait(self._try_to_poll(), gather=WOKEN_SECONDS)

    def _try_to_poll(self) -> float:
        """Poll, and return the seconds until the next poll."""
        try:
            self._poll()
            recovered, self.failure = bool(self.failure), ""
            if recovered:
                logger.warning("the store answers again")
                self.notify()
        except (StoreUnavailableError, StoreCorruptedError) as error:
            if not self.failure:
                logger.warning("%s", error)
            self.failure = str(error)
            self._listed.set()
            self.notify()
            self._revive_store()
            return RETRY_SECONDS
        return POLL_SECONDS

    def _poll(self) -> None:
        due = time.monotonic() - self._listed_at >= LIST_SECONDS or bool(self.failure)
        changed = due and self._list()
        polled, asked = self._polled(), time.monotonic()
        for search in self.store.searches.named(list(polled)):
            try:
                changed |= self._sync(polled[search.name], search, asked)
            except StoreCorruptedError as error:
                self.note_unreadable(search.name, error)
        if changed:
            self.notify()

    def _polled(self) -> dict[str, MirroredSearch]:
        """Searches to poll: those pinned or running. Others that nobody requests are dropped."""
        now = time.monotonic()
        polled = {}
        for name, mirrored in list(self._held.items()):
            if name in self._pinned:
                mirrored.requested_at = now
            going_on = mirrored.search.status not in TERMINAL_SEARCH_STATUSES
            if now - mirrored.requested_at > FORGET_SECONDS and not going_on:
                self._held.pop(name, None)
            elif name in self._pinned or going_on:
                polled[name] = mirrored
        return polled

    def _list(self) -> bool:
        """Read the list of searches; load those that run, and at the start the latest."""
        before = time.monotonic()
        now = self.store.now()
        self._clock = ((before + time.monotonic()) / 2, now)
        listed = self.store.searches.all()
        found = {search.name: search for search in listed}
        changed = found != self._searches
        self._searches = found
        for known in (self._held, self._summaries, self._diverged):
            for name in known.keys() - found.keys():
                known.pop(name, None)
        going_on = {each.name for each in listed if each.status not in TERMINAL_SEARCH_STATUSES}
        latest = set() if self._listed.is_set() else {each.name for each in listed[-WARM_SEARCHES:]}
        self._listed_at = time.monotonic()
        self._listed.set()
        self._warm((going_on | latest) - self._held.keys() - self._warming)
        for name in list(self._pinned):
            changed |= self._sync_events(name)
        if changed:
            self.list_version += 1
        return changed

    def _warm(self, names: set[str]) -> None:
        """Read searches before anyone requests them, in a thread of its own: it takes seconds."""
        self._warming |= names

        def read() -> None:
            for name in sorted(names):
                try:
                    self.get(name)
                except AlignSearchError as error:
                    # A request for the search raises the same error; the poll reports outages.
                    logger.warning("search %s can't be read: %s", name, error)
                finally:
                    self._warming.discard(name)

        if names:
            threading.Thread(target=read, name="warming", daemon=True).start()

    def _sync_one(self, mirrored: MirroredSearch) -> None:
        name, asked = mirrored.search.name, time.monotonic()
        (search,) = self.store.searches.named([name]) or [self.store.searches.get(name)]
        self._sync(mirrored, search, asked)

    def _sync(self, mirrored: MirroredSearch, search: Search, asked: float) -> bool:
        last = self.store.trials.last_change(search.name)
        with mirrored.lock:
            if asked < mirrored.synced_at:
                # The poll and a request read at once, and the later answer is in already.
                return False
            if search.created_at != mirrored.trials.begun:
                # The search of this name was deleted elsewhere, and another one made.
                mirrored.trials, mirrored.events = MirroredTrials(search), {}
                mirrored.summary = mirrored.named = None
            records = []
            if last > mirrored.trials.rev:
                records = self.store.trials.changed_records(search.name, mirrored.trials.rev, last)
                try:
                    mirrored.trials.update(records, last)
                except StoreCorruptedError:
                    # A part of a document may be in: all are read anew, each checked first.
                    mirrored.trials = MirroredTrials(search, self.store.trials.readable)
                    records = self.store.trials.changed_records(search.name, 0, last)
                    mirrored.trials.update(records, last)
            self._read_named(mirrored)
            servers = servers_of(self.store, search)
            summary = summarize(search, mirrored.standing(), self.now(), servers=servers)
            changed = (
                bool(records) or mirrored.summary is None or differs(mirrored.summary, summary)
            )
            mirrored.search = search
            mirrored.synced_at = asked
            if changed:
                mirrored.summary = summary
                mirrored.version += 1
                self.list_version += 1
        return changed

    def _read_named(self, mirrored: MirroredSearch) -> None:
        """Read the trial that the search names as its best, if it isn't known."""
        standing = mirrored.trials.standing()
        best = standing.best
        tid = winner(None if best is None else best.tid, standing.repetitions)
        if best is None or tid is None or tid == best.tid:
            mirrored.named = best
        elif mirrored.named is None or mirrored.named.tid != tid:
            mirrored.named = self.store.trials.find(mirrored.search.name, tid) or best

    def _sync_events(self, name: str) -> bool:
        mirrored = self._held.get(name)
        if mirrored is None:
            return False
        latest = max((at for at, *_ in mirrored.events), default=None)
        since = datetime(1970, 1, 1, tzinfo=UTC) if latest is None else latest - EVENT_OVERLAP
        known = len(mirrored.events)
        for event in self.store.logs.events_since(name, since):
            mirrored.events[event.at, event.who, event.what, event.detail] = event
        if len(mirrored.events) == known:
            return False
        mirrored.events_version += 1
        return True

    def notify(self) -> None:
        """Call every listener."""
        for listener in list(self._listeners):
            listener()


def _is_fresh(mirrored: MirroredSearch) -> bool:
    return time.monotonic() - mirrored.synced_at < 2 * POLL_SECONDS
