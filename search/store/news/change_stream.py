"""The feed of a replica set: a change stream on one collection."""

import logging
import threading
from collections.abc import Mapping

from pymongo import errors

from alignment_core.errors import AlignSearchError
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.news.feed import Tell
from alignsearch.search.store.numbering import MARK

logger = logging.getLogger(__name__)

AWAIT_SECONDS = 1.0
"""Longest wait of one command for a change: a feed that is closed ends as late as that."""
RETRY_SECONDS = 2.0
"""Pause after a failure, during which everybody polls as if there were no stream."""

_CHANGED = "updateDescription.updatedFields"
_LASTING_CODES = {
    13: "this user's role lacks the right changeStream; `alignsearch store roles --apply` adds it",
    40573: "this server is no replica set",
}
"""Answers that another try wouldn't change."""

# Renewals of leases and times of driving are no news: they would wake everybody all the time.
NEWS: Mapping[str, Record] = {
    "searches": {
        "$or": [
            {"operationType": {"$ne": "update"}},
            {f"{_CHANGED}.change": {"$exists": True}},
            {f"{_CHANGED}.enqueued": {"$exists": True}},
            # A driver has given its lease up.
            {f"{_CHANGED}.driver": {"$type": "null"}},
        ]
    },
    # Each transition sets a mark for its number.
    "trials": {
        "$or": [
            {"operationType": {"$ne": "update"}},
            {f"{_CHANGED}.seq": {"$gte": MARK}},
        ]
    },
}
"""The changes of each collection that somebody waits for, as conditions on a stream's events."""


class ChangeStream:
    """Tells of what a change stream shows; where that fails, it begins anew after a pause.

    PyMongo resumes a stream by itself where it was, once, as after a failover. A stream that begins
    anew may have missed changes, so it tells then that any document may have changed.
    """

    def __init__(self, connection: StoreConnection, collection: str, tell: Tell) -> None:
        """Begin to follow the collection."""
        self._db = connection
        self._collection = collection
        self._tell = tell
        self._closed = threading.Event()
        threading.Thread(target=self._run, name=f"news of {collection}", daemon=True).start()

    def close(self) -> None:
        """End the thread, within `AWAIT_SECONDS`; nobody waits for that."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._follow()
            except AlignSearchError as error:
                if self._closed.is_set():
                    return
                code = getattr(error.__cause__, "code", None)
                if isinstance(error.__cause__, errors.OperationFailure) and code in _LASTING_CODES:
                    why = _LASTING_CODES[code]
                    logger.info("%s are polled for changes: %s", self._collection, why)
                    return
                logger.info("%s are polled meanwhile: %s", self._collection, error)
                self._closed.wait(RETRY_SECONDS)

    def _follow(self) -> None:
        news = NEWS[self._collection]
        with self._db.watch(self._collection, news, AWAIT_SECONDS) as next_change:
            self._tell(None)
            while not self._closed.is_set():
                event = next_change()
                if event is not None:
                    # Some events are of the whole collection.
                    key = event.get("documentKey", {}).get("_id")
                    self._tell(key if isinstance(key, str) else None)
