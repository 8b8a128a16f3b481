"""Verbs on a search as a whole: delete and rename it, and write a note or tags on it.

Each adds an event with its author. A command that was broken off is finished by giving it again.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from alignment_core import files
from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import (
    NAME_FORM,
    NAME_RULE,
    Search,
    checkpoint_names,
    is_driven,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.marks import MOST_TAGS, check_note, check_tag
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, TrialState
from alignsearch.search.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Deletion:
    """A search that is to be deleted, or was, and how much goes with it.

    Attributes:
        name: the search's name.
        trials: number of its trials.
        folder: the folder of its checkpoints, which goes with it; None if it has none of its own.
        left: why the folder could not be removed, and stays; empty if it could.
    """

    name: str
    trials: int
    folder: str | None
    left: str = ""


def deletion_of(store: Store, name: str) -> Deletion:
    """Return what a deletion of the search would take away; nothing is deleted.

    Raises:
        UnknownNameError: there is no such search, and none whose deletion was broken off.
        StateConflictError: as `delete`.
    """
    search = store.deletions.begun(name)
    if search is None:
        search = store.searches.get(name)
        _check_deletable(store, search)
    return Deletion(name, store.deletions.trials(name), checkpoint_names.of_search(search))


def delete(store: Store, name: str, who: str) -> Deletion:
    """Delete the search with its trials, epochs, logs, points, events and checkpoints.

    One event stays, which says who deleted it.

    Raises:
        UnknownNameError: there is no such search, and none whose deletion was broken off.
        StateConflictError: a driver has it, a trial runs, a search that goes on starts from its
            results, or its renaming was broken off.
    """
    search = store.deletions.begun(name)
    if search is None:
        search = store.searches.get(name)
        _check_deletable(store, search)
        if not store.deletions.begin(name, who):
            _check_deletable(store, store.searches.get(name))
            raise StateConflictError(f"search {name!r} was changed just now: delete it again")
    folder = checkpoint_names.of_search(search)
    left = "" if folder is None else _removed(folder)
    return Deletion(name, store.deletions.finish(name), folder, left)


def rename(store: Store, name: str, new: str, who: str) -> Search:
    """Give the search another name, and return it.

    Its checkpoints stay where they are, and searches that start from its results know the new name.

    Raises:
        ConfigurationError: the new name can't be used.
        UnknownNameError: there is no such search, and none whose renaming was broken off.
        NameTakenError: the new name is another search's.
        StateConflictError: a driver has the search, a trial runs, or it is being renamed otherwise.
    """
    if not NAME_FORM.fullmatch(new):
        raise ConfigurationError(f"{new!r} can't be the name of a search: {NAME_RULE}")
    begun = store.renames.begun(name)
    if begun is not None and store.renames.is_hidden(name):
        if begun != new:
            raise StateConflictError(_unfinished(name, begun))
        return store.renames.finish(name, new, who)
    search = store.searches.get(name)
    if new == name:
        raise ConfigurationError(f"search {name!r} has this name already: give it another one")
    try:
        _check_idle(store, search, "renamed")
    except StateConflictError:
        # It was driven again after a rename that was broken off.
        if begun == new:
            store.renames.undo(name, new)
        raise
    store.renames.reserve(name, new)
    store.renames.copy(name, new)
    while not store.renames.switch(name, new):
        try:
            _check_idle(store, store.searches.get(name), "renamed")
        except StateConflictError:
            store.renames.undo(name, new)
            raise
    return store.renames.finish(name, new, who)


def note(store: Store, name: str, text: str, who: str) -> Search:
    """Replace the search's note, and return the search.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: the note is too long, or has characters that are no text.
    """
    check_note(text)
    return store.searches.edit(name, lambda _: {"note": text}, who, "note", text)


def tag(store: Store, name: str, add: Collection[str], remove: Collection[str], who: str) -> Search:
    """Add tags to the search and remove others, and return the search.

    A tag that it has already, or has not, is no error.

    Raises:
        UnknownNameError: there is no such search.
        ConfigurationError: a tag can't be used, is to be added and removed, or there are too many.
    """
    for each in (*add, *remove):
        check_tag(each)
    if both := sorted(set(add) & set(remove)):
        raise ConfigurationError(f"tag {both[0]!r} can't be added and removed at once")

    def changed(search: Search) -> dict[str, object]:
        tags = sorted((set(search.tags) | set(add)) - set(remove))
        if len(tags) > MOST_TAGS:
            raise ConfigurationError(
                f"search {name!r} would have {len(tags)} tags, and may have {MOST_TAGS}"
            )
        return {"tags": tags}

    detail = " ".join([*(f"+{each}" for each in add), *(f"-{each}" for each in remove)])
    return store.searches.edit(name, changed, who, "tagged", detail)


def _check_deletable(store: Store, search: Search) -> None:
    _check_idle(store, search, "deleted")
    new = store.renames.begun(search.name)
    if new is not None:
        raise StateConflictError(_unfinished(search.name, new))
    for other in store.searches.all():
        start = other.warm_start
        goes_on = other.status not in TERMINAL_SEARCH_STATUSES
        if start is not None and start.search == search.name and goes_on:
            raise StateConflictError(
                f"search {search.name!r} can't be deleted: {other.name!r} starts from its results "
                f"and is {other.status}; wait for its end, or `alignsearch cancel {other.name}`"
            )


def _check_idle(store: Store, search: Search, done: str) -> None:
    """Raise StateConflictError if a driver or a worker may still write to the search.

    done: what is to be done with it, like "renamed", for the message.
    """
    now = store.now()
    name = search.name
    old = store.renames.source(name)
    if old is not None:
        raise StateConflictError(_unfinished(old, name))
    if is_driven(search, now):
        owner = search.driver.owner if search.driver else "another process"
        raise StateConflictError(
            f"search {name!r} can't be {done} while {owner} drives it: end that process, or "
            f"`alignsearch pause {name}` (running trials finish) or `alignsearch cancel {name}` "
            "first"
        )
    for trial in store.trials.all_readable(name, [TrialState.RUNNING]):
        if trial.lease is not None and not trial.lease.has_passed(now):
            seconds = (trial.lease.expires_at - now).total_seconds()
            raise StateConflictError(
                f"search {name!r} can't be {done} while {trial.lease.owner} runs its trial "
                f"{trial.tid}: wait for it, or `alignsearch release {name} {trial.tid}`; if that "
                f"process is gone, its lease expires within {seconds:.0f} s"
            )


def _unfinished(old: str, new: str) -> str:
    return (
        f"the renaming of search {old!r} to {new!r} was broken off: finish it with "
        f"`alignsearch rename {old} {new}`"
    )


def unfinished(store: Store) -> list[str]:
    """Return a line about each deletion and renaming that was broken off, with its remedy."""
    deletions = (
        f"the deletion of search {name!r} was broken off: finish it with "
        f"`alignsearch delete {name}`"
        for name in store.deletions.unfinished()
    )
    return [*(_unfinished(old, new) for old, new in store.renames.unfinished()), *deletions]


def _removed(folder: str) -> str:
    """Remove a folder; return why it could not be removed, empty if it could."""
    try:
        files.remove(folder)
    except OSError as error:
        logger.warning("checkpoints in %s could not be removed: %s", folder, error)
        return str(error)
    return ""
