"""Leases in the store: taken, renewed and released by compare-and-set."""

import logging

from alignsearch.search.documents.changes import as_stored
from alignsearch.search.documents.lease import Lease, LeaseField
from alignsearch.search.store.connection import StoreConnection

logger = logging.getLogger(__name__)


class Leases:
    """The leases that one field of a collection's documents holds, by document's `_id`."""

    def __init__(self, connection: StoreConnection, collection: str, field: LeaseField) -> None:
        self._db = connection
        self._collection = collection
        self._field = field

    def take(self, key: str, lease: Lease, **further: object) -> bool:
        """Take the lease if it is free; return False if it isn't, or if it was taken just now.

        A caller whose first answer got lost finds its own token in the document then.

        further: more conditions on the document.
        """
        free = {**self._field.free(self._db.now()), **further}
        changes = {"$set": as_stored(self._field.taken(lease))}
        return self._db.update(self._collection, {"_id": key, **free}, changes)

    def renew(self, key: str, token: str, ttl: float) -> bool:
        """Hold the lease for `ttl` seconds from now; return False if the token doesn't hold it."""
        changes = {"$set": self._field.renewed(self._db.now(), ttl)}
        return self._db.update(self._collection, self._held(key, token), changes)

    def pull_back(self, key: str, lease: Lease) -> None:
        """Let a lease pass after its duration from now, if it would pass far later.

        The store's clock was ahead when it was taken or renewed, and was set right since. Its
        holder has as long as ever to renew it: if it lives, nothing has happened.
        """
        now = self._db.now()
        if lease.is_ahead(now) and lease.seconds is not None:
            ahead = {**self._held(key, lease.token), **self._field.ahead(now, lease.seconds)}
            changes = {"$set": self._field.renewed(now, lease.seconds)}
            if self._db.update(self._collection, ahead, changes):
                logger.warning(
                    "%s was held until %s, by a clock that was ahead: now for %.0f s, unless it is "
                    "renewed",
                    key,
                    lease.expires_at.isoformat(timespec="seconds"),
                    lease.seconds,
                )

    def note(self, key: str, token: str, changes: dict[str, object]) -> None:
        """Change other fields of the document, if the token holds the lease.

        A crash of the server may undo it.
        """
        self._db.update(self._collection, self._held(key, token), {"$set": changes}, durable=False)

    def release(self, key: str, token: str) -> None:
        """Give the lease up, if the token holds it."""
        changes = {"$set": self._field.released()}
        self._db.update(self._collection, self._held(key, token), changes)

    def _held(self, key: str, token: str) -> dict[str, object]:
        return {"_id": key, **self._field.held_by(token)}
