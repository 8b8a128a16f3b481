"""Workers that die before they begin the trial they were given: counted, noted, and a limit."""

import logging

from alignsearch.search.attempts.dispatcher import FreedSlot
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

MAX_FAILURES = 3
"""Start failures in a row, for each slot of the search, after which the search fails. One for
each slot is not enough: a lost host takes the workers of many slots at once."""


class StartFailures:
    """Counts the workers in a row that died before they began a trial."""

    def __init__(self, store: Store, search: Search, owner: str) -> None:
        """Start with no failure; `owner` is named in events."""
        self._store = store
        self._search = search
        self._owner = owner
        self._attempts: dict[str, int] = {}
        self._failures = 0
        self._has_failed = False
        self._last_reason = ""

    def follow(self, search: Search) -> None:
        """Take over the search as it is now: it may have other slots, or go on since it failed."""
        self._search = search
        if self._has_failed and search.status not in TERMINAL_SEARCH_STATUSES:
            self._has_failed, self._failures = False, 0

    def note_placed(self, trial: Trial) -> None:
        """Note that a worker gets the trial, queued or with an attempt begun for the worker."""
        self._attempts[trial.id] = trial.attempt - (trial.lease is not None)

    def note_freed(self, freed: FreedSlot, trial: Trial) -> None:
        """Count a start failure, or reset the count if the worker has begun its trial.

        A search none of whose workers begins fails. A slot that is noted again, because the store
        didn't answer before all of it was written, counts once.

        Args:
            freed: the slot, with the reason if its worker died.
            trial: the slot's trial as the store has it now.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        begun = trial.attempt > self._attempts.get(trial.id, 0)
        if freed.error is None or begun:
            self._failures = 0
            return
        self._record(trial, last_line(freed.error) or "it did not say why")
        failures = self._failures + 1
        if failures >= MAX_FAILURES * self._search.parallel and not self._has_failed:
            why = (
                f"{failures} workers in a row died before they began a trial; the last one said: "
                f"{freed.error}"
            )
            self._store.searches.change(
                self._search.name, SearchStatus.FAILED, self._owner, detail=why
            )
            self._has_failed = True
        self._failures = failures

    def _record(self, trial: Trial, reason: str) -> None:
        """Note the reason on the trial, which `status` reads, and once as an event."""
        fields = trial.log_fields | self._search.labels
        logger.warning("trial %s was not begun: %s", trial.id, reason, extra=fields)
        self._store.trials.note_start_failure(trial.id, trial.attempt, reason)
        if reason != self._last_reason:
            detail = f"trial {trial.tid}: {reason}"
            self._store.logs.add_event(
                self._search.name, self._owner, "worker did not begin", detail
            )
            self._last_reason = reason
