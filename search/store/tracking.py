"""The tracking tools of searches: which process writes into them, and how far they are written."""

import secrets

from alignsearch.search.documents.lease import Lease, expiry
from alignsearch.search.documents.tracked import tracker_lease
from alignsearch.search.store.connection import Record, StoreConnection
from alignsearch.search.store.leases import Leases


class Tracking:
    """A lease for each tool of each search, beside the number of the last change it has."""

    def __init__(self, connection: StoreConnection) -> None:
        self._db = connection

    def acquire(self, search: str, token: str, tool: str, owner: str, ttl: float) -> str | None:
        """Take the right to write into a tool for `ttl` seconds; return its token.

        Returns None if another process has it, or the search isn't there or has no such tool.

        token: the search's own, so that no other search of the name is written.
        """
        mine = secrets.token_hex(8)
        lease = Lease(owner=owner, token=mine, expires_at=expiry(self._db.now(), ttl), seconds=ttl)
        # A search without this tool has no place for the lease.
        there: Record = {"token": {"$all": [token]}} if token else {}
        there[f"trackers.{tool}.place"] = {"$gt": ""}
        if self._leases(tool).take(search, lease, **there):
            return mine
        held = tracker_lease(tool).held_by(mine)
        again = self._db.find_one("searches", {"_id": search, **held}, fields=["_id"])
        return None if again is None else mine

    def renew(self, search: str, tool: str, lease: str, ttl: float) -> bool:
        """Extend the right to `ttl` seconds from now; return False if another process has it."""
        return self._leases(tool).renew(search, lease, ttl)

    def note(self, search: str, tool: str, lease: str, number: int) -> None:
        """Record up to which change of a trial the tool has everything, if `lease` may write."""
        self._leases(tool).note(search, lease, {f"trackers.{tool}.written": number})

    def release(self, search: str, tool: str, lease: str) -> None:
        """Give the right up, if `lease` still has it."""
        self._leases(tool).release(search, lease)

    def _leases(self, tool: str) -> Leases:
        return Leases(self._db, "searches", tracker_lease(tool))
