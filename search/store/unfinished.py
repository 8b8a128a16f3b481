"""Files that are written whole or not at all, and of which a kill leaves no part for ever."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alignsearch.search.store.processes import lives

SUFFIX = "alignsearch-unfinished"


@contextmanager
def unfinished(file: Path) -> Iterator[Path]:
    """Yield the path of a new file, which becomes `file` at the end of the context.

    Files that killed processes of this host have left in the folder are removed first.

    Raises:
        FileExistsError: there is such a file by now.
        OSError: the folder can't be written to.
    """
    sweep(file.parent)
    # Not `file`'s own name, which may be as long as a name can be.
    path = file.with_name(f".{socket.gethostname()[:64]}.{os.getpid()}.{SUFFIX}")
    try:
        yield path
        os.link(path, file)
    finally:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes of this host that were killed have left in the folder."""
    for path in folder.glob(f".{socket.gethostname()[:64]}.*.{SUFFIX}"):
        pid = path.name.split(".")[-2]
        if pid.isdecimal() and not lives(int(pid)):
            path.unlink(missing_ok=True)
