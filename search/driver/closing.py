"""The end of a search: when it comes, and what becomes of waiting trials.

A driver brings it about, or a process that asks for trials.
"""

import logging
from collections.abc import Callable, Container

from alignsearch.search.documents import Search
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.search.driver.driven_time import DrivenTime
from alignsearch.search.driver.endings import Ended, ending_of, may_repeat
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

    def may_repeat(self, search: Search) -> bool:
        """Return whether repetitions of the best trials may begin once no other trial may.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        if search.confirm is None:
            return False
        return may_repeat(search, self._history.reached(self._driven.seconds), self._store.now())

    def withdraw(self, ended: Ended, placed: Container[str], *, repetitions: bool) -> None:
        """Cancel the trials that no worker has begun, also those that wait for a host.

        placed: ids of the trials that were given to the cluster, which a stop lets begin.
        repetitions: whether those of the best trials may still begin, and are spared.
        """
        reason = f"no trial begins any more: {ended.reason}"
        for trial in self._history.in_state(TrialState.QUEUED):
            spared = ended.rule.spares_placed and trial.id in placed
            if spared or (repetitions and trial.is_confirmation):
                continue
            cancelled = self._store.attempts.withdraw(trial, reason)
            if cancelled is not None:
                self._history.update(cancelled)
                self._end_worker(trial.id)

    def close(
        self, name: str, is_confirmed: Callable[[Search], bool], *, takes_results: bool = True
    ) -> Search | None:
        """End the search, none of whose trials is live, if a rule still says so.

        is_confirmed: whether a search has no repetition of its best trials left to make.
        takes_results: whether this process takes results from elsewhere in, as a driver does.
            Those that came at the last moment are taken in before the end.

        Returns:
            The search; None if somebody has let it go on, or has ended it.
        """
        search, change = self._store.searches.decide(name)
        self._history.given.read(search.enqueued)
        ended = self.ended(search)
        if ended is None or (takes_results and self._history.given.results(1)):
            return None
        if self.may_repeat(search) and not is_confirmed(search):
            return None
        to, detail = _outcome_of(ended, self._history)
        return self._store.searches.end(search, change, to, self._owner, detail=detail)


def _outcome_of(ended: Ended, history: History) -> tuple[SearchStatus, str]:
    """Return the status of a search that ends by a rule, and why it has that."""
    spending, reason = history.spending, ended.reason
    if ended.rule.fails:
        return SearchStatus.FAILED, reason
    if spending.counts[TrialState.FAILED] and not spending.results:
        last = f"the last one failed with: {history.last_error}"
        return SearchStatus.FAILED, f"no trial finished ({reason}); {last}"
    return SearchStatus.COMPLETED, reason
