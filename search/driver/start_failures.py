"""Whether workers begin the trials that they are given, and what to say and do where they don't."""

import logging

from alignsearch.search.attempts.dispatcher import SlotReport
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.reasons import last_line
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

MAX_FAILURES = 3
"""Workers a slot that die in a row before they begin their trial; then the search has failed. A
host that is lost takes many of them at once."""


class Starts:
    """Counts the workers in a row that died before they began what they were given."""

    def __init__(self, store: Store, search: Search, owner: str) -> None:
        """Start with none; `owner` is whom events name."""
        self._store = store
        self._search = search
        self._owner = owner
        self._attempts: dict[str, int] = {}
        self._failures = 0
        self._told = ""

    def note_placed(self, trial: Trial) -> None:
        """A worker is given the trial, queued or begun for it."""
        self._attempts[trial.id] = trial.attempt - (trial.lease is not None)

    def note_report(self, report: SlotReport, trial: Trial) -> None:
        """Take in what became of the worker; `trial` is as the store has it now.

        A search none of whose workers begins fails. A report that is taken in again, because the
        store didn't answer before all of it was noted, counts once.
        """
        begun = trial.attempt > self._attempts.get(trial.id, 0)
        if report.error is None or begun:
            self._failures = 0
            return
        self._tell(trial, last_line(report.error) or "it did not say why")
        failures = self._failures + 1
        if failures == MAX_FAILURES * self._search.parallel:
            why = (
                f"{failures} workers in a row died before they began a trial; the last one said: "
                f"{report.error}"
            )
            self._store.searches.change(
                self._search.name, SearchStatus.FAILED, self._owner, detail=why
            )
        self._failures = failures

    def _tell(self, trial: Trial, reason: str) -> None:
        """Note it on the trial, which `status` reads, and once as an event."""
        logger.warning("trial %s was not begun: %s", trial.id, reason, extra=trial.log_fields)
        self._store.trials.note_start_failure(trial.id, trial.attempt, reason)
        if reason != self._told:
            detail = f"trial {trial.tid}: {reason}"
            self._store.logs.add_event(
                self._search.name, self._owner, "worker did not begin", detail
            )
            self._told = reason
