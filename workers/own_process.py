"""Trials in processes of their own: whatever memory a framework keeps is given back after each.

The worker goes on renewing the lease and writing to the store; the process gets the trial, and
sends its epochs back. A process that dies is a crash, which costs the trial an attempt.
"""

import logging
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.errors import SourceError
from alignsearch.workers.child import Child, Stopping, describe_exit
from alignsearch.workers.objectives import Finished, Link

LAST_LINES = 20
"""Lines of standard error that the error of a process names that died without a word."""

logger = logging.getLogger(__name__)


class ChildCrashedError(RuntimeError):
    """The trial's process raised an error or died; the message is its traceback, or how it died."""


@dataclass(frozen=True)
class Task:
    """The first message to a trial's process.

    Attributes:
        search: the search.
        trial: the trial.
        checkpoints: folder into which the attempt writes checkpoints; None if none are kept.
        resume_from: folders with checkpoints of earlier attempts, the latest last.
        path: folders that the worker searches for modules.
        objective: the objective, pickled by value; None for the one that the search names.
    """

    search: Search
    trial: Trial
    checkpoints: str | None
    resume_from: tuple[str, ...]
    path: tuple[str, ...]
    objective: bytes | None = None


def evaluate(search: Search, trial: Trial, link: Link, objective: bytes | None = None) -> Finished:
    """Evaluate an objective for the trial in a new process, and wait for its end.

    Args:
        search: the search.
        trial: the trial.
        link: callbacks and checkpoint folders of the attempt.
        objective: the objective, pickled by value; None for the one that the search names.

    Raises:
        SourceError: the objective can't be imported here.
        ConfigurationError: the objective refuses the trial.
        ChildCrashedError: the process raised another error, or died.
    """
    ours, theirs = Pipe()
    command = [
        *(sys.executable, "-P", "-m", "alignsearch.workers.trial_process"),
        str(theirs.fileno()),
    ]
    with ours, theirs, Child(command, pass_fds=[theirs.fileno()]) as child:
        theirs.close()
        task = Task(
            search,
            trial,
            link.checkpoints,
            tuple(link.resume_from),
            tuple(sys.path),
            objective,
        )
        # A process that has died before it reads its task is told of as any that dies.
        with suppress(OSError):
            ours.send(task)
        return _Served(child, ours, link).until_end()


class _Served:
    """The worker's side of the conversation with a trial's process."""

    def __init__(self, child: Child, connection: Connection, link: Link) -> None:
        self._child = child
        self._connection = connection
        self._link = link
        self._stopping = Stopping(child)
        self._closed = False
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def until_end(self) -> Finished:
        """Serve the process until it has finished."""
        while True:
            # The process has ended before its pipes are read: nothing is left then.
            code = self._child.exit_code()
            for line in self._child.lines(also=[] if self._closed else [self._connection]):
                self._show(*line)
            finished = self._serve_messages()
            if finished is not None:
                for line in self._child.lines(0.0):
                    self._show(*line)
                return finished
            if code is not None:
                return self._died(code)
            if self._link.should_stop():
                # It learns of that by its own question, which may come late or never.
                self._stopping.insist(politely=False)

    def _serve_messages(self) -> Finished | None:
        """Handle the messages that have come; return the last one's value, if it is the last."""
        while not self._closed and self._connection.poll():
            try:
                kind, *values = self._connection.recv()
            except (EOFError, OSError):
                # The process has died, perhaps within a message.
                self._closed = True
                return None
            finished = self._handle(kind, values)
            if finished is not None:
                return finished
        return None

    def _answer(self, value: object = None) -> None:
        # If the process has died meanwhile, its end is noticed by the next look at it.
        with suppress(OSError):
            self._connection.send(value)

    def _handle(self, kind: str, values: list[Any]) -> Finished | None:
        link = self._link
        match kind:
            case "epoch":
                link.on_epoch(values[0])
                self._answer()
            case "resume":
                link.on_resume(values[0])
                self._answer()
            case "warning":
                link.on_warning(values[0])
                self._answer()
            case "should_stop":
                self._answer(link.should_stop())
            case "log":
                logger.log(values[0], "%s", values[1])
            case "finished":
                finished: Finished = values[0]
                return finished
            case "refused":
                raise SourceError(values[0])
            case "failed":
                raise ConfigurationError(values[0])
            case "crashed":
                raise ChildCrashedError(values[0])
            case _:
                raise AssertionError(f"a trial's process sent {kind!r}")
        return None

    def _died(self, code: int) -> Finished:
        for line in self._child.rest():
            self._show(*line)
        if self._stopping.begun:
            return Finished(None)
        said = "\n".join(self._last)
        raise ChildCrashedError(f"{said}\n{_died_words(code)}" if said else _died_words(code))

    def _show(self, stream: str, line: str) -> None:
        if stream == "stderr":
            self._last.append(line)
        logger.info("%s", line)


def _died_words(code: int) -> str:
    return f"the trial's process {describe_exit(code)}"
