"""The search that a handle holds: what all its verbs have in common."""

from contextlib import suppress

from alignment_core.errors import UnknownNameError
from alignsearch.search.documents import Search
from alignsearch.search.documents.identity import Identity, check_same
from alignsearch.search.store import Store


class HeldSearch:
    """One stored search, found by its name and known by its identity."""

    name: str
    _store: Store
    _identity: Identity

    def _hold(self, search: Search) -> None:
        self.name = search.name
        self._identity = search.identity

    @property
    def _own(self) -> str:
        """The search's name, once the store has said that no other search has got it since."""
        # Nothing else has the name of a search that is gone: then each verb says what it lacks.
        with suppress(UnknownNameError):
            check_same(self._store.searches.get(self.name).identity, self._identity)
        return self.name
