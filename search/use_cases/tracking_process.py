"""The process that writes trials into tracking tools, beside the process that drives searches.

It is a process of its own, because tools' packages take seconds to import, some 100 MB and some
hundredths of a second a trial, and may hang or crash: nothing of it slows the driver down.

Standard input has one JSON object a line: first what to do, later that the driver is done. Its end
says that the driver was killed.
"""

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents import UNSET_TIME, Search
from alignsearch.search.store import Store
from alignsearch.search.trackers.table import TRACKERS
from alignsearch.search.use_cases.tracking import Follower, wants_tracking
from alignsearch.search.use_cases.watched_searches import WatchedSearches

ROUND_SECONDS = 2.0
NICENESS = 5
"""The driver and its workers go first."""
LAST_ROUND_SECONDS = 0.2
LONGEST_CALL = 10.0
"""Seconds that a call of a tool may take beyond the time at which its writer should have ended."""

logger = logging.getLogger(__name__)


class Closing:
    """When this process ends: not yet, once nothing is left to write, or after some seconds.

    Attributes:
        asked: set once the driver is done.
        patience: seconds without anything written after which it ends then.
        until: time by the monotonic clock at which it ends in any case.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.patience = 0.0
        self.until = 0.0

    def follow(self) -> None:
        """Read what the driver says, and end at once when it is gone."""
        for line in sys.stdin:
            said = json.loads(line)
            self.patience = said["patience"]
            self.until = time.monotonic() + said["at_most"]
            self.asked.set()
        if not self.asked.is_set():
            os._exit(1)


class ToolWriter:
    """Writes into one tool all searches that have it."""

    def __init__(self, store: Store, tool: str, owner: str, only: str | None) -> None:
        self._store = store
        self._tool = tool
        self._owner = owner
        self._searches = WatchedSearches(
            store,
            only,
            lambda search: tool in search.trackers and wants_tracking(search, self._now),
        )
        self._now = UNSET_TIME
        self._followers: dict[tuple[str, str], Follower] = {}
        self.behind = 0

    @property
    def moved(self) -> int:
        """How often it has written something."""
        return sum(each.moved for each in self._followers.values())

    def round(self) -> None:
        """Write what has changed, and count what is left."""
        self._now = self._store.now()
        searches = {(each.name, each.token): each for each in self._searches.now()}
        for key in self._followers.keys() - searches.keys():
            self._followers.pop(key).close()
        self.behind = sum(self._follow(key, search) for key, search in searches.items())

    def _follow(self, key: tuple[str, str], search: Search) -> int:
        follower = self._followers.get(key)
        if follower is None:
            follower = Follower(self._store, search, self._tool, self._owner)
            self._followers[key] = follower
        try:
            return follower.round(search)
        except AlignSearchError as error:
            # One search that can't be read keeps no other one waiting.
            logger.warning("%s of %s: %s", self._tool, search.name, error)
            return 1

    def run(self, closing: Closing) -> None:
        """Write until the driver is done and nothing is left."""
        moved, moved_at = 0, time.monotonic()
        while True:
            done = closing.asked.is_set()
            try:
                self.round()
            except AlignSearchError as error:
                logger.warning("%s: %s", self._tool, error)
            except Exception:
                logger.exception("%s: a round failed", self._tool)
            if self.moved != moved:
                moved, moved_at = self.moved, time.monotonic()
            if done and (not self.behind or _is_late(closing, moved_at)):
                break
            if done:
                time.sleep(LAST_ROUND_SECONDS)
            elif closing.asked.wait(ROUND_SECONDS):
                moved_at = time.monotonic()
        self._leave()

    def _leave(self) -> None:
        try:
            searches = {(each.name, each.token): each for each in self._searches.now()}
            for key, follower in self._followers.items():
                if key in searches and (left := follower.round(searches[key])):
                    follower.note_left(left)
                follower.close()
        except AlignSearchError as error:
            logger.warning("%s: %s", self._tool, error)


def _is_late(closing: Closing, moved_at: float) -> bool:
    now = time.monotonic()
    return now >= closing.until or now - moved_at >= closing.patience


def main() -> None:
    """Write until the driver is done, or gone."""
    asked: dict[str, Any] = json.loads(sys.stdin.readline())
    os.nice(NICENESS)
    for tool in TRACKERS.values():
        for name, value in tool.environment.items():
            os.environ.setdefault(name, value)
    closing = Closing()
    threading.Thread(target=closing.follow, name="driver", daemon=True).start()
    with Store.connect(asked["uri"]) as store:
        writers = [ToolWriter(store, tool, asked["owner"], asked["only"]) for tool in TRACKERS]
        threads = [
            threading.Thread(target=each.run, args=(closing,), daemon=True) for each in writers
        ]
        for each in threads:
            each.start()
        _wait(threads, writers, closing)
    # A tool's own threads and exit handlers may wait for a server that is away.
    sys.stderr.flush()
    os._exit(0)


def _wait(
    threads: Sequence[threading.Thread], writers: Sequence[ToolWriter], closing: Closing
) -> None:
    """Wait for the writers, except for one that hangs in its tool once the driver is done."""
    moved, moved_at = -1, 0.0
    while any(each.is_alive() for each in threads):
        now = time.monotonic()
        total = sum(each.moved for each in writers)
        if total != moved or not closing.asked.is_set():
            moved, moved_at = total, now
        hangs = now - moved_at >= closing.patience + LONGEST_CALL
        if closing.asked.is_set() and (hangs or now >= closing.until + LONGEST_CALL):
            logger.warning("a tool hangs: what it lacks waits for the next `alignsearch serve`")
            return
        time.sleep(LAST_ROUND_SECONDS)


if __name__ == "__main__":
    main()
