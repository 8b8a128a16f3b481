"""Wall clocks of processes that are set while they run, by a library of the loader's.

The library reads an offset in seconds from a file that it maps into memory, and adds it to the wall
clock alone: monotonic clocks, and waits on either, stay right. It is compiled here; where there is
no C compiler, no clock is set.
"""

import os
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")
VARIABLE = "CAMPAIGN_CLOCK"
"""Names the file with the offset, in the environment of a process whose clock can be set."""
TWO_HOURS = 7200


def compiled(folder: Path) -> Path | None:
    """Return the library; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "clock.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl", "-lpthread"],
        check=True,
        capture_output=True,
    )
    return library


class Clock:
    """The wall clock of some processes: those that are started with its `environment`."""

    def __init__(self, file: Path, library: Path | None) -> None:
        self.file = file
        self.settable = library is not None
        self.set(0)
        self.environment = (
            {}
            if library is None
            else {
                "LD_PRELOAD": str(library),
                VARIABLE: str(file),
            }
        )

    def set(self, seconds: int) -> None:
        """Let the clock be off by so many seconds from now on."""
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            os.write(file.fileno(), struct.pack("q", seconds))
