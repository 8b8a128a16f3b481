"""Deletion of whole searches, which goes on where it was broken off."""

import secrets

from alignsearch.search.documents import Search
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.places import Places
from alignsearch.search.store.whole import check_rights, decode_search, delete_trials, event, hide


class Deletions:
    """Deletes searches with everything that the store has of them.

    First the search's counter notes the deletion, with the search as it was. Then the search's own
    document goes, and no reader finds the search any more. Then go all others, the counter last. A
    deletion that was broken off goes on from the counter's note.
    """

    def __init__(self, connection: StoreConnection, places: Places) -> None:
        self._db = connection
        self._places = places

    def begun(self, name: str) -> Search | None:
        """Return the search as it was, if its deletion was broken off; None if none was."""
        note = self._note(name)
        if note is None or self._db.find_one("searches", {"_id": name}) is not None:
            return None
        return decode_search(note["search"], self._places.place)

    def unfinished(self) -> list[str]:
        """Return the names of all searches whose deletion was broken off."""
        # No index has the notes, and there is one counter a search.
        found = self._db.find("counters", {}, fields=["delete.who"])
        noted = [each["_id"] for each in found if each.get("delete")]
        return [name for name in noted if self.begun(name) is not None]

    def trials(self, name: str) -> int:
        """Return the number of trials that the store has of the search, readable or not."""
        return len(self._db.find("trials", {"search": name}, fields=["_id"]))

    def begin(self, name: str, who: str) -> bool:
        """Hide the search from all readers, and note that `who` deletes it.

        Return False if a driver has it, or if it was changed meanwhile: then nothing is deleted.

        Raises:
            StoreRefusedError: this user may not delete.
        """
        check_rights(self._db)
        search = self._db.find_one("searches", {"_id": name})
        if search is None:
            return False
        note: Record = {"search": search, "who": who, "event": secrets.token_hex(12)}
        # A counter that is missing, as in a damaged store, is made for the note.
        made = self._db.insert("counters", {"_id": name, "seq": 0, "delete": note})
        if not made:
            self._db.update("counters", {"_id": name}, {"$set": {"delete": note}})
        if hide(self._db, search) or self._db.find_one("searches", {"_id": name}) is None:
            return True
        self._forget(name, made=made)
        return False

    def _forget(self, name: str, *, made: bool) -> None:
        if made:
            self._db.delete("counters", {"_id": name})
        else:
            self._db.update("counters", {"_id": name}, {"$set": {"delete": None}})

    def finish(self, name: str) -> int:
        """Delete everything else of a hidden search; return the number of its trials.

        One event stays, which says who deleted what.
        """
        note = self._note(name)
        if note is None:
            return 0
        counted = note.get("trials")
        if counted is None:
            counted = self.trials(name)
        self._db.update("counters", {"_id": name}, {"$set": {"delete.trials": counted}})
        delete_trials(self._db, name)
        self._db.delete("events", {"search": name})
        detail = "1 trial" if counted == 1 else f"{counted} trials"
        done = event(note["event"], name, self._db.now(), note["who"], "deleted", detail)
        self._db.insert("events", done)
        self._db.delete("counters", {"_id": name})
        return int(counted)

    def _note(self, name: str) -> Record | None:
        counter = self._db.find_one("counters", {"_id": name})
        note: Record | None = None if counter is None else counter.get("delete")
        return note
