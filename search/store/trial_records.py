"""One trial's document: reading it, and changing it by compare-and-set."""

from typing import Any

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Trial
from alignsearch.search.documents.changes import as_stored
from alignsearch.search.documents.transitions import Transition
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.numbering import MARK, new_mark

_KNOWN_LIMIT = 1000
"""Names read to suggest one like an unknown name: for more the error would take too long."""


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

    def change(self, trial_id: str, transition: Transition) -> Trial | None:
        """Change the trial and return it, also if it had this change; None if it isn't allowed.

        Raises:
            UnknownNameError: there is no such trial.
        """
        done = self.mark(trial_id, transition)
        trial = self.get(trial_id)
        return trial if done or transition.applied(trial) else None

    def mark(self, trial_id: str, transition: Transition, *, durable: bool = True) -> bool:
        """Change the trial, with a mark for a number; return False if it isn't allowed."""
        return self._db.update(
            "trials",
            {"_id": trial_id, **transition.condition},
            as_marked_set(transition),
            durable=durable,
        )


def as_marked_set(transition: Transition) -> Record:
    """Return the update that makes the transition's changes, with a mark for a number."""
    return {"$set": {**as_stored(transition.changes), "seq": new_mark()}}


def decode(found: Record) -> Trial:
    """Read a trial's document; a trial without a number stands before all others."""
    seq: Any = found.get("seq")
    marked = isinstance(seq, int) and seq >= MARK
    return Trial.from_bson({**found, "seq": 0} if marked else found)
