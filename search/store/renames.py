"""Renaming of whole searches: copies under the new name, then deletion, never both to be seen.

1. The new name's counter is inserted, which reserves the name, and the old one's notes the rename.
2. Trials, epochs, log lines and points are copied, with ids of the new name.
3. The new search's own document is noted on its counter, and the old search's own is deleted, if no
   driver has it. From here on no reader finds either.
4. Documents that were changed since are copied again, events change their search, and the new
   search's own document is inserted, which shows all of it.
5. Searches that start from the results know the new name, and what is left of the old one is
   deleted, its counter last.

A rename that was broken off goes on from the counters' notes.
"""

import secrets

from alignsearch.search.documents import Search
from alignsearch.search.documents.checkpoint_names import folder_name, old_name
from alignsearch.search.documents.errors import (
    NameTakenError,
    StateConflictError,
    StoreCorruptedError,
)
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.places import Places
from alignsearch.search.store.whole import (
    batches,
    check_rights,
    decode_search,
    delete_trials,
    event,
    hide,
    points_of,
    renamed,
)


class Renames:
    """Renames searches, in steps that are each safe to repeat."""

    def __init__(self, connection: StoreConnection, places: Places) -> None:
        self._db = connection
        self._places = places

    def begun(self, name: str) -> str | None:
        """Return the new name of a search whose renaming was broken off; None if none was."""
        note = self._counter(name).get("rename")
        return None if note is None else str(note)

    def source(self, name: str) -> str | None:
        """Return the old name, if what is left of the old search is not deleted yet."""
        old = self._counter(name).get("copy_of")
        return None if old is None or self.begun(old) != name else str(old)

    def unfinished(self) -> list[tuple[str, str]]:
        """Return the old and the new names of all renamings that were broken off."""
        # No index has the notes, and there is one counter a search.
        found = self._db.find("counters", {}, fields=["rename"])
        return [(each["_id"], each["rename"]) for each in found if each.get("rename")]

    def is_hidden(self, name: str) -> bool:
        """Return whether no reader finds the search any more by this name."""
        return self._db.find_one("searches", {"_id": name}) is None

    def reserve(self, old: str, new: str) -> None:
        """Reserve the new name, and note the rename on the old one.

        Raises:
            NameTakenError: another search has the new name, or is being made with it.
            StateConflictError: the search is being renamed otherwise.
            StoreRefusedError: this user may not delete.
        """
        check_rights(self._db)
        if not self._counter(old):
            raise StoreCorruptedError(
                f"search {old!r} can't be renamed: its counter was deleted by hand"
            )
        ids = {"from": secrets.token_hex(12), "to": secrets.token_hex(12)}
        counter = {"_id": new, "seq": 0, "copy_of": old, "events": ids}
        taken = self._db.find_one("searches", {"_id": new}) is not None
        if taken or not self._db.insert("counters", counter):
            held = self._counter(new)
            if taken or held.get("copy_of") != old:
                raise NameTakenError(
                    f"there is a search named {new!r}, or one is being made: choose another name"
                )
        other = {"_id": old, "$or": [{"rename": None}, {"rename": new}]}
        if not self._db.update("counters", other, {"$set": {"rename": new}}):
            self._db.delete("counters", {"_id": new, "copy_of": old})
            raise StateConflictError(
                f"search {old!r} is being renamed to {self.begun(old)!r}: finish that first, by "
                "the same command again"
            )

    def copy(self, old: str, new: str) -> None:
        """Copy the trials that have no copy yet or changed since, and all points."""
        copies = {each["_id"]: each["seq"] for each in self._db.find("trials", {"search": new})}
        for trial in self._db.find("trials", {"search": old}):
            copied = renamed("trials", trial, old, new)
            if copies.get(copied["_id"]) != trial["seq"]:
                self._copy_trial(trial, copied, old, new)
        for page in points_of(self._db, old):
            self._db.insert_each("points", [renamed("points", each, old, new) for each in page])

    def _copy_trial(self, trial: Record, copied: Record, old: str, new: str) -> None:
        """Copy a trial after what belongs to it, so that a trial that is there is whole."""
        epochs = self._db.find("epochs", {"trial": trial["_id"]})
        for batch in batches([renamed("epochs", epoch, old, new) for epoch in epochs]):
            self._db.insert_each("epochs", batch)
        for number in trial["attempts"]:
            log = self._db.find_one("logs", {"_id": f"{trial['_id']}/{number}"})
            if log is not None:
                self._replace("logs", renamed("logs", log, old, new))
        self._replace("trials", copied)

    def _replace(self, collection: str, document: Record) -> None:
        self._db.delete(collection, {"_id": document["_id"]})
        self._db.insert(collection, document)

    def switch(self, old: str, new: str) -> bool:
        """Hide the old search, whose document the new name's counter has then.

        Return False if a driver has it, or if it was changed meanwhile.
        """
        search = self._db.find_one("searches", {"_id": old})
        if search is None:
            return True
        decoded = decode_search(search, self._places.place)
        before = [] if decoded.token else [old_name(decoded)]
        made = {
            **renamed("searches", search, old, new),
            # The checkpoints stay where they are.
            "checkpoint_folder": None if decoded.checkpoints is None else folder_name(decoded),
            "inherits": [*decoded.inherits, *before],
            "driver": None,
        }
        self._db.update("counters", {"_id": new}, {"$set": {"search": made}})
        return hide(self._db, search) or self.is_hidden(old)

    def undo(self, old: str, new: str) -> None:
        """Delete the copies of a search that is still to be found by its old name."""
        delete_trials(self._db, new)
        self._db.update("counters", {"_id": old, "rename": new}, {"$set": {"rename": None}})
        self._db.delete("counters", {"_id": new, "copy_of": old})

    def finish(self, old: str, new: str, who: str) -> Search:
        """Show the search by its new name, delete what is left of the old one, and return it."""
        kept = self._counter(new)
        made, ids = kept["search"], kept["events"]
        # Once it can be seen it may be driven, and its trials are newer than the old ones.
        if self.is_hidden(new):
            self.copy(old, new)
            self._move_events(old, new)
            said = event(ids["from"], new, self._db.now(), who, "renamed", f"from {old}")
            self._db.insert("events", said)
            last = self._counter(old).get("seq", 0)
            self._db.update("counters", {"_id": new}, {"$set": {"seq": last}})
            self._db.insert("searches", made)
        for each in self._db.find("searches", {}, fields=["warm_start"]):
            start = each.get("warm_start")
            if start is not None and start["search"] == old:
                changes = {"$set": {"warm_start.search": new}}
                self._db.update("searches", {"_id": each["_id"]}, changes)
        delete_trials(self._db, old)
        said = event(ids["to"], old, self._db.now(), who, "renamed", f"to {new}")
        self._db.insert("events", said)
        self._db.delete("counters", {"_id": old})
        free = {"copy_of": None, "search": None, "events": None}
        self._db.update("counters", {"_id": new}, {"$set": free})
        return decode_search(made, self._places.place)

    def _move_events(self, old: str, new: str) -> None:
        found = self._db.find("events", {"search": old}, fields=["_id"])
        for batch in batches(found):
            self._db.update_each(
                "events", [({"_id": each["_id"]}, {"$set": {"search": new}}) for each in batch]
            )

    def _counter(self, name: str) -> Record:
        return self._db.find_one("counters", {"_id": name}) or {}
