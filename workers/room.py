"""Imports that fail for what their host lacks at the moment: memory, disk, open files."""

import errno

_NO_ROOM = {errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
_LOADER_SAYS = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")
"""Parts of what the dynamic loader says of a library that doesn't fit into memory; Python passes
the loader's text on as an ImportError without a number."""


def lacks_room(error: BaseException) -> bool:
    """Return whether an import failed for what its host lacks now, and may have again."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return True
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            return True
        if isinstance(cause, ImportError) and any(each in str(cause) for each in _LOADER_SAYS):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
