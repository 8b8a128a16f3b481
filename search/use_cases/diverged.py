"""Why trials of a search diverged, read from the store for people."""

from alignsearch.search.documents import Search
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.divergence import Divergence, divergence_of
from alignsearch.search.store import Store

MOST_READ = 5000
"""Limits the trials that are read for one line of text: more take longer than a second."""


def why_diverged(store: Store, search: Search) -> Divergence | None:
    """Return why trials of the search diverged; None where it has too many trials to read."""
    if sum(store.totals.counts(search.name).values()) > MOST_READ:
        return None
    return divergence_of(search, store.trials.all_readable(search.name, [TrialState.COMPLETED]))
