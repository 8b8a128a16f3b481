"""The one reader of the store: searches in memory, kept up by a poll that all clients share.

A page is told within a poll that something has changed and asks for what is new since its
revision; the answer is made once, however many ask. What nobody looks at is not polled, and
forgotten after a while.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alignment_core.errors import AlignSearchError
from alignsearch.dashboards.live.history import SearchHistory
from alignsearch.dashboards.web.responses import Payload
from alignsearch.search.documents import Event, Search
from alignsearch.search.documents.errors import StoreCorruptedError, StoreUnavailableError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.summary import Summary, read_summary, summarize

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
LIST_SECONDS = 1.0
"""Between looks for new searches, and for new entries of the logs of searches that are watched."""
RETRY_SECONDS = 1.0
FORGET_SECONDS = 600.0
"""After which a search that nobody has asked for leaves the memory."""
EVENT_OVERLAP = timedelta(seconds=5)
"""Events carry the time before they are written, so one may come after a later one."""
WARM_SEARCHES = 1
"""How many of the latest searches are read before anybody asks, beside those that go on."""


@dataclass
class Entry:
    """One search in memory. Take `lock` to look into `history`."""

    search: Search
    history: SearchHistory
    lock: threading.Lock = field(default_factory=threading.Lock)
    summary: Summary | None = None
    asked_at: float = 0.0
    synced_at: float = 0.0
    version: int = 0
    """Counts what a page has to be told of: changed trials, and a changed summary."""
    payload: tuple[int, Payload] | None = None
    """The whole history as it was sent last, and of which version."""
    events_version: int = 0
    events: dict[tuple[datetime, str, str, str], Event] = field(default_factory=dict)


class Board:
    """Searches and their trials as the store has them now."""

    def __init__(self, store: Store, revive_store: Callable[[], None] = lambda: None) -> None:
        """Nothing is read before `start`; `revive_store` is called while the store is away."""
        self.store = store
        self._revive_store = revive_store
        self.failure = ""
        """Why the store can't be read; empty while it can."""
        self.closing = threading.Event()
        self.list_version = 0
        self._entries: dict[str, Entry] = {}
        self._searches: dict[str, Search] = {}
        self._summaries: dict[str, Summary] = {}
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._watched: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="store poll", daemon=True)
        self._listed_at = -LIST_SECONDS
        self._listed = threading.Event()
        """Set once it is known which searches there are, or why not."""
        self._warming: set[str] = set()
        self._clock: tuple[float, datetime] = (0.0, datetime.now(UTC))

    def start(self) -> None:
        """Begin to follow the store."""
        self._thread.start()

    def close(self) -> None:
        """Stop following, and tell all who listen."""
        self.closing.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called at each change, from another thread; return what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def watch(self, name: str) -> Callable[[], None]:
        """Keep the search in memory and followed until the returned function is called."""
        with self._lock:
            self._watched[name] = self._watched.get(name, 0) + 1

        def end() -> None:
            with self._lock:
                self._watched[name] -= 1
                if not self._watched[name]:
                    del self._watched[name]

        return end

    def now(self) -> datetime:
        """The store's clock, as far as it was told."""
        told_at, told = self._clock
        return told + timedelta(seconds=time.monotonic() - told_at)

    def check(self) -> None:
        """Raise StoreUnavailableError while the store can't be read."""
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

    def known(self, name: str) -> Entry | None:
        """The search with all its trials, if they are in memory."""
        return self._entries.get(name)

    def summary(self, name: str) -> Summary:
        """Where the search stands, without reading its trials if they aren't in memory.

        Raises:
            UnknownNameError: there is no such search.
        """
        entry = self._entries.get(name)
        if entry is not None and entry.summary is not None and _is_fresh(entry):
            return entry.summary
        known = self._summaries.get(name)
        if known is None:
            known = read_summary(self.store, name)
            if known.search.status in TERMINAL_SEARCH_STATUSES:
                self._summaries[name] = known
        return known

    def refresh(self, name: str) -> None:
        """Read the search's document now, after a change of ours."""
        entry = self._entries.get(name)
        if entry is not None:
            self._sync_one(entry)
        self._summaries.pop(name, None)
        self.wake()

    def entry(self, name: str) -> Entry:
        """The search with all its trials, read now if they aren't in memory.

        Raises:
            UnknownNameError: there is no such search.
            StoreUnavailableError: the store doesn't answer.
        """
        self.check()
        entry = self._entries.get(name)
        if entry is not None and _is_fresh(entry):
            entry.asked_at = time.monotonic()
            return entry
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            entry = self._entries.get(name)
            if entry is None:
                search = self.store.searches.get(name)
                entry = Entry(search, SearchHistory(search))
            self._sync_one(entry)
            entry.asked_at = time.monotonic()
            self._entries[name] = entry
        return entry

    def _run(self) -> None:
        while not self.closing.is_set():
            pause = POLL_SECONDS
            try:
                self._poll()
                recovered, self.failure = bool(self.failure), ""
                if recovered:
                    logger.warning("the store answers again")
                    self.wake()
            except (StoreUnavailableError, StoreCorruptedError) as error:
                if not self.failure:
                    logger.warning("%s", error)
                self.failure = str(error)
                pause = RETRY_SECONDS
                self._listed.set()
                self.wake()
                self._revive_store()
            self.closing.wait(pause)

    def _poll(self) -> None:
        changed = False
        if time.monotonic() - self._listed_at >= LIST_SECONDS or self.failure:
            changed = self._list()
        followed = self._followed()
        searches = {each.name: each for each in self.store.searches.named(list(followed))}
        for name, search in searches.items():
            changed |= self._sync(followed[name], search, self.store.trials.last_change(name))
        if changed:
            self.wake()

    def _followed(self) -> dict[str, Entry]:
        """Those in memory that are asked for or go on; the others may be forgotten."""
        now = time.monotonic()
        followed = {}
        for name, entry in list(self._entries.items()):
            if name in self._watched:
                entry.asked_at = now
            going_on = entry.search.status not in TERMINAL_SEARCH_STATUSES
            if now - entry.asked_at > FORGET_SECONDS and not going_on:
                self._entries.pop(name, None)
            elif name in self._watched or going_on:
                followed[name] = entry
        return followed

    def _list(self) -> bool:
        """Look for searches; read those that go on, and the latest."""
        before = time.monotonic()
        now = self.store.now()
        self._clock = ((before + time.monotonic()) / 2, now)
        listed = self.store.searches.all()
        found = {search.name: search for search in listed}
        changed = found != self._searches
        self._searches = found
        for name in self._entries.keys() - found.keys():
            self._entries.pop(name, None)
        going_on = {each.name for each in listed if each.status not in TERMINAL_SEARCH_STATUSES}
        latest = set() if self._listed.is_set() else {each.name for each in listed[-WARM_SEARCHES:]}
        self._listed_at = time.monotonic()
        self._listed.set()
        self._warm((going_on | latest) - self._entries.keys() - self._warming)
        for name in list(self._watched):
            changed |= self._sync_events(name)
        if changed:
            self.list_version += 1
        return changed

    def _warm(self, names: set[str]) -> None:
        """Read searches that nobody has asked for yet, beside the poll: it takes seconds."""
        self._warming |= names

        def read() -> None:
            for name in sorted(names):
                try:
                    self.entry(name)
                except AlignSearchError as error:
                    # Whoever asks for it is told; the poll tells of a store that is away.
                    logger.warning("search %s can't be read: %s", name, error)
                finally:
                    self._warming.discard(name)

        if names:
            threading.Thread(target=read, name="warming", daemon=True).start()

    def _sync_one(self, entry: Entry) -> None:
        name = entry.search.name
        (search,) = self.store.searches.named([name]) or [self.store.searches.get(name)]
        self._sync(entry, search, self.store.trials.last_change(name))

    def _sync(self, entry: Entry, search: Search, last: int) -> bool:
        with entry.lock:
            records = []
            if last > entry.history.rev:
                records = self.store.trials.changed_records(search.name, entry.history.rev, last)
                entry.history.take(records, last)
            summary = summarize(search, entry.history.standing(), self.now())
            changed = bool(records) or entry.summary is None or _differs(entry.summary, summary)
            entry.search = search
            entry.synced_at = time.monotonic()
            if changed:
                entry.summary = summary
                entry.version += 1
                self.list_version += 1
        return changed

    def _sync_events(self, name: str) -> bool:
        entry = self._entries.get(name)
        if entry is None:
            return False
        latest = max((at for at, *_ in entry.events), default=None)
        since = datetime(1970, 1, 1, tzinfo=UTC) if latest is None else latest - EVENT_OVERLAP
        known = len(entry.events)
        for event in self.store.logs.events_since(name, since):
            entry.events[event.at, event.who, event.what, event.detail] = event
        if len(entry.events) == known:
            return False
        entry.events_version += 1
        return True

    def wake(self) -> None:
        """Have every listener look."""
        for listener in list(self._listeners):
            listener()


def _is_fresh(entry: Entry) -> bool:
    return time.monotonic() - entry.synced_at < 2 * POLL_SECONDS


def _differs(one: Summary, other: Summary) -> bool:
    """Whether a page must be told: what only counts the seconds doesn't matter."""
    return _lasting(one) != _lasting(other)


def _lasting(summary: Summary) -> tuple[object, ...]:
    return (
        summary.search.status,
        summary.search.stop_requested,
        summary.search.error,
        summary.driven,
        summary.counts,
        summary.slots,
        summary.best_loss,
        summary.lease_seconds is not None and summary.lease_seconds < 0,
    )
