"""Budget, slots and rules of a search, as a Python program changes them."""

from typing import Any

from alignsearch.held_search import HeldSearch
from alignsearch.names import whoami
from alignsearch.search.documents import Search
from alignsearch.search.use_cases import budget
from alignsearch.search.use_cases.rules import changes_of


class BudgetVerbs(HeldSearch):
    """The part of `SearchHandle` that changes how long a search lasts and how wide it runs.

    Each of them adds an event with this user as its author. A running driver follows within a
    second.
    """

    def extend(self, trials: int, **rules: Any) -> Search:
        """Let the search go on to `trials` trials in all, also if it is over.

            search.extend(400)
            search.extend(400, timeout="12h", without=["patience"])

        With one slot and the same `startup`, its suggestions are those of a search that was
        submitted with so many trials. A search whose objective is in this process goes on by
        `run`, others wherever a driver runs.

        Args:
            trials: number of trials with a result, those included that are done.
            **rules: as `set`.

        Returns:
            The search's document as it is stored now.

        Raises:
            StateConflictError: it was cancelled, its definition has changed, or one of its rules
                would end it at once.
            ConfigurationError: a value can't be used.
        """
        changes = changes_of({**rules, "trials": trials}, named=str)
        return budget.extend(self._store, self._own, changes, whoami())

    def set(self, **settings: Any) -> Search:
        """Change settings of the search while it lives.

            search.set(parallel=8, until="2026-12-01T08:00+01:00")

        Args:
            **settings: `trials`, `parallel`, `priority`, and the rules that end a search: `until`
                (a time as text), `timeout` (12h, or seconds), `stop_at`, `patience`,
                `max_failures`. `notify` is the address of a webhook. `without` lists rules to
                remove, or `notify`.

        Returns:
            The search's document as it is stored now.

        Raises:
            StateConflictError: it is over.
            ConfigurationError: a value can't be used.
        """
        changes = changes_of(settings, named=str)
        return budget.adjust(self._store, self._own, changes, whoami())
