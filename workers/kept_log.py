"""A worker's own log during an attempt, kept in the store: its last lines, written now and then."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from alignsearch.search.attempts.logs import OUR_PACKAGES, without_passwords
from alignsearch.search.documents import LogLine, Trial
from alignsearch.search.documents.errors import StoreUnavailableError
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

LINES = 200
LONGEST_LINE = 2000
WRITE_SECONDS = 1.0


class _Kept(logging.Handler):
    """Holds what an attempt's threads log; times are the store's, counted on from its beginning.

    on_first: called with the first line.
    """

    def __init__(self, trial: Trial, on_first: Callable[[], None]) -> None:
        super().__init__(logging.INFO)
        self._on_first = on_first
        self._threads = {threading.current_thread().name, f"heartbeat of {trial.id}"}
        self._lines: deque[LogLine] = deque(maxlen=LINES)
        self._begun = trial.attempts[str(trial.attempt)].started_at
        self._here: float | None = None
        self._hold = threading.Lock()
        self.news = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        # Several attempts can share a process.
        if record.threadName not in self._threads:
            return
        first = self._here is None
        if self._here is None:
            self._here = record.created
        at = self._begun + timedelta(seconds=record.created - self._here)
        text = without_passwords(record.getMessage())[:LONGEST_LINE]
        with self._hold:
            self._lines.append(LogLine(at=at, level=record.levelname, text=text))
        self.news.set()
        if first:
            self._on_first()

    def take(self) -> list[LogLine]:
        """The lines; news are what comes after them."""
        self.news.clear()
        with self._hold:
            return list(self._lines)


@contextmanager
def kept_log(store: Store, trial: Trial) -> Iterator[None]:
    """Keep what this thread logs for the trial's attempt: the last lines, written once a second.

    Nothing is written while nothing is logged, and a store that is away costs lines, never the
    trial.
    """
    closed = threading.Event()

    def write() -> None:
        while not closed.wait(WRITE_SECONDS):
            if handler.news.is_set():
                _write(store, trial, handler)

    writer = threading.Thread(target=write, name=f"log of {trial.id}", daemon=True)
    handler = _Kept(trial, on_first=writer.start)
    root = logging.getLogger()
    for package in OUR_PACKAGES:
        ours = logging.getLogger(package)
        if ours.getEffectiveLevel() > logging.INFO:
            ours.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        closed.set()
        if writer.is_alive():
            writer.join()
        if handler.news.is_set():
            _write(store, trial, handler)


def _write(store: Store, trial: Trial, handler: _Kept) -> None:
    try:
        store.logs.record_lines(trial.id, trial.attempt, handler.take())
    except StoreUnavailableError as error:
        logger.debug("log lines of %s are not kept: %s", trial.id, error)
