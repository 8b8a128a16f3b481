"""The log of an attempt: the last lines that its worker logs, written to the store."""

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
from alignsearch.workers.printed import prints_logged

logger = logging.getLogger(__name__)

LINES = 200
"""Most lines kept of an attempt. The log is one document that is rewritten as a whole, and the
end of a log says why an attempt failed."""
LONGEST_LINE = 2000
"""Most characters kept of a line, so that a log stays far below MongoDB's 16 MB a document."""
WRITE_SECONDS = 1.0
"""Time between two writes of a log that grows; dozens of workers share one store."""


class _Kept(logging.Handler):
    """Holds the last lines that an attempt's threads log.

    Times are the attempt's start by the store's clock, plus what has passed here since the first
    line.
    """

    def __init__(self, trial: Trial, on_first: Callable[[], None]) -> None:
        """Start without a line; `on_first` is called once the first one is held."""
        super().__init__(logging.INFO)
        self._on_first = on_first
        self._threads = {threading.current_thread().name, f"heartbeat of {trial.id}"}
        self._lines: deque[LogLine] = deque(maxlen=LINES)
        self._begun = trial.attempts[str(trial.attempt)].started_at
        self._here: float | None = None
        self._hold = threading.Lock()
        self.news = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        # Several attempts can share a process, each in threads of its own.
        if record.threadName not in self._threads:
            return
        first = self._here is None
        if self._here is None:
            self._here = record.created
        at = self._begun + timedelta(seconds=record.created - self._here)
        # Cut twice: megabytes are not searched, and no URI is cut within its password.
        text = without_passwords(record.getMessage()[: 10 * LONGEST_LINE])[:LONGEST_LINE]
        with self._hold:
            self._lines.append(LogLine(at=at, level=record.levelname, text=text))
        self.news.set()
        if first:
            self._on_first()

    def take(self) -> list[LogLine]:
        """Return the lines and clear `news`, which the next line sets again."""
        self.news.clear()
        with self._hold:
            return list(self._lines)


@contextmanager
def attempt_log(store: Store, trial: Trial) -> Iterator[None]:
    """Write what this thread logs and prints to the store as the log of the trial's attempt.

    The last lines are written about once a second while there are new ones. Lines that an outage
    of the store swallows are lost, and the attempt goes on.
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
        with prints_logged():
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
        logger.debug("log lines of %s are lost: %s", trial.id, error)
