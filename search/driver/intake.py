"""Results from elsewhere become trials of a search: finished ones, which spend no budget."""

import logging
from collections.abc import Callable

from alignsearch.search.attempts.heartbeat import RENEWALS, Heartbeat
from alignsearch.search.documents import GivenPoint, Search, Trial, space_of
from alignsearch.search.driver.given import trial_of
from alignsearch.search.driver.history import History
from alignsearch.search.store import Store
from alignsearch.spaces.space import SearchSpace

logger = logging.getLogger(__name__)

ADDED_AT_ONCE = 200
"""Trials of one insert: more would keep a busy store from its workers for long."""
LEASE_SECONDS = 30.0
"""Lease of a command that takes results in by itself; a killed one delays a driver by as long."""


class Intake:
    """Adds the results that wait among a search's given points as trials of the search.

    Only who holds the driver's lease may use it, because the trials get the next numbers.
    """

    def __init__(
        self,
        store: Store,
        search: Search,
        space: SearchSpace,
        history: History,
        note_failure: Callable[[str], None],
    ) -> None:
        """Prepare; note_failure: receives a message for users about a point that can't be used."""
        self._store = store
        self._search = search
        self._space = space
        self._history = history
        self._note_failure = note_failure

    def run(self) -> int:
        """Add all waiting results; return how many were added.

        Raises:
            StoreUnavailableError: the store doesn't answer; the next call adds the rest.
        """
        added = 0
        while results := self._history.given.results(ADDED_AT_ONCE):
            trials = self._trials(results)
            for stored in self._store.trials.add_many(trials) if trials else ():
                # Another driver may have added a trial of this number: its result still waits.
                self._history.update(stored)
                added += stored.origin is not None and stored.origin.kind == "imported"
        return added

    def _trials(self, results: list[GivenPoint]) -> list[Trial]:
        trials: list[Trial] = []
        for point in results:
            tid = self._history.next_tid + len(trials)
            try:
                trials.append(trial_of(self._search, self._space, point, tid=tid))
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                self._history.given.drop(point.number)
                self._note_failure(f"the imported result {point.number} is left out: {error}")
        return trials


def take_in(store: Store, name: str, owner: str) -> int | None:
    """Add the waiting results of a search that nobody drives; return how many were added.

    Returns None if a driver holds the search: that one adds them within a second.

    Args:
        store: holds the search.
        name: the search's name.
        owner: named in the lease, as USER@HOST:PID.

    Raises:
        StateConflictError: this program doesn't know the search's space.
        StoreUnavailableError: the store doesn't answer; the next driver adds the rest.
    """
    space = space_of(store.searches.get(name))
    token = store.searches.acquire_driver(name, owner, LEASE_SECONDS)
    if token is None:
        return None
    try:
        with Heartbeat(
            lambda: store.searches.renew_driver(name, token, LEASE_SECONDS),
            LEASE_SECONDS / RENEWALS,
            f"of the import into {name}",
        ):
            search = store.searches.get(name)
            history = History(store, name)
            history.sync()
            history.given.read(search.enqueued)
            added = Intake(store, search, space, history, logger.warning).run()
            store.totals.update(name)
            return added
    finally:
        store.searches.release_driver(name, token)
