"""Errors of the embedded store's folder and server: what is wrong there, and what to do."""

import errno
from pathlib import Path

from alignsearch.search.documents.errors import StoreCorruptedError, StoreUnavailableError
from alignsearch.search.store.data_files import lacking_room

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_WORDS = ("No space left on device", "Disk quota exceeded")


def not_started(
    folder: Path, data: Path, server_file: Path, words: str
) -> StoreUnavailableError | StoreCorruptedError:
    """Return the error for a server that ended at its start; `words` are the end of its log."""
    if "Device or resource busy" in words:
        return StoreUnavailableError(
            f"another server has the data in {data} open, and {server_file.name} doesn't name it: "
            "end the process whose command line has this path, then try again"
        )
    lacking = lacking_room(data) if data.exists() else 0
    if lacking or any(each in words for each in _FULL_WORDS):
        return disk_full(folder, lacking)
    return damaged(folder, data, "its data are damaged", words)


def damaged(folder: Path, data: Path, what: str, words: str = "") -> StoreCorruptedError:
    """Return the error for data that can't be used."""
    return StoreCorruptedError(
        f"the store in {folder} can't be opened: {what}, and everything was left as it is. Restore "
        f"{data} from a backup, or move it away to begin with an empty store"
        + (f"; {words}" if words else "")
    )


def disk_full(folder: Path, lacking: int = 0) -> StoreUnavailableError:
    """Return the error for a disk without room for the store.

    lacking: bytes that must become free; 0 if that isn't known.
    """
    room = f"{lacking / 1e6:.0f} MB more" if lacking else "room"
    return StoreUnavailableError(
        f"the disk of the store in {folder} is full: free {room} on it, and the store goes on by "
        "itself; nothing that it has acknowledged is lost"
    )


def unusable(folder: Path, error: OSError) -> StoreUnavailableError | StoreCorruptedError:
    """Return the error for a folder in which the store's files can't be made."""
    if error.errno in _FULL:
        return disk_full(folder)
    return StoreCorruptedError(
        f"{folder} can't be used as the store's folder ({error.strerror}): it must be a folder "
        "that you may write to; move away what is there, work in another folder, or give the URI "
        "of a MongoDB with --store"
    )


def unreadable(server_file: Path, data: Path, why: object) -> StoreCorruptedError:
    """Return the error for a port file that says nothing."""
    return StoreCorruptedError(
        f"{server_file} can't be read ({why}) and was left as it is. End the server if one runs "
        f"(its command line has {data}), delete this file, and try again; the data aren't touched"
    )
