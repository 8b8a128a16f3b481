"""A search in the mirror's memory, with all its trials."""

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from alignsearch.dashboards.live.mirrored_trials import MirroredTrials
from alignsearch.dashboards.models.encoding import EncodedJson
from alignsearch.search.documents import Event, Search, Trial
from alignsearch.search.documents.tally import Standing
from alignsearch.search.use_cases.summary import Summary


@dataclass
class MirroredSearch:
    """A search in memory. Hold `lock` to read `trials`.

    Attributes:
        version: counts changes that pages must hear of: of trials, and of the summary.
        named: the trial that the search names as its best; None without one.
        encoded: the version whose trials were encoded last, and the encoded trials.
        requested_at: time.monotonic() of the last request for the search.
        synced_at: time.monotonic() at which the store was asked for what is held.
    """

    search: Search
    trials: MirroredTrials
    lock: threading.Lock = field(default_factory=threading.Lock)
    summary: Summary | None = None
    requested_at: float = 0.0
    synced_at: float = 0.0
    version: int = 0
    named: Trial | None = None
    encoded: tuple[int, EncodedJson] | None = None
    events_version: int = 0
    events: dict[tuple[datetime, str, str, str], Event] = field(default_factory=dict)

    def standing(self) -> Standing:
        """Return the search's standing with the trial that it names as its best."""
        return replace(self.trials.standing(), named=self.named)
