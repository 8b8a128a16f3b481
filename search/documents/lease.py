"""Leases of searches and trials: who may write, until when, and what a lease's change stores.

A search's driver and a trial's attempt hold their leases in the same way: taking a lease makes a
random token, each write of its holder asks for this token, and a lease that isn't renewed in time
can be taken over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime

from alignsearch.search.documents.base import Document

Record = dict[str, Any]

DEFAULT_LEASE_SECONDS = 30.0
"""Time without a heartbeat after which a worker or a driver counts as dead: ten heartbeats."""


class Lease(Document):
    """The right of one owner to write, until a time of the store's clock."""

    owner: str
    token: str
    expires_at: AwareDatetime

    def has_passed(self, now: datetime) -> bool:
        """Return whether the lease can be taken over; `now` is the store's time."""
        return self.expires_at < now


class AttemptLease(Lease):
    """The lease of an attempt at a trial: only this attempt may write."""

    attempt: int


@dataclass(frozen=True)
class LeaseField:
    """A field of stored documents that holds their lease: its conditions and its changes.

    Attributes:
        name: the field's name.
    """

    name: str

    def held_by(self, token: str) -> Record:
        """Return the condition that the token's holder has the lease.

        A document without a lease doesn't fulfil it. It is no plain equality, for each of which
        the embedded server looks for an index first, and takes its time over that.
        """
        return {f"{self.name}.token": {"$all": [token]}}

    def passed(self, now: datetime) -> Record:
        """Return the condition that there is a lease and it wasn't renewed in time."""
        return {f"{self.name}.expires_at": {"$lt": now}}

    def free(self, now: datetime) -> Record:
        """Return the condition that the lease can be taken."""
        return {"$or": [{self.name: None}, self.passed(now)]}

    def taken(self, lease: Lease) -> Record:
        """Return the change that takes the lease."""
        return {self.name: lease}

    def renewed(self, now: datetime, ttl: float) -> Record:
        """Return the change that extends the lease to `ttl` seconds from now."""
        return {f"{self.name}.expires_at": expiry(now, ttl)}

    def released(self) -> Record:
        """Return the change that gives the lease up."""
        return {self.name: None}


DRIVER_LEASE = LeaseField("driver")
"""The lease of a search's driver."""
ATTEMPT_LEASE = LeaseField("lease")
"""The lease of a trial's attempt."""


def expiry(now: datetime, ttl: float) -> datetime:
    """Return when a lease taken or renewed now for `ttl` seconds passes."""
    return now + timedelta(seconds=ttl)
