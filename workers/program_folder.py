"""The folder in which a search's program runs on a host: the one that has the submitted files."""

import socket
from pathlib import Path

from alignsearch.search.attempts.program_files import hash_of, hashes
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import SourceError
from alignsearch.workers.sources import shipped_folder


def folder_of(search: Search) -> Path | None:
    """Return the folder on this host in which the search's program is to run.

    It is where the driver has shipped the program's files, or the folder where the search was
    submitted. None is returned where the program has no files of its own and that folder isn't
    here.

    Raises:
        SourceError: the files are missing on this host, or aren't the submitted ones.
    """
    assert search.definition is not None
    objective = search.definition.objective
    folders = [shipped_folder(hash_of(objective.files)), Path(objective.folder)]
    wrong = []
    for folder in [each for each in folders if each is not None and each.is_dir()]:
        here = hashes(objective.files, folder)
        if here == objective.files:
            return folder
        wrong += [folder / name for name, found in here.items() if found != objective.files[name]]
    if not objective.files:
        return None
    where = socket.gethostname()
    if wrong:
        raise SourceError(
            f"the program of search {search.name!r} has changed: {wrong[0]} on {where} is not the "
            f"version that was submitted; bring that version back and `alignsearch resume "
            f"{search.name}`, or submit the new one as a new search"
        )
    raise SourceError(
        f"the program of search {search.name!r} is not on {where}: {', '.join(objective.files)} of "
        f"{objective.folder}; copy it there, and `alignsearch resume {search.name}`"
    )
