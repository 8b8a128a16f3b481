"""Folders on this machine, or at an address of a file system that TensorFlow knows (gs://)."""

import shutil
from pathlib import Path


def is_address(path: str) -> bool:
    """Whether `path` is no folder of this machine's own."""
    return "://" in path


def names(folder: str) -> list[str]:
    """What is in the folder, by name; nothing if there is no such folder.

    Raises:
        OSError: it can't be read.
    """
    if not is_address(folder):
        path = Path(folder)
        return sorted(each.name for each in path.iterdir()) if path.is_dir() else []
    # Only who has such a folder pays for the import.
    import tensorflow as tf

    try:
        # A bucket's folders are listed with a slash behind them.
        return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))
    except tf.errors.NotFoundError:
        return []
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: {error.message}") from error


def remove(folder: str) -> None:
    """Remove the folder and all that is in it, if it is there.

    Raises:
        OSError: it can't be removed.
    """
    if not is_address(folder):
        shutil.rmtree(folder, ignore_errors=not Path(folder).exists())
        return
    import tensorflow as tf

    try:
        tf.io.gfile.rmtree(folder)
    except tf.errors.NotFoundError:
        return
    except tf.errors.OpError as error:
        raise OSError(f"{folder}: {error.message}") from error
