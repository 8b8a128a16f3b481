"""A tracking tool in which a search's trials appear as runs, and how far it has been written."""

from pydantic import Field

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.lease import Lease, LeaseField

LONGEST_PLACE = 1000
"""Characters of a tool's place: a folder, an address or a project."""


class Tracked(Document):
    """One tracking tool of a search.

    Attributes:
        place: where the tool's runs are: a folder, an address or a project, as the tool reads it.
        written: number of the last change of a trial up to which the tool has all runs.
        lease: the right of one process to write into the tool; None if nobody has it.
    """

    place: str = Field(min_length=1, max_length=LONGEST_PLACE)
    written: int = Field(default=0, ge=0)
    lease: Lease | None = None


def tracker_lease(tool: str) -> LeaseField:
    """Return the field of a search that holds the lease of the process that writes into a tool."""
    return LeaseField(f"trackers.{tool}.lease")
