"""Notices of what becomes of a search, sent to its webhook by the processes that drive searches.

The store tells which notices are due, and keeps which were sent: a process that is killed
before it has sent a notice leaves it to the next one. A process that is killed between the
receiver's answer and the note sends the notice again, under the same id.
"""

import json
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.divergence import is_diverged
from alignsearch.search.documents.errors import StoreRefusedError
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store
from alignsearch.search.use_cases.budget import standing_of
from alignsearch.search.use_cases.due_notices import (
    LATEST_TRIALS,
    STILL_SECONDS,
    Course,
    DueNotice,
    Kind,
    ended_notice,
    text_of,
    troubles,
)
from alignsearch.search.use_cases.summary import summarize
from alignsearch.search.use_cases.watched_searches import KEPT, Pause, WatchedSearches
from alignsearch.search.use_cases.webhook import SECRET_VARIABLE, NotDeliveredError, post

VERSION = 1
"""Version of the body: it rises when a field changes its meaning or goes away."""
ROUND_SECONDS = 2.0
TRIES = 8
"""Tries to send a notice before it is given up: with doubling pauses, four minutes."""
FIRST_PAUSE = 1.0
"""Seconds between the first two tries."""
FLUSH_SECONDS = 10.0
"""Longest time for which a process that is done still tries to send its last notices."""

logger = logging.getLogger(__name__)


@dataclass
class _Watched:
    """A running search as this process knows it.

    Attributes:
        latest: whether each of the latest trials diverged.
        change: number of its last change, and since when it is the last.
    """

    history: History
    latest: deque[bool] = field(default_factory=lambda: deque(maxlen=LATEST_TRIALS))
    change: tuple[int, float] = (-1, 0.0)


class Notifier:
    """Finds notices that are due, sends them, and notes in the store that they were sent."""

    def __init__(
        self,
        store: Store,
        owner: str,
        *,
        serves: bool,
        only: str | None = None,
        still_seconds: float = STILL_SECONDS,
        send: Callable[[str, bytes, str, str | None], None] = post,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            store: holds the searches.
            owner: this process, named in events.
            serves: whether it is a `serve`. The oldest one sends; another process sends where there
                is no `serve`.
            only: name of the one search that this process drives; None for all.
            still_seconds: least time without a change after which a search stands still.
            send: sends a notice: address, body, id and secret.
        """
        self._store = store
        self._owner = owner
        self._serves = serves
        self._still_seconds = still_seconds
        self._send = send
        self._searches = WatchedSearches(store, only, lambda search: search.notify is not None)
        self._watched: dict[str, _Watched] = {}
        self._tries: dict[str, Pause] = {}

    def round(self) -> int:
        """Send what is due; return how many notices are still to be sent.

        Raises:
            AlignSearchError: the store doesn't answer.
        """
        if not self._is_sender():
            return 0
        waiting = 0
        for search in self._searches.now():
            for kind, notice in self._due(search):
                waiting += not self._deliver(search, kind, notice)
        return waiting

    def _is_sender(self) -> bool:
        try:
            living = [each.owner for each in self._store.services.living()]
        except StoreRefusedError:
            return True
        return living[:1] == [self._owner] if self._serves else not living

    def _due(self, search: Search) -> list[DueNotice]:
        """Return the notices that are due and not sent yet."""
        due = []
        if search.status is SearchStatus.RUNNING:
            watched = self._watch(search)
            change, since = watched.change
            course = Course(watched.latest, change, time.monotonic() - since)
            due = troubles(search, course, self._still_seconds)
        else:
            self._watched.pop(search.name, None)
        ended = ended_notice(search)
        if ended is not None and self._store.now() - search.updated_at < KEPT:
            due.append(ended)
        return [each for each in due if each.id not in search.notified]

    def _watch(self, search: Search) -> _Watched:
        watched = self._watched.get(search.name)
        if watched is None:
            watched = _Watched(History(self._store, search.name), change=(-1, time.monotonic()))
            self._watched[search.name] = watched
        watched.history.sync()
        ended = sorted(watched.history.take_ended(), key=_ended_at)
        watched.latest.extend(
            is_diverged(trial)
            for trial in ended
            if trial.result is not None and not trial.is_confirmation
        )
        change = self._store.trials.last_change(search.name)
        if change != watched.change[0]:
            watched.change = change, time.monotonic()
        return watched

    def _deliver(self, search: Search, kind: Kind, notice: str) -> bool:
        """Try to send a notice; return False if it is to be tried again."""
        tried = self._tries.setdefault(notice, Pause(FIRST_PAUSE, math.inf))
        if not tried.is_over:
            return False
        assert search.notify is not None
        body = json.dumps(body_of(self._store, search, kind, notice), allow_nan=False).encode()
        try:
            self._send(search.notify, body, notice, os.environ.get(SECRET_VARIABLE))
        except NotDeliveredError as error:
            tried.note()
            logger.warning("notice %s of %s wasn't delivered: %s", kind, search.name, error)
            if tried.count < TRIES:
                return False
            self._note(search, notice, "notice given up", f"{kind}: {error}")
        else:
            self._note(search, notice, "notice sent", kind)
        self._tries.pop(notice, None)
        return True

    def _note(self, search: Search, notice: str, what: str, detail: str) -> None:
        self._store.searches.edit(
            search.name,
            lambda now: {"notified": sorted({*now.notified, notice})},
            self._owner,
            what,
            detail,
        )


def body_of(store: Store, search: Search, kind: Kind, notice: str) -> dict[str, Any]:
    """Return the body of a notice, as docs/operating.md describes it."""
    summary = summarize(search, standing_of(store, search), store.now())
    told = summary.to_json()
    facts = ("name", "space", "status", "trials", "finished", "diverged", "counts", "metric")
    more = ("direction", "best", "ending", "error", "waits_for", "created_at", "tags")
    return {
        "version": VERSION,
        "id": notice,
        "kind": kind,
        "at": store.now().isoformat(),
        "text": text_of(kind, search, summary.waits_for),
        "search": {name: told[name] for name in (*facts, *more)},
    }


def _ended_at(trial: Trial) -> float:
    finished = trial.timings.get("finished")
    return finished.timestamp() if finished else math.inf


@contextmanager
def noticing(notifier: Notifier, *, flush: float = FLUSH_SECONDS) -> Iterator[None]:
    """A context in which a thread of its own sends notices; it costs no trial and no round.

    flush: seconds for which the last notices are still tried at the end.
    """
    closed = threading.Event()

    def run() -> None:
        while not closed.wait(ROUND_SECONDS):
            _try(notifier)

    thread = threading.Thread(target=run, name="notices", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        deadline = time.monotonic() + flush
        thread.join(flush)
        while not thread.is_alive() and _try(notifier) and time.monotonic() < deadline:
            time.sleep(0.1)


def _try(notifier: Notifier) -> int:
    try:
        return notifier.round()
    except AlignSearchError as error:
        logger.warning("no notice is sent: %s", error)
        return 0
