"""TensorBoard's scalars of a training."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tensorflow as tf

from alignment_core.training.results import EpochResult, scalars_of

# tf.summary.scalar writes the same metadata, but needs the package tensorboard, which we don't.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


class TensorBoardLog(AbstractContextManager["TensorBoardLog"]):
    """A log of scalars by epoch for TensorBoard.

    An epoch's values are tagged by their names, a layer's values for example as `angle/stem`. An
    epoch that is written again after a crash appears twice, with the same values.
    """

    def __init__(self, folder: Path) -> None:
        """Create a new event file in `folder`; older event files stay."""
        self._writer: Any = tf.summary.create_file_writer(str(folder))

    def write(self, epoch: EpochResult) -> None:
        """Write an epoch's scalars to disk, without the values that weren't measured."""
        with self._writer.as_default():
            for tag, value in scalars_of(epoch):
                tf.summary.write(tag, tf.constant(value, tf.float32), epoch.epoch, _SCALAR)
        self._writer.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def __enter__(self) -> Self:
        return self
