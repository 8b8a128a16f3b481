"""Notices and tracking tools, served beside the searches that a process drives."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from alignment_core.errors import AlignSearchError
from alignsearch.search.documents import UNSET_TIME, Search
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.search.use_cases.notices import Notifier, noticing
from alignsearch.search.use_cases.tracking import lacking, wants_tracking
from alignsearch.search.use_cases.watched_searches import Pause, WatchedSearches

MODULE = "alignsearch.search.use_cases.tracking_process"
ROUND_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
"""Seconds for which a process that is done waits for tools that take nothing."""
LONGEST_WAIT = 600.0
"""Seconds for which it waits for tools that still take what a quick search has left."""
SILENT_SECONDS = 2.0
"""Seconds of that wait after which people are told of it."""

logger = logging.getLogger(__name__)


@contextmanager
def beside_driving(
    store: Store,
    uri: str,
    owner: str,
    *,
    interrupt: threading.Event,
    only: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[None]:
    """A context in which searches' webhooks and tracking tools hear of them; it costs no trial.

    Args:
        store: holds the searches.
        uri: its address, for the process that writes into the tools.
        owner: this process, named in events.
        interrupt: set once the process is to end soon.
        only: name of the one search that this process drives; None for a `serve`, which drives all.
        say: prints a line for people.
    """
    notifier = Notifier(store, owner, serves=only is None, only=only)
    with noticing(notifier), _tracking(TrackingChild(store, uri, owner, only), interrupt, say):
        yield


class TrackingChild:
    """The process that writes into tracking tools: started once a search needs it."""

    def __init__(self, store: Store, uri: str, owner: str, only: str | None) -> None:
        self._store = store
        self._asked = {"uri": uri, "owner": owner, "only": only}
        self._searches = WatchedSearches(
            store, only, lambda search: wants_tracking(search, self._now)
        )
        self._now = UNSET_TIME
        self._full: set[tuple[object, ...]] = set()
        self._pause = Pause(1.0, 60.0)
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None

    def look(self) -> None:
        """Start the process if a search needs it and it doesn't run."""
        if self._process is not None and self._process.poll() is not None:
            logger.warning(
                "the process that fills tracking tools ended with %d: %s",
                self._process.returncode,
                self._last_words(),
            )
            self._pause.note()
            self._process = None
        if self._process is None and self._pause.is_over and self._is_needed():
            self._start()

    def _is_needed(self) -> bool:
        self._now = self._store.now()
        return any(self._may_lack(search) for search in self._searches.now())

    def _may_lack(self, search: Search) -> bool:
        if search.status not in TERMINAL_SEARCH_STATUSES:
            return True
        key = search.name, search.token, search.updated_at
        if key not in self._full and not any(
            lacking(self._store, search, tool) for tool in search.trackers
        ):
            self._full.add(key)
        return key not in self._full

    def _start(self) -> None:
        # Not the user's own folder first, where a file may be named like a tool's package.
        command = [sys.executable, "-P", "-m", MODULE]
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            text=True,
            # Ctrl-C is for the driver, which then says how long this one may go on.
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._tell(self._asked)

    def _tell(self, what: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def _last_words(self) -> str:
        if self._said is None:
            return ""
        self._said.seek(0)
        lines = self._said.read().strip().splitlines()
        self._said.close()
        return lines[-1] if lines else "it said nothing"

    def finish(self, interrupt: threading.Event, say: Callable[[str], None]) -> None:
        """Let the process write what is left, within limits, and end it."""
        if self._process is None:
            return
        hurried = interrupt.is_set()
        longest = PATIENCE_SECONDS if hurried else LONGEST_WAIT
        self._tell({"patience": PATIENCE_SECONDS, "at_most": longest})
        began, told = time.monotonic(), False
        while self._process.poll() is None:
            waited = time.monotonic() - began
            if waited > SILENT_SECONDS and not told:
                told = True
                say("writing the last trials into their tracking tools")
            if interrupt.is_set() and not hurried:
                hurried, longest = True, waited + PATIENCE_SECONDS
                self._tell({"patience": PATIENCE_SECONDS, "at_most": PATIENCE_SECONDS})
            if waited > longest + 2 * PATIENCE_SECONDS:
                self._process.kill()
            time.sleep(0.05)
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        if self._process.returncode:
            logger.warning("tracking tools: %s", self._last_words())
        elif self._said is not None:
            self._said.close()


@contextmanager
def _tracking(
    child: TrackingChild, interrupt: threading.Event, say: Callable[[str], None]
) -> Iterator[None]:
    closed = threading.Event()

    def run() -> None:
        _look(child)
        while not closed.wait(ROUND_SECONDS):
            _look(child)

    thread = threading.Thread(target=run, name="tracking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join()
        # A short search may be over before the first look.
        _look(child)
        child.finish(interrupt, say)


def _look(child: TrackingChild) -> None:
    try:
        child.look()
    except (AlignSearchError, OSError) as error:
        logger.warning("no tracking tool is filled: %s", error)
