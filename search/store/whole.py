"""All documents of one search: where they lie, and how they are those of another name.

Ids carry the search's name: a trial's is NAME/TID, an epoch's NAME/TID/ATTEMPT/EPOCH. So a search
gets another name by new documents, and its events alone are changed in place.
"""

import hashlib
import itertools
from collections.abc import Iterator, Sequence

from bson.objectid import ObjectId

from alignsearch.search.documents import Search
from alignsearch.search.documents.identity import Place
from alignsearch.search.documents.lease import DRIVER_LEASE
from alignsearch.search.store.connection import Record, StoreConnection

BATCH = 1000
"""Documents inserted by one command, and held in memory for it."""

POINTS_AT_ONCE = 500
"""Ids in one query: points are found by their ids alone."""
OF_SEARCH = ("trials", "points")
"""Collections whose documents belong to a search, by the field `search`; events do as well."""

HOLDS = {
    "load": "is being loaded, or was",
    "copy_of": "is being given to another search",
    "rename": "is being given up for another one",
    "delete": "is being deleted",
}
"""Fields of a counter by which its name is held, and what they mean for a new search."""


def renamed(collection: str, document: Record, old: str, new: str) -> Record:
    """Return a document of the search `old` as the search `new` has it."""
    if collection == "searches":
        return {**document, "_id": new}
    if collection == "events":
        return {**document, "search": new}
    key = new + document["_id"].removeprefix(old)
    if collection in OF_SEARCH:
        return {**document, "_id": key, "search": new}
    return {**document, "_id": key, "trial": new + document["trial"].removeprefix(old)}


def batches(documents: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Yield the documents in parts that one command can take."""
    for first in range(0, len(documents), BATCH):
        yield documents[first : first + BATCH]


def check_rights(db: StoreConnection) -> None:
    """Delete nothing, to learn whether this user may delete, before anything is written.

    Raises:
        StoreRefusedError: this user may not.
    """
    db.delete("searches", {"_id": ""})


def hide(db: StoreConnection, search: Record) -> bool:
    """Delete a search's own document, as it was read, if no driver holds it.

    Without it no reader finds what the store has of the search. Return False if it was changed
    since, if a driver has it, or if it is gone.
    """
    # A driver's lease is renewed without changing these two.
    unchanged = {key: search.get(key) for key in ("_id", "change", "updated_at")}
    return db.delete("searches", {**unchanged, **DRIVER_LEASE.free(db.now())}) > 0


def decode_search(record: Record, place: Place) -> Search:
    """Return the search of a stored record, which has besides the token of its last change."""
    found = Search.from_bson({key: each for key, each in record.items() if key != "change"})
    return found.model_copy(update={"place": place})


def points_of(db: StoreConnection, name: str) -> Iterator[list[Record]]:
    """Yield the points that people gave to the search, by number, a page at a time."""
    for first in itertools.count(0, POINTS_AT_ONCE):
        ids = [f"{name}/{number}" for number in range(first, first + POINTS_AT_ONCE)]
        found = db.find("points", {"_id": {"$in": ids}})
        if not found:
            return
        yield found


def delete_trials(db: StoreConnection, name: str) -> None:
    """Delete the search's trials with all that belongs to them, and its points."""
    for trial in db.find("trials", {"search": name}):
        delete_trial(db, trial)
    for page in points_of(db, name):
        # The last one goes last: the next call finds those that an interrupted one left.
        for point in sorted(page, key=lambda each: -each["number"]):
            db.delete("points", {"_id": point["_id"]})


def delete_trial(db: StoreConnection, trial: Record) -> None:
    """Delete a trial with its epochs and its attempts' log lines, the trial last."""
    db.delete("epochs", {"trial": trial["_id"]})
    for log in log_ids(trial):
        db.delete("logs", {"_id": log})
    db.delete("trials", {"_id": trial["_id"]})


def log_ids(trial: Record) -> list[str]:
    """Return the ids of the log lines of a trial's attempts; none if these are damaged."""
    attempts = trial.get("attempts")
    return [f"{trial['_id']}/{number}" for number in attempts] if isinstance(attempts, dict) else []


def event(identity: str, search: str, at: object, who: str, what: str, detail: str) -> Record:
    """Return an event with an id of its own: inserted again, it is the same event.

    identity: 24 hexadecimal digits.
    """
    return {
        "_id": ObjectId(identity),
        "search": search,
        "at": at,
        "who": who,
        "what": what,
        "detail": detail,
    }


def derived_id(copy: str, what: str) -> str:
    """Return 24 hexadecimal digits that follow from those of a copy and from what is copied."""
    return hashlib.sha256(f"{copy} {what}".encode()).hexdigest()[:24]
