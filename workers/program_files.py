"""The files of a program that is run for each trial: noted at submit, and compared on each host."""

import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search
from alignsearch.search.documents.errors import SourceError
from alignsearch.workers.sources import shipped_folder

LARGEST_FILE = 2**25
"""Bytes of a file that counts as part of a program, 32 MiB; larger ones are data, and hashing them
before each trial would take longer than some trials."""


def own_files(command: Sequence[str], folder: Path) -> dict[str, str]:
    """Return the hashes of the command's files in a folder, by their paths below it.

    These are all arguments that are paths of files there up to `LARGEST_FILE`; in `python train.py
    --data x.csv` both train.py and x.csv. What the program imports or reads besides is not known.

    Raises:
        ConfigurationError: a file can't be read.
    """
    found = {}
    for argument in command:
        path = folder / argument
        inside = path.resolve().is_relative_to(folder.resolve())
        if inside and _is_file(path):
            found[path.resolve().relative_to(folder.resolve()).as_posix()] = _hash(path)
    return found


def hash_of(files: Mapping[str, str]) -> str:
    """Return one hash of the files' paths and hashes."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


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
        here = {name: _hash(folder / name) for name in objective.files if _is_file(folder / name)}
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


def _is_file(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= LARGEST_FILE
    except (OSError, ValueError):
        # An argument can be longer than any path, or have a NUL.
        return False


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
