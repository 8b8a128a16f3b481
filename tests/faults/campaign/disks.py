"""Small file systems in memory that can be filled to the last byte, and emptied again."""

import contextlib
import os
import subprocess
from pathlib import Path

FILLER = "filler"


class SmallDisk:
    """A tmpfs of its own for one folder.

    Attributes:
        limited: False where this machine refuses to mount one: then the folder is a plain one.
    """

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        options = f"size={mebibytes}m,mode=0700"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
            check=False,
            capture_output=True,
        )
        self.limited = mounted.returncode == 0

    def fill(self) -> None:
        """Leave no byte free, however much its users write or remove meanwhile."""
        with (self.folder / FILLER).open("ab") as filler:
            size = filler.tell()
            # Others write at the same time: what was free a moment ago may not be there.
            step = 2**24
            while step >= 4096:
                try:
                    os.posix_fallocate(filler.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2

    def empty(self) -> None:
        """Give all room back."""
        (self.folder / FILLER).unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount it."""
        with contextlib.suppress(OSError):
            subprocess.run(["umount", "-l", self.folder], check=False, capture_output=True)
