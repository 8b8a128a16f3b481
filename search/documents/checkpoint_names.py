"""Names of folders with checkpoints: DIR/FOLDER/TID/ATTEMPT, where FOLDER is the search's own.

Each attempt writes into a folder of its own, so that an attempt whose lease was taken over can't
overwrite the next one's checkpoints.
"""

import re

from alignsearch.search.documents.search import Search
from alignsearch.search.documents.trial import Trial

# A name in a store can come from another program, and must not lead out of the folder.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def folder_name(search: Search) -> str:
    """Return the name of the search's folder: its own, or SEARCH-CREATED.

    The latter has the search's creation time: a later search of the same name has another folder.
    """
    if search.checkpoint_folder is not None:
        return search.checkpoint_folder
    created = search.created_at.strftime("%Y%m%dT%H%M%S%f")[:-3]
    return f"{search.name}-{created}"


def of_search(search: Search) -> str | None:
    """Return the folder of the search's checkpoints; None if it keeps none."""
    name = folder_name(search)
    if search.checkpoints is None or not _SAFE.fullmatch(name):
        return None
    return f"{search.checkpoints.rstrip('/')}/{name}"


def of_attempt(search: Search, trial: Trial, attempt: int) -> str | None:
    """Return the folder of an attempt's checkpoints; None if the search keeps none."""
    folder = of_search(search)
    return None if folder is None else f"{folder}/{trial.tid}/{attempt}"
