"""A process that drives all searches of a store, as it last said that it lives."""

from datetime import datetime

from pydantic import AwareDatetime

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.lease import latest


class Presence(Document):
    """One `alignsearch serve`, which also lives while it has no search to drive.

    Attributes:
        owner: its user, host and process.
        since: when it started.
        expires_at: when it counts as dead, unless it says before that it lives.
        seconds: how long it counts as alive after each time that it says so.
    """

    owner: str
    since: AwareDatetime
    expires_at: AwareDatetime
    seconds: float

    def lives(self, now: datetime) -> bool:
        """Return whether the process counts as alive; `now` is the store's time.

        A time far ahead was written while the store's clock was wrong: it says nothing.
        """
        return now <= self.expires_at <= latest(now, self.seconds)
