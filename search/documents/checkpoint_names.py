"""Names of folders with checkpoints: DIR/NAME@DATABASE-STORE-TOKEN/TID/ATTEMPT.

The first part is the search's identity, so that no two searches share a folder, whatever copies
there are and whoever shares DIR. Each attempt writes into a folder of its own, so that an attempt
whose lease was taken over can't overwrite the next one's checkpoints.
"""

import re

from alignsearch.search.documents.search import FOLDER_FORM, Search
from alignsearch.search.documents.trial import Trial

_SAFE = re.compile(FOLDER_FORM)


def folder_name(search: Search) -> str:
    """Return the name of the search's own folder.

    Raises:
        StateConflictError: the search's store can't be told from another one.
    """
    identity = search.identity
    if search.checkpoint_folder is None:
        return str(identity)
    return _names(search)[-1]


def of_search(search: Search) -> str | None:
    """Return the folder of the search's checkpoints; None if it keeps none.

    Raises:
        StateConflictError: the search's store can't be told from another one.
    """
    # A name in a store can come from another program, and must not lead out of the folder.
    if search.checkpoints is None or not _SAFE.fullmatch(search.name):
        return None
    name = folder_name(search)
    return f"{_root(search.checkpoints)}/{name}" if _SAFE.fullmatch(name) else None


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
    before = [] if search.token else [old_name(search)]
    names = [*search.inherits, *before, *_names(search)]
    return [f"{_root(search.checkpoints)}/{name}" for name in dict.fromkeys(names)]


def inherited_by_a_copy(search: Search) -> tuple[str, ...]:
    """Return the names of the folders that a copy of the search may read."""
    if not _SAFE.fullmatch(search.name):
        return ()
    own = [] if search.token else [old_name(search)]
    if search.place is not None and not search.place.problem:
        own.append(folder_name(search))
    return tuple(dict.fromkeys([*search.inherits, *own]))


def old_name(search: Search) -> str:
    """Return the name of the search's folder before folders were named after identities."""
    return f"{search.name}-{search.created_at.strftime('%Y%m%dT%H%M%S%f')[:-3]}"


def _names(search: Search) -> list[str]:
    """Return the folder's name in each store that the search's was before, and its own, last.

    A renamed search keeps the folder of its old name, but for a copy of its whole store.
    """
    place = search.place
    stores = () if place is None else (*place.earlier, place.store)
    kept = search.checkpoint_folder
    if kept is None:
        return [str(search.identity_in(store)) for store in stores]
    return [kept, *(f"{kept}-{store}" for store in stores[1:])]


def _root(checkpoints: str) -> str:
    return checkpoints.rstrip("/")
