"""Objectives that a driver's process ships to its workers, because no module has them.

A function of a notebook, a lambda or a closure is pickled by value in the process that drives the
search, and unpickled by each worker once. It lies in Ray's object store while that process lives,
and in no other store.
"""

import socket
from functools import partial
from typing import cast

import ray
from ray import cloudpickle

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import NoRoomError, SourceError
from alignsearch.workers import own_process
from alignsearch.workers.objectives import Objective
from alignsearch.workers.room import lacks_room


def pickled(objective: Objective) -> bytes:
    """Return the objective as bytes, with all that it refers to.

    Raises:
        ConfigurationError: it refers to something that can't leave this process.
    """
    try:
        return cast(bytes, cloudpickle.dumps(objective))
    except Exception as error:
        raise ConfigurationError(
            f"the objective can't be sent to workers: {_said(error)}. It refers to something that "
            "belongs to this process, like an open file, a lock or a connection: make that inside "
            "of the function"
        ) from error


class Shipped:
    """The objective that a worker's process was sent, unpickled whenever another one is sent."""

    def __init__(self) -> None:
        self._known: tuple[str, Objective] | None = None

    def objective(self, search: Search, reference: "ray.ObjectRef") -> Objective:
        """Return the objective of the search.

        Raises:
            SourceError: it can't be unpickled here.
            NoRoomError: it can't be unpickled now, for lack of memory or disk.
        """
        key = reference.hex()
        if self._known is None or self._known[0] != key:
            self._known = key, _received(search, ray.get(reference))
        return self._known[1]


def _received(search: Search, data: bytes) -> Objective:
    if search.definition is not None and search.definition.objective.own_process:
        return partial(own_process.evaluate, objective=data)
    try:
        return cast(Objective, cloudpickle.loads(data))
    except Exception as error:
        if lacks_room(error):
            raise NoRoomError(
                f"the objective of search {search.name!r} can't be read on "
                f"{socket.gethostname()}, which is short of memory, disk or open files: "
                f"{_said(error)}"
            ) from error
        raise SourceError(
            f"the objective of search {search.name!r} can't be read on {socket.gethostname()}: "
            f"{_said(error)}. A module that it imports has to be installed there, or to lie in the "
            "folder of the script"
        ) from error


def _said(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
