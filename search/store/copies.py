"""Whole searches out of a store and into one, as the documents that they are made of."""

from collections.abc import Iterator, Sequence
from operator import itemgetter

from alignsearch.search.documents.errors import NameTakenError
from alignsearch.search.store.connection import Record, StoreConnection


class Copies:
    """Whole searches as documents, which `alignsearch dump` reads and `load` writes."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection

    def documents(self, name: str) -> Iterator[tuple[str, Record]]:
        """Yield the search's documents with their collections; nothing if there is no search.

        The search first and its counter last: no trial has a number beyond that. Of a search that
        goes on meanwhile, all but logs is of the moment at which its trials are read: of epochs,
        those that a trial had told by then, of events those from before.
        """
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
            yield from (("epochs", epoch) for epoch in epochs if _told(trial, epoch))
            for number in trial["attempts"]:
                log = self._db.find_one("logs", {"_id": f"{trial['_id']}/{number}"})
                if log is not None:
                    yield "logs", log
        events = self._db.find("events", {"search": name}, sort=["at"])
        yield from (("events", event) for event in events if event["at"] <= until)
        counter = self._db.find_one("counters", {"_id": name})
        if counter is not None:
            # What else is there is of this store alone, or follows from the trials.
            yield "counters", {key: counter[key] for key in ("_id", "seq")}

    def begin_load(self, counter: Record, load: str) -> None:
        """Reserve the name that the counter is for; `load` tells one file's loads from others'.

        A load that was broken off has left the same reservation, and goes on.

        Raises:
            NameTakenError: a search has this name, or another load has begun with it.
        """
        name = counter["_id"]
        if self._db.find_one("searches", {"_id": name}) is not None:
            raise NameTakenError(
                f"there is a search named {name!r} already: load it into another --store"
            )
        if not self._db.insert("counters", {**counter, "load": load}):
            reserved = self._db.find_one("counters", {"_id": name})
            if reserved is None or reserved.get("load") != load:
                raise NameTakenError(
                    f"the name {name!r} is taken by a search that is being made, or by another "
                    "file whose load was broken off: load that one again, or use another --store"
                )

    def load_each(self, collection: str, documents: Sequence[Record]) -> None:
        """Write documents of a reserved name, except those that an earlier try has written."""
        self._db.insert_each(collection, documents)

    def finish_load(self, search: Record) -> None:
        """Write the search itself, with which all of it can be seen.

        Raises:
            NameTakenError: another load of it was quicker.
        """
        written = self._db.insert("searches", search)
        if not written and self._db.find_one("searches", {"_id": search["_id"]}) != search:
            raise NameTakenError(f"search {search['_id']!r} was loaded already")


def _told(trial: Record, epoch: Record) -> bool:
    """Whether the trial, as it was read, had come to this epoch: its progress is written first."""
    attempt = trial["attempt"]
    if epoch["attempt"] != attempt or trial["lease"] is None:
        return bool(epoch["attempt"] <= attempt)
    progress = trial["progress"]
    return progress is not None and bool(epoch["epoch"] <= progress["epoch"])
