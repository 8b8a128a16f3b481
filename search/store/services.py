"""Processes that drive all searches of a store: which of them live, also those without a search.

All are in one document, each under a hash of its owner. So a driver's role needs no right to delete
documents, and a reader needs no index.
"""

import hashlib

from alignsearch.search.documents.lease import expiry
from alignsearch.search.documents.presence import Presence
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.readable import Readable

_ALL = "all"
"""`_id` of the document."""


class Services:
    """The store's `serve` processes: those that live, and killed ones until the next one starts."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection
        self._readable = Readable("service")

    def join(self, owner: str, ttl: float) -> None:
        """Say that the process lives for `ttl` seconds, and forget those that have died."""
        now = self._db.now()
        known = self._all()
        mine = _key(owner)
        dead = [key for key, each in known.items() if not each.lives(now) and key != mine]
        presence = Presence(owner=owner, since=now, expires_at=expiry(now, ttl), seconds=ttl)
        changes: Record = {"$set": {mine: presence.to_bson()}}
        if dead:
            changes["$unset"] = dict.fromkeys(dead, "")
        self._db.update("services", {"_id": _ALL}, changes, upsert=True)

    def renew(self, owner: str, ttl: float) -> bool:
        """Say that the process lives for `ttl` seconds more; return False if it didn't join."""
        mine = _key(owner)
        until = expiry(self._db.now(), ttl)
        changes = {f"{mine}.expires_at": until, f"{mine}.seconds": ttl}
        there = {"_id": _ALL, f"{mine}.owner": {"$all": [owner]}}
        return self._db.update("services", there, {"$set": changes})

    def leave(self, owner: str) -> None:
        """Say that the process has ended; another time changes nothing."""
        self._db.update("services", {"_id": _ALL}, {"$unset": {_key(owner): ""}})

    def living(self) -> list[Presence]:
        """Return the processes that live, the oldest first."""
        now = self._db.now()
        living = [each for each in self._all().values() if each.lives(now)]
        return sorted(living, key=lambda it: it.since)

    def _all(self) -> dict[str, Presence]:
        found = self._db.find_one("services", {"_id": _ALL}) or {}
        entries = {key: value for key, value in found.items() if key != "_id"}
        read = {
            key: self._readable.one({"_id": key, **value}, Presence.from_bson)
            for key, value in entries.items()
            if isinstance(value, dict)
        }
        return {key: each for key, each in read.items() if each is not None}


def _key(owner: str) -> str:
    """Return the name of the owner's field: hosts' names have dots, which fields may not have."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
