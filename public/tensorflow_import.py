"""Importing TensorFlow without the notices that it prints."""

import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alignment_core.data import InputOptions


def import_tensorflow() -> None:
    """Import TensorFlow and hide its notices about libraries that it doesn't find.

    TensorFlow writes to the file descriptor, not to `sys.stderr`. If the import fails, everything
    that it wrote is printed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    usual = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            import tensorflow as tf

            # Looking for accelerators prints notices, too.
            tf.config.list_logical_devices()
        except BaseException:
            kept.seek(0)
            os.write(usual, kept.read())
            raise
        finally:
            os.dup2(usual, 2)
            os.close(usual)


def check_data(name: str, data_dir: str | None, options: "InputOptions") -> None:
    """Call `data.check` and `data.check_options`, with their errors and without notices."""
    # Imports NumPy, which most commands do without.
    from alignment_core import data

    if data.info(name).streamed and data_dir is not None:
        import_tensorflow()
    data.check(name, data_dir)
    data.check_options(name, options)
