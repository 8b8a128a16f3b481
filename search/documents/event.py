"""Events of a search, and the log lines of an attempt."""

from typing import Any

from pydantic import AwareDatetime

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.stored_text import StoredText

SUGGESTION_FAILED = "suggestion failed"
"""The event of a sampler's failure, or of a given point that can't be used."""


class Event(Document):
    """One entry of a search's history: who did what, and when."""

    search: str
    at: AwareDatetime
    who: str
    what: str
    detail: StoredText = ""


class LogLine(Document):
    """One message of a worker's log."""

    at: AwareDatetime
    level: str
    text: StoredText


class AttemptLog(Document):
    """The last lines that a worker logged during an attempt."""

    trial: str
    attempt: int
    lines: tuple[LogLine, ...]

    @staticmethod
    def key(trial: str, attempt: int) -> str:
        """Return the `_id` of an attempt's log."""
        return f"{trial}/{attempt}"

    def to_bson(self) -> dict[str, Any]:
        """Return the document with `key` as its `_id`."""
        return {"_id": self.key(self.trial, self.attempt), **super().to_bson()}
