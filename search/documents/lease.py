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
    """The right of one owner to write, until a time of the store's clock.

    Attributes:
        owner: who has it, for people.
        token: what each write of its holder asks for.
        expires_at: when it passes, unless it is renewed.
        seconds: how long it was taken or renewed for; None in documents of earlier versions.
    """

    owner: str
    token: str
    expires_at: AwareDatetime
    seconds: float | None = None

    def has_passed(self, now: datetime) -> bool:
        """Return whether the lease can be taken over; `now` is the store's time."""
        return self.expires_at < now

    def is_ahead(self, now: datetime) -> bool:
        """Return whether it was renewed while the store's clock was ahead of what it is now.

        A holder that has died since would hold it until the clock is there again.
        """
        if self.seconds is None or self.seconds <= 0:
            return False
        return self.expires_at > latest(now, self.seconds)


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

    def ahead(self, now: datetime, ttl: float) -> Record:
        """Return the condition that a lease of `ttl` seconds passes later than one taken now."""
        return {f"{self.name}.expires_at": {"$gt": latest(now, ttl)}}

    def free(self, now: datetime) -> Record:
        """Return the condition that the lease can be taken."""
        return {"$or": [{self.name: None}, self.passed(now)]}

    def taken(self, lease: Lease) -> Record:
        """Return the change that takes the lease."""
        return {self.name: lease}

    def renewed(self, now: datetime, ttl: float) -> Record:
        """Return the change that extends the lease to `ttl` seconds from now."""
        return {f"{self.name}.expires_at": expiry(now, ttl), f"{self.name}.seconds": ttl}

    def released(self) -> Record:
        """Return the change that gives the lease up."""
        return {self.name: None}


DRIVER_LEASE = LeaseField("driver")
"""The lease of a search's driver."""
ATTEMPT_LEASE = LeaseField("lease")
"""The lease of a trial's attempt."""


def latest(now: datetime, ttl: float) -> datetime:
    """Return the latest time at which a lease of `ttl` seconds can pass, by a clock that is right.

    The clocks of a replica set's members differ by less than a lease's duration.
    """
    return now + timedelta(seconds=2 * ttl)


def expiry(now: datetime, ttl: float) -> datetime:
    """Return when a lease taken or renewed now for `ttl` seconds passes."""
    return now + timedelta(seconds=ttl)
