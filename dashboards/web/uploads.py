"""Files that a request uploads: kept in a folder of their own until the request is done."""

import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from alignment_core.errors import ConfigurationError

LONGEST_FILE_NAME = 100
"""Characters of a file's name that are kept, the last ones: they say how it is compressed."""

_ODD = re.compile(r"[^\w. -]")

R = TypeVar("R")


@asynccontextmanager
async def uploaded(request: Request, name: str) -> AsyncIterator[Path]:
    """Write the request's body to a file that only this user can read, and remove it at the end.

    name: the file's name where it comes from; no other part of its path is used.
    """
    shown = _ODD.sub("_", re.split(r"[/\\]", name)[-1]).strip(" .")[-LONGEST_FILE_NAME:] or "file"
    with tempfile.TemporaryDirectory(prefix="alignsearch-upload-") as folder:
        path = Path(folder) / shown
        with path.open("wb") as file:
            async for piece in request.stream():
                await run_in_threadpool(file.write, piece)
        yield path


async def read_upload(path: Path, read: Callable[[Path], R]) -> R:
    """Call `read` with an uploaded file, aside from the server's loop.

    Raises:
        ConfigurationError: the file can't be used; the message doesn't tell where it was kept.
    """
    try:
        return await run_in_threadpool(read, path)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace(f"{path.parent}/", "")) from error
