"""What displays ask the store: often, about what has changed, and without changing anything.

The embedded server serves a condition on one search or trial from its index, but reads the whole
collection for a list of them with a range beside it, and a projection costs it more than it saves:
so each question here is about one search or trial and returns whole documents.
"""

from collections.abc import Collection
from datetime import datetime

from alignsearch.search.documents import AttemptLog, Event, LogLine, Search
from alignsearch.search.store.attempt_store import AttemptStore
from alignsearch.search.store.connection import Record


class ViewStore(AttemptStore):
    """Reading for displays, and the log that workers leave for them."""

    def searches_named(self, names: Collection[str]) -> list[Search]:
        """Return those of the searches that are there."""
        found = self._db.find("searches", {"_id": {"$in": sorted(names)}}) if names else []
        return [
            Search.from_bson({key: value for key, value in document.items() if key != "change"})
            for document in found
        ]

    def changed_records(self, search: str, after_seq: int, up_to: int) -> list[Record]:
        """Return the trials whose number lies in (after_seq, up_to], as they are stored.

        A reader that takes `up_to` from `last_change` and goes on from it misses nothing.
        """
        condition = {"search": search, "seq": {"$gt": after_seq, "$lte": up_to}}
        return self._db.find("trials", condition)

    def events_since(self, search: str, at: datetime) -> list[Event]:
        """Return what was done to the search at `at` or later, the oldest first."""
        found = self._db.find("events", {"search": search, "at": {"$gte": at}}, sort=["at"])
        return [Event.from_bson(document) for document in found]

    def epoch_records(self, trial_id: str) -> list[Record]:
        """Return what a trial's epochs measured, as it is stored, by attempt and epoch."""
        found = self._db.find("epochs", {"trial": trial_id})
        return sorted(found, key=lambda record: (record["attempt"], record["epoch"]))

    def record_log(self, trial_id: str, attempt: int, lines: Collection[LogLine]) -> None:
        """Keep an attempt's last log lines, in place of those that were kept before.

        They are acknowledged but not journaled: a crash of the store may cost the last of them.
        """
        kept = AttemptLog(trial=trial_id, attempt=attempt, lines=tuple(lines)).to_bson()
        key = kept.pop("_id")
        self._db.update("logs", {"_id": key}, {"$set": kept}, upsert=True, durable=False)

    def log(self, trial_id: str, attempt: int) -> tuple[LogLine, ...]:
        """Return the last log lines of an attempt; none if nothing was kept."""
        found = self._db.find_one("logs", {"_id": AttemptLog.key(trial_id, attempt)})
        return AttemptLog.from_bson(found).lines if found else ()
