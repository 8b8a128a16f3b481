"""An attempt at a trial: one worker's try to train its configuration."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.plain_data import UserData

AttemptOutcome = Literal[
    "completed", "handed_back", "expired", "crashed", "failed", "cancelled", "pruned", "released"
]
"""The ends of an attempt. One that has crashed may succeed when it is repeated; one that has failed
would fail again, as by a return value that is no number."""

COUNTED_OUTCOMES: frozenset[AttemptOutcome] = frozenset({"crashed", "failed", "expired"})
"""Outcomes that count against a trial's `max_attempts`; handing back and a release don't."""


class Attempt(Document):
    """One attempt: its worker and host, its times, and its outcome.

    Attributes:
        number: 1 for the trial's first attempt.
        owner: the worker that makes the attempt.
        token: random; the lease's holder shows it with every write.
        versions: versions of packages on the worker, by name.
        slot: the search's slot that the worker serves.
        resumed: epochs taken over from an earlier attempt's checkpoint.
        outcome: None while the attempt goes on.
        error: why it ended, if not by completing.
    """

    number: int = Field(ge=1)
    owner: str
    token: str
    host: str
    accelerator: str
    versions: Annotated[dict[str, str], UserData()] = Field(default_factory=dict)
    slot: int | None = None
    resumed: int = 0
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    outcome: AttemptOutcome | None = None
    error: str | None = None
