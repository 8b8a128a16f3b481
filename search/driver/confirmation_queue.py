"""The confirmation queue: the next repetitions of a search's best trials, as trials to add."""

from alignsearch.search.documents import Search, Trial
from alignsearch.search.driver.confirmations import Plan
from alignsearch.search.driver.history import History
from alignsearch.search.driver.repeated_trials import repetition_of
from alignsearch.search.store import Store

NOTHING = Plan((), settled=True)


class ConfirmationQueue:
    """Makes the trials that repeat a search's best ones, once it has no other trial to begin."""

    def __init__(self, store: Store, history: History) -> None:
        """Start empty; the best trials' documents are read from the store when they are needed."""
        self._store = store
        self._history = history
        self._unsent: list[Trial] = []
        self.allowed = True
        """False if no repetition may begin: people can say that nothing begins any more."""

    def plan(self, search: Search, left: int) -> Plan:
        """Return what is to be repeated now.

        left: number of trials that the search may still add. As long as there are any, nothing is
        repeated; nor in a search that isn't confirmed.
        """
        if search.confirm is None or not self.allowed:
            return NOTHING
        if left > 0:
            return Plan((), settled=False)
        own = any(not trial.is_confirmation for trial in self._history.live.values())
        if own and search.generation is not None:
            # Which trials are the best so far depends on which of them ended first.
            return Plan((), settled=False)
        return self._history.repetitions.plan(search.confirm, running=own)

    @property
    def unsent(self) -> list[Trial]:
        """Trials that the store may not have: they are to be added before any other one."""
        return self._unsent

    def next_trials(self, search: Search, free: int, left: int) -> list[Trial]:
        """Return up to `free` trials to add next.

        They stay in the queue until `remove` says that the store has them: if the store doesn't
        answer, the same ones are returned again.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        if not self._unsent:
            begin = self.plan(search, left).begin[:free]
            trials = self._store.trials
            repeated = {tid: trials.get(search.name, tid) for tid, _ in begin}
            first = self._history.next_tid
            self._unsent = [
                repetition_of(search, repeated[tid], tid=first + at, repeat=repeat)
                for at, (tid, repeat) in enumerate(begin)
            ]
        return self._unsent[:free]

    def remove(self, number: int) -> None:
        """Remove the first `number` trials: the store has them."""
        del self._unsent[:number]
