"""Folders on this machine or on a remote file system that TensorFlow can read (gs://)."""

import shutil
from contextlib import suppress
from pathlib import Path


def is_address(path: str) -> bool:
    """Return whether `path` is on a remote file system, for example gs://bucket/folder."""
    return "://" in path


def names(folder: str) -> list[str]:
    """Return the sorted names of the folder's entries; none if the folder doesn't exist.

    Raises:
        OSError: the folder can't be read.
    """
    if not is_address(folder):
        path = Path(folder)
        return sorted(each.name for each in path.iterdir()) if path.is_dir() else []
    # Importing TensorFlow takes seconds, which only users of remote folders need to wait for.
    import tensorflow as tf

    try:
        # A bucket's folders are listed with a slash at the end.
        return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))
    except tf.errors.NotFoundError:
        return []
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: {error.message}") from error


def remove(folder: str) -> None:
    """Remove the folder with all of its contents, if it exists. Two processes may do so at once.

    Raises:
        OSError: the folder can't be removed.
    """
    if not is_address(folder):
        shutil.rmtree(folder, ignore_errors=True)
        if Path(folder).exists():
            # The error says why something is left, unless it is that another process removes it.
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        return
    import tensorflow as tf

    try:
        tf.io.gfile.rmtree(folder)
    except tf.errors.NotFoundError:
        return
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: {error.message}") from error
