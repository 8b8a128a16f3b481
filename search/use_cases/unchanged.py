"""Comparison of a stored search's definition with its source, as that is on this machine now."""

from collections.abc import Iterator
from pathlib import Path

from alignsearch.search.attempts.program_files import hashes
from alignsearch.search.documents import Search, StoredSource, space_of
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.spaces.source_files import source_hash


def check_unchanged(search: Search) -> None:
    """Check that a search which is to go on is still the one that was submitted.

    Its space must be readable, and its source, as far as that lies on this machine, the submitted
    one: trials of two objectives can't be compared. Nothing is imported. What lies on other hosts
    only is compared there by each worker.

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
        if path is not None and there and source_hash(path) != source.sha256:
            yield path
    if definition is not None and definition.objective.files:
        objective = definition.objective
        here = hashes(objective.files, Path(objective.folder))
        for name, found in here.items():
            if found != objective.files[name]:
                yield Path(objective.folder) / name
