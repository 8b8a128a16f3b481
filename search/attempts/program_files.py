"""The files of a program that is run for each trial: noted at submit, and compared on each host."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from alignment_core.errors import ConfigurationError

LARGEST_FILE = 2**25
"""Bytes of a file that counts as part of a program, 32 MiB; larger ones are data, and hashing them
before each trial would take longer than some trials."""


def own_files(command: Sequence[str], folder: Path) -> dict[str, str]:
    """Return the hashes of the command's files in a folder, by their paths below it.

    These are all arguments that are paths of files there up to `LARGEST_FILE`; in `python train.py
    --data x.csv` both train.py and x.csv. Other files that the program imports or reads are not
    known.

    Raises:
        ConfigurationError: a file can't be read.
    """
    inside = folder.resolve()
    paths = [Path(os.path.normpath(inside / word)) for word in command]
    here = [path for path in paths if path.is_relative_to(inside)]
    return hashes([path.relative_to(inside).as_posix() for path in here], inside)


def hashes(names: Collection[str], folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files of these names that lie in a folder, by name.

    Raises:
        ConfigurationError: a file can't be read.
    """
    return {name: _hash(folder / name) for name in names if _is_file(folder / name)}


def hash_of(files: Mapping[str, str]) -> str:
    """Return one hash of the files' names and hashes."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


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
