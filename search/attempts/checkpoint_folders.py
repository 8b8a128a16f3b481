"""Checkpoint folders that exist on disk or in a bucket, listed by the numbers in their names."""

import re

from alignment_core import files
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.checkpoint_names import readable

_NUMBER = re.compile(r"\d+")


def earlier_attempts(search: Search, trial: Trial, attempt: int) -> list[str]:
    """Return the folders with checkpoints of attempts before number `attempt`, the latest last.

    Among attempts of one number, the original's comes before the search's own. The list is empty
    if the search keeps no checkpoints.

    Raises:
        OSError: the trial's folder can't be read.
    """
    found = [
        (number, own, f"{folder}/{trial.tid}/{number}")
        for own, folder in enumerate(readable(search))
        for number in numbered(f"{folder}/{trial.tid}")
        if number < attempt
    ]
    return [folder for _, _, folder in sorted(found)]


def numbered(folder: str) -> set[int]:
    """Return the numbers that name entries of the folder; other entries are ignored.

    Raises:
        OSError: the folder can't be read. A folder that doesn't exist has no entries.
    """
    return {int(name) for name in files.names(folder) if _NUMBER.fullmatch(name)}
