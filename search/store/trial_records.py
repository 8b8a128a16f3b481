"""One trial's document: reading it, and changing it by compare-and-set."""

from collections.abc import Callable
from typing import Any

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Trial
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.numbering import MARK, new_mark

_KNOWN_LIMIT = 1000
"""Names that an error considers as neighbours of an unknown one."""


class TrialRecords:
    """The collection of trials, as the store's parts for trials and for attempts use it."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection

    def get(self, trial: str, tid: int | None = None) -> Trial:
        """Return a trial by its id, or by its search's name and its tid.

        Raises:
            UnknownNameError: there is none.
        """
        trial_id = trial if tid is None else Trial.key(trial, tid)
        found = self._db.find_one("trials", {"_id": trial_id})
        if found is not None:
            return decode(found)
        if tid is None:
            ids = self._db.find("trials", {}, limit=_KNOWN_LIMIT, fields=["_id"])
            raise UnknownNameError("trial", trial, (d["_id"] for d in ids))
        tids = self._db.find("trials", {"search": trial}, limit=_KNOWN_LIMIT, fields=["tid"])
        raise UnknownNameError(
            f"trial of search {trial!r}", str(tid), (str(d["tid"]) for d in tids)
        )

    def change(
        self,
        trial_id: str,
        condition: Record,
        changes: Record,
        applied: Callable[[Trial], bool],
    ) -> Trial | None:
        """Compare and set; return the trial, or None if the condition doesn't hold.

        applied: tells from the stored trial whether this very change is in it already, as after
            a write that was sent twice.

        Raises:
            UnknownNameError: there is no such trial.
        """
        done = self.mark(trial_id, condition, changes)
        trial = self.get(trial_id)
        return trial if done or applied(trial) else None

    def mark(
        self, trial_id: str, condition: Record, changes: Record, *, durable: bool = True
    ) -> bool:
        """Compare and set, with a mark for a number; return False if the condition doesn't hold."""
        marked = {"$set": {**changes, "seq": new_mark()}}
        return self._db.update("trials", {"_id": trial_id, **condition}, marked, durable=durable)


def decode(found: Record) -> Trial:
    """Read a trial's document; a trial without a number stands before all others."""
    seq: Any = found.get("seq")
    marked = isinstance(seq, int) and seq >= MARK
    return Trial.from_bson({**found, "seq": 0} if marked else found)
