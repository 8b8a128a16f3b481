"""The end of a search, as its driver brings it about: when, and what becomes of waiting trials."""

import logging
from collections.abc import Callable

from alignsearch.search.documents import Search
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driven_time import DrivenTime
from alignsearch.search.driver.endings import Ended, ending_of
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


class Closing:
    """Says whether a rule ends the search, and ends it once its running trials have ended."""

    def __init__(
        self,
        store: Store,
        history: History,
        driven: DrivenTime,
        owner: str,
        end_worker: Callable[[str], None],
    ) -> None:
        """Prepare to end the search of `history`.

        Args:
            store: holds the search.
            history: the search's trials.
            driven: the time for which the search has been driven.
            owner: named in events.
            end_worker: ends the worker that has the trial of this id, if one has it.
        """
        self._store = store
        self._history = history
        self._driven = driven
        self._owner = owner
        self._end_worker = end_worker

    def ended(self, search: Search) -> Ended | None:
        """Return the rule by which no trial of the search begins any more; None if one may.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        reached = self._history.reached(self._driven.seconds)
        return ending_of(search, reached, self._store.now())

    def withdraw(self) -> None:
        """Cancel the trials that no worker has begun, also those that wait for a host."""
        for trial in self._history.in_state(TrialState.QUEUED):
            cancelled = self._store.attempts.cancel(trial)
            if cancelled is not None:
                self._history.update(cancelled)
                self._end_worker(trial.id)

    def close(self, name: str) -> Search | None:
        """End the search, none of whose trials is live, if a rule still says so.

        Returns:
            The search; None if somebody has let it go on, or has ended it.
        """
        search, change = self._store.searches.decide(name)
        # Points that were given at the last moment: a failed trial to try again, or results.
        self._history.given.read(search.enqueued)
        ended = self.ended(search)
        if ended is None or self._history.given.results(1):
            return None
        spending, detail = self._history.spending, ended.reason
        failed = ended.rule.fails
        if spending.counts[TrialState.FAILED] and not spending.results and not failed:
            failed = True
            detail = (
                f"no trial finished ({detail}); the last one failed with: "
                f"{self._history.last_error}"
            )
        to = SearchStatus.FAILED if failed else SearchStatus.COMPLETED
        return self._store.searches.end(search, change, to, self._owner, detail=detail)
