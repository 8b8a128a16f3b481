"""Suggestions that a search's sampler failed to make."""

from alignsearch.search.documents.event import SUGGESTION_FAILED
from alignsearch.search.store import Store


def last_sampler_failure(store: Store, name: str) -> str | None:
    """Return what went wrong last in a search's sampler, in words; None if nothing has."""
    failures = [each for each in store.logs.events(name) if each.what == SUGGESTION_FAILED]
    return failures[-1].detail if failures else None
