"""Records that only grow: events of searches, epochs of trials, and log lines of attempts."""

import hashlib
from collections.abc import Collection
from datetime import datetime

from bson.objectid import ObjectId

from alignsearch.search.documents import AttemptLog, Epoch, Event, LogLine
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.readable import Readable


class Logs:
    """The store's events, epochs and attempts' log lines; unreadable ones are left out, logged."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection
        self._events = Readable("event")
        self._epochs = Readable("epoch")
        self._logs = Readable("log")

    def add_event(
        self, search: str, who: str, what: str, detail: str = "", *, once: str = ""
    ) -> None:
        """Note that `who` did `what` to the search now.

        once: identifies the event: of several with one such text, the search keeps the first. A
            command that is repeated because it was killed adds no second event by it.
        """
        event = Event(search=search, at=self._db.now(), who=who, what=what, detail=detail)
        document = event.to_bson()
        if once:
            digest = hashlib.sha256(f"{search}\n{what}\n{once}".encode()).digest()
            document["_id"] = ObjectId(digest[:12])
        self._db.insert("events", document)

    def events(self, search: str) -> list[Event]:
        """Return the search's events, the oldest first."""
        found = self._db.find("events", {"search": search}, sort=["at"])
        return self._events.of(found, Event.from_bson)

    def events_since(self, search: str, at: datetime) -> list[Event]:
        """Return the search's events at `at` or later, the oldest first."""
        found = self._db.find("events", {"search": search, "at": {"$gte": at}}, sort=["at"])
        return self._events.of(found, Event.from_bson)

    def epochs(self, trial_id: str, attempt: int | None = None) -> list[Epoch]:
        """Return the trial's epochs, or those of one attempt, by attempt and epoch."""
        condition: Record = {"trial": trial_id}
        if attempt is not None:
            condition["attempt"] = attempt
        found = self._db.find("epochs", condition, sort=["attempt", "epoch"])
        return self._epochs.of(found, Epoch.from_bson)

    def epoch_records(self, trial_id: str) -> list[Record]:
        """Return the trial's epochs as they are stored, by attempt and epoch."""
        found = self._db.find("epochs", {"trial": trial_id})
        readable = self._epochs.of(found, _checked_epoch)
        return sorted(readable, key=lambda record: (record["attempt"], record["epoch"]))

    def count_epochs(self, trial_id: str) -> int:
        """Return how many epochs are recorded of the trial, of all its attempts."""
        stages: list[Record] = [
            {"$match": {"trial": trial_id}},
            {"$group": {"_id": None, "n": {"$sum": 1}}},
        ]
        return sum(group["n"] for group in self._db.aggregate("epochs", stages))

    def drop_epochs(self, trial_id: str) -> None:
        """Delete the trial's epochs and its attempts' log lines; the trial itself stays."""
        trial = self._db.find_one("trials", {"_id": trial_id})
        for number in trial["attempts"] if trial else ():
            self._db.delete("logs", {"_id": AttemptLog.key(trial_id, number)})
        self._db.delete("epochs", {"trial": trial_id})

    def record_lines(self, trial_id: str, attempt: int, lines: Collection[LogLine]) -> None:
        """Store an attempt's last log lines, in place of those that were stored before.

        They are acknowledged but not journaled: a crash of the store may cost the last of them.
        """
        kept = AttemptLog(trial=trial_id, attempt=attempt, lines=tuple(lines)).to_bson()
        key = kept.pop("_id")
        self._db.update("logs", {"_id": key}, {"$set": kept}, upsert=True, durable=False)

    def lines(self, trial_id: str, attempt: int) -> tuple[LogLine, ...]:
        """Return an attempt's last log lines; none if none were recorded."""
        found = self._db.find_one("logs", {"_id": AttemptLog.key(trial_id, attempt)})
        log = self._logs.one(found, AttemptLog.from_bson) if found else None
        return log.lines if log else ()


def _checked_epoch(found: Record) -> Record:
    # Layers are many, and few readers of undecoded epochs look at them.
    Epoch.from_bson({**found, "layers": (), "weight_samples": ()})
    return found
