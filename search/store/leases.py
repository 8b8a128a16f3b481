"""Leases in the store: taken, renewed and released by compare-and-set."""

from alignsearch.search.documents.changes import as_stored
from alignsearch.search.documents.lease import Lease, LeaseField
from alignsearch.search.store.connection import StoreConnection


class Leases:
    """The leases that one field of a collection's documents holds, by document's `_id`."""

    def __init__(self, connection: StoreConnection, collection: str, field: LeaseField) -> None:
        self._db = connection
        self._collection = collection
        self._field = field

    def take(self, key: str, lease: Lease) -> bool:
        """Take the lease if it is free; return False if it isn't, or if it was taken just now.

        A caller whose first answer got lost finds its own token in the document then.
        """
        free = self._field.free(self._db.now())
        changes = {"$set": as_stored(self._field.taken(lease))}
        return self._db.update(self._collection, {"_id": key, **free}, changes)

    def renew(self, key: str, token: str, ttl: float) -> bool:
        """Hold the lease for `ttl` seconds from now; return False if the token doesn't hold it."""
        changes = {"$set": self._field.renewed(self._db.now(), ttl)}
        return self._db.update(self._collection, self._held(key, token), changes)

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
