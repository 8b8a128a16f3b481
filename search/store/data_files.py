"""The files of an embedded store's data: whether one is missing, and what room a start takes.

The server makes an empty file in the place of one that is missing, and with it an empty store. So
their names are noted beside them.
"""

import json
import shutil
from pathlib import Path

NOTED = "alignsearch-files.json"
"""Lies in the data's own folder, so that a copy of the data has a list that is right for it."""


LEAST_ROOM = 4 * 2**20
"""Bytes that a start takes at least, for a new log file."""


def lacking_room(data: Path) -> int:
    """Return how many bytes must become free before a server that crashed is started; 0 if none.

    It replays its log, which writes about as much again into the data and their indexes. A start
    without room for that fails, and leaves the disk full.
    """
    log = sum(path.stat().st_size for path in data.glob("WiredTigerLog.*"))
    return max(0, LEAST_ROOM + 2 * log - shutil.disk_usage(data).free)


def note(data: Path) -> None:
    """Note which files the data have now."""
    names = sorted(path.name for path in data.glob("*.wt"))
    noted = data / NOTED
    if names == _noted(noted):
        return
    new = data / f"{NOTED}.new"
    new.write_text(json.dumps(names) + "\n")
    new.replace(noted)


def missing(data: Path) -> list[str]:
    """Return the noted files that are not there any more; none if nothing was noted."""
    return [name for name in _noted(data / NOTED) if not (data / name).exists()]


def _noted(noted: Path) -> list[str]:
    try:
        found = json.loads(noted.read_text())
    except (FileNotFoundError, ValueError):
        # A list that a full disk has cut off is no reason to keep sound data closed.
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
