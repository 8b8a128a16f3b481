"""Objectives that a driver's process ships to its workers, because no module has them.

A function of a notebook, a lambda or a closure is pickled by value in the process that drives the
search, and unpickled by each worker once. It lies in Ray's object store while that process lives,
and in no other store.
"""

import socket
from typing import Any, cast

import ray
from ray import cloudpickle

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search
from alignsearch.workers import sources


def pickled(objective: Any) -> bytes:
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
        self._known = ""

    def receive(self, search: Search, reference: "ray.ObjectRef") -> None:
        """Hand the search's objective to `sources`.

        Where it can't be unpickled, every trial fails for that.
        """
        key = reference.hex()
        if key != self._known:
            sources.hand(search, _unpickled(ray.get(reference)))
            self._known = key


def _unpickled(data: bytes) -> Any:
    try:
        return cloudpickle.loads(data)
    except Exception as error:
        why = (
            f"the objective can't be read on {socket.gethostname()}: {_said(error)}. A module that "
            "it imports has to be installed there, or to lie in the folder of the script"
        )

    def refuse(config: Any) -> float:
        raise ConfigurationError(why)

    return refuse


def _said(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
