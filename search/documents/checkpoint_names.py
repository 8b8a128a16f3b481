"""Names of the folders that hold a search's checkpoints: DIR/SEARCH-CREATED/TID/ATTEMPT.

An attempt writes into a folder of its own, so that an attempt whose lease was taken over can't
disturb the next one.
"""

import re

from alignsearch.search.documents.search import Search
from alignsearch.search.documents.trial import Trial

# A search's name comes from a store: it must not lead out of the folder.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def of_search(search: Search) -> str | None:
    """The folder of the search's states; None if it keeps none.

    Named by its time of birth too: a later search of the same name has another.
    """
    if search.checkpoints is None or not _SAFE.fullmatch(search.name):
        return None
    created = search.created_at.strftime("%Y%m%dT%H%M%S%f")[:-3]
    return f"{search.checkpoints.rstrip('/')}/{search.name}-{created}"


def of_attempt(search: Search, trial: Trial, attempt: int) -> str | None:
    """The folder into which an attempt writes."""
    folder = of_search(search)
    return None if folder is None else f"{folder}/{trial.tid}/{attempt}"
