"""One try at a trial."""

from typing import Literal

from pydantic import AwareDatetime, Field

from alignsearch.search.documents.base import Document

AttemptOutcome = Literal[
    "completed", "handed_back", "expired", "crashed", "cancelled", "pruned", "released"
]

COUNTED_OUTCOMES: frozenset[AttemptOutcome] = frozenset({"crashed", "expired"})
"""Outcomes that cost one of a trial's attempts; handing back and a release don't."""


class Attempt(Document):
    """One try at a trial: who, where, when, and how it ended (None: it goes on).

    resumed: epochs that it took over from an earlier attempt's checkpoint.
    """

    number: int = Field(ge=1)
    owner: str
    token: str
    host: str
    accelerator: str
    versions: dict[str, str] = Field(default_factory=dict)
    slot: int | None = None
    resumed: int = 0
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    outcome: AttemptOutcome | None = None
    error: str | None = None
