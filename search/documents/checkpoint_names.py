"""Names of folders with checkpoints: DIR/NAME@DATABASE-STORE-TOKEN/TID/ATTEMPT.

The first part is the search's identity, so that no two searches share a folder, whatever copies
there are and whoever shares DIR. Each attempt writes into a folder of its own, so that an attempt
whose lease was taken over can't overwrite the next one's checkpoints.
"""

import re

from alignsearch.search.documents.search import FOLDER_FORM, Search
from alignsearch.search.documents.trial import Trial

_SAFE = re.compile(FOLDER_FORM)


def of_search(search: Search) -> str | None:
    """Return the folder of the search's checkpoints; None if it keeps none.

    Raises:
        StateConflictError: the search's store can't be told from another one.
    """
    # A name in a store can come from another program, and must not lead out of the folder.
    if search.checkpoints is None or not _SAFE.fullmatch(search.name):
        return None
    return f"{_root(search.checkpoints)}/{search.identity}"


def of_attempt(search: Search, trial: Trial, attempt: int) -> str | None:
    """Return the folder of an attempt's checkpoints; None if the search keeps none."""
    folder = of_search(search)
    return None if folder is None else f"{folder}/{trial.tid}/{attempt}"


def readable(search: Search) -> list[str]:
    """Return the folders whose checkpoints the search may read, its own last.

    The others are those of its originals, if it is a copy, and the one that it had before folders
    were named after identities. Only the last one may be written to.
    """
    own = of_search(search)
    if own is None or search.checkpoints is None or search.place is None:
        return []
    names = [*search.inherits]
    for store in (*search.place.earlier, search.place.store):
        names += [] if search.token else [old_name(search)]
        names.append(str(search.identity_in(store)))
    return [f"{_root(search.checkpoints)}/{name}" for name in dict.fromkeys(names)]


def inherited_by_a_copy(search: Search) -> tuple[str, ...]:
    """Return the names of the folders that a copy of the search may read."""
    if not _SAFE.fullmatch(search.name):
        return ()
    own = [] if search.token else [old_name(search)]
    if search.place is not None and not search.place.problem:
        own.append(str(search.identity))
    return tuple(dict.fromkeys([*search.inherits, *own]))


def old_name(search: Search) -> str:
    """Return the name of the search's folder before folders were named after identities."""
    return f"{search.name}-{search.created_at.strftime('%Y%m%dT%H%M%S%f')[:-3]}"


def _root(checkpoints: str) -> str:
    return checkpoints.rstrip("/")
