"""Comparison of a stored search's definition with its source, as that is on this machine now."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alignsearch.search.attempts.program_files import hashes
from alignsearch.search.documents import OBSERVED_STATES, Search, StoredSource, space_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.store import Store
from alignsearch.spaces.function_code import code_hash, comparable
from alignsearch.spaces.source_files import source_hash

logger = logging.getLogger(__name__)


def check_unchanged(search: Search) -> None:
    """Check that a search which is to go on is still the one that was submitted.

    Its space must be readable, and its source, as far as that lies on this machine, the submitted
    one: trials of two objectives can't be compared. Nothing is imported. Files that lie on other
    hosts only are compared there by each worker.

    Raises:
        StateConflictError: it has changed; the message names the file.
        StoreCorruptedError: the stored space can't be read.
        ConfigurationError: a file of the source can't be read.
    """
    space_of(search)
    changed = next(_changed(search), None)
    if changed is not None:
        raise StateConflictError(
            f"search {search.name!r} can't go on: {changed} is not the version that was submitted; "
            "bring that version back, or submit the new one as a new search"
        )


def _changed(search: Search) -> Iterator[Path]:
    """Yield the files here that are others than were submitted."""
    definition = search.definition
    sources: list[StoredSource] = list(search.recipe.sources) if search.recipe else []
    if definition is not None:
        sources.append(definition.source)
    for source in sources:
        path = None if source.path is None else Path(source.path)
        there = path is not None and source.sha256 is not None and path.is_file()
        if path is not None and there and source_hash(path, source.beside) != source.sha256:
            yield path
    if definition is not None and definition.objective.files:
        objective = definition.objective
        here = hashes(objective.files, Path(objective.folder))
        for name, found in here.items():
            if found != objective.files[name]:
                yield Path(objective.folder) / name


def _has_results(store: Store, name: str) -> bool:
    observed = store.trials.all_readable(name, OBSERVED_STATES)
    return any(each.result is not None for each in observed)


def check_function(
    store: Store, search: Search, function: Callable[..., Any] | None, who: str, *, replace: bool
) -> None:
    """Check that a Python session hands a stored search the function that it was submitted with.

    A search without a hash of its function, as older versions have stored it, isn't checked. One
    that has no result yet takes another function, so that a fault can be mended under its name.

    Args:
        store: the store.
        search: the stored search.
        function: what its trials are to be evaluated by; None where a module has it.
        who: the person that events name.
        replace: take another function on purpose, and add an event.

    Raises:
        StateConflictError: it is another function.
    """
    stored = None if search.definition is None else search.definition.objective.code
    if stored is None or function is None:
        return
    found = code_hash(function)
    if found == stored:
        return
    name = getattr(function, "__name__", type(function).__name__)
    if not comparable(stored, found):
        logger.warning(
            "nobody has checked that %s is still what search %r was submitted with: Python %s "
            "compiled that one",
            name,
            search.name,
            stored.partition(":")[0],
        )
    elif not replace and _has_results(store, search.name):
        raise StateConflictError(
            f"search {search.name!r} has results of another version of {name}: its code, or that "
            "of a function it calls, has changed. Choose another name, or say "
            "replace_objective=True to mix the results of both"
        )
    if comparable(stored, found) or replace:
        store.searches.edit(
            search.name,
            lambda _: {"definition.objective.code": found},
            who,
            "objective replaced",
            f"from now on, trials are evaluated by another version of {name}",
        )
