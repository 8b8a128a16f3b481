"""A driver's regular records: numbers of changes, the tally of ended trials, the time driven."""

import logging

from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.driver.driven_time import DrivenTime
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)

BOOKKEEPING_SECONDS = 5.0
"""Time between two records. Readers read in full what is not numbered yet, and a driver that is
killed loses so much of the time that it has driven."""


class Bookkeeping:
    """Keeps the records of one search under a driver's lease."""

    def __init__(self, store: Store, search: str, driven: DrivenTime) -> None:
        """Write nothing yet."""
        self._store = store
        self._search = search
        self._driven = driven

    def write(self, token: str) -> bool:
        """Number changed trials, tally ended ones, and record the time driven; return True.

        token: the driver's lease; the time is recorded only while it holds the search.
        """
        self._store.searches.note_driven(self._search, token, self._driven.seconds)
        try:
            self._store.totals.update(self._search)
        except StoreCorruptedError as error:
            # Somebody has changed a trial by hand. The others are numbered all the same.
            logger.warning("no new tally: %s", error)
        return True
