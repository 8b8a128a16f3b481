"""TensorFlow without its notices, for the verbs that need it."""

import os
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alignment_core.data import InputOptions


def import_tensorflow() -> None:
    """Import TensorFlow without a word on every library that it doesn't find.

    It writes past Python; if anything goes wrong, all of it is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    usual = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            import tensorflow as tf

            # Looks for accelerators, and tells of those too.
            tf.config.list_logical_devices()
        except BaseException:
            kept.seek(0)
            os.write(usual, kept.read())
            raise
        finally:
            os.dup2(usual, 2)
            os.close(usual)


def check_data(name: str, data_dir: str | None, options: "InputOptions") -> None:
    """What `data.check` and `data.check_options` do and raise, without a notice."""
    # Brings NumPy, which most verbs do without, as they do without TensorFlow.
    from alignment_core import data

    if data.info(name).streamed and data_dir is not None:
        import_tensorflow()
    data.check(name, data_dir)
    data.check_options(name, options)
