"""Importing TensorFlow without the notices that it prints."""

import os
import re
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from alignment_core.data import InputOptions

T = TypeVar("T")


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


_NOTICE = re.compile(rb"[IWE]\d{4} |WARNING: All log messages before absl|To enable the f")
"""Beginnings of TensorFlow's notices."""


def quietly(function: Callable[[str], T]) -> Callable[[str], T]:
    """Return a function that imports a user's module, without TensorFlow's notices.

    All else that the module writes to standard error is printed when it has been imported.
    """

    def call(address: str) -> T:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        sys.stderr.flush()
        usual = os.dup(2)
        with tempfile.TemporaryFile() as kept:
            os.dup2(kept.fileno(), 2)
            try:
                found = function(address)
                if "tensorflow" in sys.modules:
                    # Looking for accelerators prints notices, too.
                    sys.modules["tensorflow"].config.list_logical_devices()
                return found
            finally:
                sys.stderr.flush()
                os.dup2(usual, 2)
                os.close(usual)
                kept.seek(0)
                for line in kept:
                    if not _NOTICE.match(line):
                        os.write(2, line)

    return call


def check_data(name: str, data_dir: str | None, options: "InputOptions") -> None:
    """Call `data.check` and `data.check_options`, with their errors and without notices."""
    # Imports NumPy, which most commands do without.
    from alignment_core import data

    if data.info(name).streamed and data_dir is not None:
        import_tensorflow()
    data.check(name, data_dir)
    data.check_options(name, options)
