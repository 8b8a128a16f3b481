"""Printed lines as log lines: what an attempt's thread prints is logged line by line, too."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

logger = logging.getLogger(__name__)

LONGEST_LINE = 2000
"""Characters after which a line without an end is logged all the same, so that it takes no more
memory than that. The log keeps as many characters of a line."""


class _LoggedStream:
    """A stream in the place of standard output or error; it passes everything on to the old one.

    Several attempts can share a process, each in a thread of its own: a line is logged in the
    thread that prints it, by which the log finds its attempt.
    """

    def __init__(self, replaced: TextIO) -> None:
        self._replaced = replaced
        self._unfinished: dict[int, str] = {}
        self._logging: set[int] = set()

    def follow(self, thread: int) -> None:
        """Log what this thread prints from now on."""
        self._unfinished[thread] = ""

    def unfollow(self, thread: int) -> None:
        """Log the thread's unfinished line, and nothing more of it."""
        rest = self._unfinished.pop(thread, "")
        self._log(thread, rest)

    def write(self, text: str) -> int:
        """Write the text to the replaced stream, and log the lines that it completes."""
        thread = threading.get_ident()
        # A handler of the log may print itself.
        if thread in self._unfinished and thread not in self._logging:
            *lines, rest = (self._unfinished[thread] + text).split("\n")
            if len(rest) > LONGEST_LINE:
                lines.append(rest)
                rest = ""
            self._unfinished[thread] = rest
            for line in lines:
                self._log(thread, line)
        return self._replaced.write(text)

    def writelines(self, lines: Any) -> None:
        """Write each of the texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._replaced, name)

    def _log(self, thread: int, line: str) -> None:
        # A progress bar returns to the beginning of its line: only its last state is of use.
        shown = line.rstrip("\r").rpartition("\r")[2].rstrip()
        if not shown:
            return
        self._logging.add(thread)
        try:
            logger.info("%s", shown)
        finally:
            self._logging.discard(thread)


class _StandardStreams:
    """Standard output and error, replaced while at least one thread is followed."""

    def __init__(self) -> None:
        self._replaced: dict[str, Any] = {}
        self._streams: dict[str, _LoggedStream] = {}
        self._followed = 0
        self._hold = threading.Lock()

    def follow(self) -> list[_LoggedStream]:
        """Return the streams, which are put in their places if they aren't there yet."""
        with self._hold:
            if self._followed == 0:
                for name in ("stdout", "stderr"):
                    self._replaced[name] = getattr(sys, name)
                    self._streams[name] = _LoggedStream(self._replaced[name])
                    setattr(sys, name, self._streams[name])
            self._followed += 1
            return list(self._streams.values())

    def unfollow(self) -> None:
        """Put the replaced streams back if no thread is followed any more."""
        with self._hold:
            self._followed -= 1
            if self._followed:
                return
            for name, stream in self._streams.items():
                # A stream that somebody else has put in its place meanwhile stays.
                if getattr(sys, name) is stream:
                    setattr(sys, name, self._replaced[name])


_standard = _StandardStreams()


@contextmanager
def prints_logged() -> Iterator[None]:
    """Log what the current thread prints to standard output and error meanwhile, by INFO lines.

    The text still goes where it went before. Lines of other threads are not logged. The output of
    compiled code, which writes to file descriptors, isn't either.
    """
    thread = threading.get_ident()
    streams = _standard.follow()
    for stream in streams:
        stream.follow(thread)
    try:
        yield
    finally:
        for stream in streams:
            stream.unfollow(thread)
        _standard.unfollow()
