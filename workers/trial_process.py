"""The process of one trial: `python -P -m alignsearch.workers.trial_process DESCRIPTOR`.

`own_process` starts it. It writes to no store: whatever it records goes through the worker.
"""

import logging
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle

from alignment_core.errors import AlignSearchError
from alignsearch.search.attempts.logs import OUR_PACKAGES
from alignsearch.search.documents import Epoch
from alignsearch.search.documents.errors import NoRoomError, SourceError
from alignsearch.workers.objectives import OBJECTIVES, Link, Objective, objective_name
from alignsearch.workers.own_process import Task
from alignsearch.workers.room import lacks_room


class _Worker:
    """The worker at the connection's other end; threads of the objective may use it at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._hold = threading.Lock()

    def tell(self, kind: str, *values: Any) -> None:
        """Send a message that has no answer."""
        with self._hold:
            self._connection.send((kind, *values))

    def ask(self, kind: str, *values: Any) -> Any:
        """Send a message and return the worker's answer."""
        with self._hold:
            self._connection.send((kind, *values))
            return self._connection.recv()

    def link(self, task: Task) -> Link:
        """Return the callbacks of the attempt, which the worker runs."""

        def epoch(each: Epoch) -> None:
            self.ask("epoch", each)

        def resume(epochs: Sequence[Epoch]) -> None:
            self.ask("resume", list(epochs))

        def warning(text: str) -> None:
            self.ask("warning", text)

        def should_stop() -> bool:
            return bool(self.ask("should_stop"))

        return Link(epoch, resume, warning, should_stop, task.checkpoints, task.resume_from)


class _ToWorker(logging.Handler):
    """Sends log lines to the worker, whose log of the attempt they belong to."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__(logging.INFO)
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        self._worker.tell("log", record.levelno, record.getMessage())


def main() -> None:
    """Evaluate the trial that the worker sends, and send what came of it."""
    connection: Connection = Connection(int(sys.argv[1]))
    task: Task = connection.recv()
    sys.path.extend(each for each in task.path if each not in sys.path)
    worker = _Worker(connection)
    logging.getLogger().addHandler(_ToWorker(worker))
    for package in OUR_PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO)
    try:
        finished = _objective(task)(task.search, task.trial, worker.link(task))
    except SourceError as error:
        worker.tell("refused", str(error))
    except NoRoomError as error:
        worker.tell("crashed", str(error))
    except AlignSearchError as error:
        worker.tell("failed", str(error))
    except BaseException:
        worker.tell("crashed", traceback.format_exc())
    else:
        sys.stdout.flush()
        worker.tell("finished", finished)


def _objective(task: Task) -> Objective:
    if task.objective is None:
        return OBJECTIVES[objective_name(task.search)].load()
    try:
        shipped: Objective = cloudpickle.loads(task.objective)
    except Exception as error:
        last = traceback.format_exception_only(error)[-1].strip()
        kind = NoRoomError if lacks_room(error) else SourceError
        raise kind(
            f"the objective of search {task.search.name!r} can't be read on "
            f"{socket.gethostname()}: {last}"
        ) from error
    return shipped


if __name__ == "__main__":
    main()
