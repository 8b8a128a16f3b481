"""Whole searches as documents, read out of a store and written into another."""

import secrets
from collections.abc import Iterator, Sequence
from operator import itemgetter

from bson.objectid import ObjectId

from alignsearch.search.documents.errors import NameTakenError, StoreCorruptedError
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.points import Points
from alignsearch.search.store.whole import derived_id, event, log_ids

TOKEN_DIGITS = 16
"""Hexadecimal digits of a search's creation token."""


class Copies:
    """Whole searches as documents, which `alignsearch dump` reads and `load` writes."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection

    def documents(self, name: str) -> Iterator[tuple[str, Record]]:
        """Yield the search's documents with their collections; nothing if there is no search.

        The search comes first and its counter last, so no trial has a number beyond the counter's.
        A search that goes on meanwhile is read as it was when its trials were read: epochs that
        came later are left out, and so are events. Log lines may be later.

        Raises:
            StoreCorruptedError: a document isn't one of its kind.
        """
        try:
            yield from self._documents(name)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreCorruptedError(
                f"search {name!r} can't be copied: one of its documents in the store isn't of its "
                f"kind ({error!r}); it was changed by hand or by another program"
            ) from error

    def _documents(self, name: str) -> Iterator[tuple[str, Record]]:
        search = self._db.find_one("searches", {"_id": name})
        if search is None:
            return
        yield "searches", search
        until = self._db.now()
        trials = self._db.find("trials", {"search": name})
        trials.sort(key=itemgetter("tid"))
        yield from (("trials", trial) for trial in trials)
        for trial in trials:
            epochs = self._db.find("epochs", {"trial": trial["_id"]}, sort=["attempt", "epoch"])
            yield from (("epochs", epoch) for epoch in epochs if _had_epoch(trial, epoch))
            for log_id in log_ids(trial):
                log = self._db.find_one("logs", {"_id": log_id})
                if log is not None:
                    yield "logs", log
        # A trial can be of a point that was given after the search was read.
        used = [trial["origin"]["number"] for trial in trials if trial.get("origin")]
        end = max([search.get("enqueued") or 0, *(n + 1 for n in used if n is not None)])
        yield from (("points", point) for point in Points(self._db).records(name, 0, end))
        events = self._db.find("events", {"search": name}, sort=["at"])
        yield from (("events", event) for event in events if event["at"] <= until)
        counter = self._db.find_one("counters", {"_id": name})
        if counter is not None:
            # Its other fields belong to this store alone, or follow from the trials.
            yield "counters", {key: counter[key] for key in ("_id", "seq")}

    def begin_load(self, counter: Record, load: str) -> str:
        """Reserve the name of the counter's search; `load` identifies the file.

        A load of the same file that was broken off left the same reservation, and goes on. Return
        24 hexadecimal digits that this copy alone has.

        load: identifies the file.

        Raises:
            NameTakenError: a search has this name, or another load has begun with it.
        """
        name = counter["_id"]
        if self._db.find_one("searches", {"_id": name}) is not None:
            raise NameTakenError(
                f"there is a search named {name!r} already: load it into another --store, or under "
                "another name with --as"
            )
        copy = secrets.token_hex(12)
        if self._db.insert("counters", {**counter, "load": load, "copy": copy}):
            return copy
        reserved = self._db.find_one("counters", {"_id": name})
        if reserved is None or reserved.get("load") != load:
            raise NameTakenError(
                f"the name {name!r} is taken by a search that is being made, or by another "
                "file whose load was broken off: load that one again, or choose another name "
                "with --as"
            )
        # A load that an older version began has none.
        self._db.update("counters", {"_id": name, "copy": None}, {"$set": {"copy": copy}})
        found: str = (self._db.find_one("counters", {"_id": name}) or {}).get("copy", copy)
        return found

    def load_each(self, collection: str, documents: Sequence[Record], copy: str) -> None:
        """Insert documents of a reserved name, except those that an earlier try inserted."""
        refused = self._db.insert_each(collection, documents)
        if collection != "events" or not refused:
            return
        # Their original is in this store, too, and its events have these ids.
        ids = [event["_id"] for event in refused]
        name = refused[0]["search"]
        there = self._db.find("events", {"_id": {"$in": ids}}, fields=["search"])
        others = {each["_id"] for each in there if each["search"] != name}
        again = [
            {**event, "_id": ObjectId(derived_id(copy, str(event["_id"])))}
            for event in refused
            if event["_id"] in others
        ]
        if again:
            self._db.insert_each("events", again)

    def note_load(self, name: str, copy: str, who: str, detail: str) -> None:
        """Add an event that `who` has loaded the search, once for each copy."""
        identity = derived_id(copy, "loaded")
        self._db.insert("events", event(identity, name, self._db.now(), who, "loaded", detail))

    def finish_load(self, search: Record, copy: str, folders: Sequence[str] = ()) -> None:
        """Insert the search itself; before it, no reader sees its trials.

        folders: names of the checkpoint folders of its originals, which it may read.

        Raises:
            NameTakenError: another load of it was quicker.
        """
        # A copy's token is its own, so that nobody takes the copy for its original.
        own: Record = {
            "token": copy[:TOKEN_DIGITS],
            "inherits": [*folders],
            "checkpoint_folder": None,
            # Its original's webhook and tools are told of the original alone.
            "notify": None,
            "trackers": {},
        }
        search = {**search, **own}
        written = self._db.insert("searches", search)
        if not written and self._db.find_one("searches", {"_id": search["_id"]}) != search:
            raise NameTakenError(f"search {search['_id']!r} was loaded already")


def _had_epoch(trial: Record, epoch: Record) -> bool:
    """Return whether the trial had this epoch when it was read: progress is written first."""
    attempt = trial["attempt"]
    if epoch["attempt"] != attempt or trial.get("lease") is None:
        return bool(epoch["attempt"] <= attempt)
    progress = trial.get("progress")
    return progress is not None and bool(epoch["epoch"] <= progress["epoch"])
