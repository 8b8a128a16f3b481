"""The id by which a store is told from every other one, a copy of itself included.

A copy of a whole store (a restored backup, a folder that was copied) has the original's documents,
its id among them. So beside the id stands where the store was last seen: the folder of an embedded
store, or the members of a replica set. A store that is found in quite another place is a copy, and
draws a new id. A single MongoDB that is no replica set doesn't know its place: its copy is taken
for the original.
"""

import logging
import os
import secrets
import socket
from collections.abc import Collection
from pathlib import Path
from typing import Any

from alignsearch.search.documents.errors import StoreRefusedError
from alignsearch.search.documents.identity import Place
from alignsearch.search.store.connection import STORE_ID, Record, StoreConnection, new_store

REMEDY = (
    "run `alignsearch store roles --apply` once with an administrator's URI, which gives it one"
)


logger = logging.getLogger(__name__)


class Places:
    """The place of one connection's store, read once."""

    def __init__(self, connection: StoreConnection) -> None:
        """Prepare; nothing is read yet."""
        self._db = connection
        self._place: Place | None = None

    @property
    def place(self) -> Place:
        """The store's id and database.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        if self._place is None:
            self._place = self.settle()
        return self._place

    def settle(self) -> Place:
        """Return the place; draw an id for a store without one, and for a copy."""
        found = self._read()
        members = self._db.members()
        if found is not None and not _is_id(found):
            return self._damaged(found)
        try:
            if found is None:
                self._db.insert("meta", new_store(members))
                found = self._read()
            elif members and not set(members) <= set(found["members"]):
                moved = bool(found["members"]) and set(members).isdisjoint(found["members"])
                found = self._note(found, {"members": list(members)}, is_copy=moved)
        except StoreRefusedError:
            if found is None:
                return Place("", self._db.database, problem=self._problem("has no id yet"))
            if set(members).isdisjoint(found["members"]) and found["members"]:
                was = ", ".join(found["members"])
                return Place(
                    found["id"],
                    self._db.database,
                    problem=self._problem(f"is a copy of one that was at {was}, and has its id"),
                )
        return self._place_of(found)

    def note_folder(self, folder: Path) -> None:
        """Note that the embedded store's data are in this folder; draw an id if it is a copy's.

        It is the same folder if path and host are the same, as after a restore, or if it is the
        same one of the file system, as after a move.
        """
        found = self._read()
        here = {"at": f"{socket.gethostname()}:{folder}", "inode": os.stat(folder).st_ino}
        if found is None or not _is_id(found) or found.get("folder") == here:
            return
        before = found.get("folder")
        moved = before is not None and all(before[key] != here[key] for key in here)
        self._place = self._place_of(self._note(found, {"folder": here}, is_copy=moved))

    def _note(self, found: Record, where: Record, *, is_copy: bool) -> Record | None:
        """Note where the store is; draw a new id for a copy, unless another process just did."""
        changes = dict(where)
        if is_copy:
            changes |= {"id": secrets.token_hex(8), "earlier": [*found["earlier"], found["id"]]}
        self._db.update("meta", {"_id": STORE_ID, "id": found["id"]}, {"$set": changes})
        return self._read()

    def _read(self) -> Record | None:
        """Return the store's document of its id; a damaged field other than the id is empty."""
        found = self._db.find_one("meta", {"_id": STORE_ID})
        if found is None:
            return None
        for field in ("members", "earlier"):
            if not _is_texts(found.get(field)):
                logger.warning("of the store's id in meta, %s is damaged and left out", field)
                found[field] = []
        folder = found.get("folder")
        if folder is not None and not (isinstance(folder, dict) and {"at", "inode"} <= set(folder)):
            found["folder"] = None
        return found

    def _place_of(self, found: Any) -> Place:
        if not _is_id(found):
            return self._damaged(found)
        earlier: Collection[str] = found["earlier"]
        return Place(found["id"], self._db.database, tuple(earlier))

    def _damaged(self, found: Record) -> Place:
        """Return the place of a store whose id can't be read: it is shown, and not driven."""
        problem = (
            f"the id of the store {self._db.uri_for_people} can't be read: it is "
            f"{found.get('id')!r}; put it right in the document 'store' of the collection meta (it "
            "is part of the names of this store's folders of checkpoints)"
        )
        logger.warning("%s", problem)
        return Place("", self._db.database, problem=problem)

    def _problem(self, what: str) -> str:
        return f"the store {self._db.uri_for_people} {what}, and this user may not change it: " + (
            REMEDY
        )


def _is_id(found: Record) -> bool:
    return isinstance(found.get("id"), str) and bool(found["id"])


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
