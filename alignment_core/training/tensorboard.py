"""What TensorBoard shows of a training."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tensorflow as tf

from alignment_core.training.results import EPOCH_VALUES, LAYER_VALUES, EpochReport

# What tf.summary.scalar writes; that one wants the package tensorboard, which only shows it.
_SCALAR = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


class Summaries(AbstractContextManager["Summaries"]):
    """Scalars by epoch in `folder`: an epoch's own values by name, a layer's as `angle/stem`.

    An epoch that is told twice, after a sudden death, is there twice with the same values.
    """

    def __init__(self, folder: Path) -> None:
        """Start a file of events in `folder`, beside what is there."""
        self._writer: Any = tf.summary.create_file_writer(str(folder))

    def write(self, report: EpochReport) -> None:
        """Write an epoch's scalars and leave them on disk; what was not measured is left out."""
        with self._writer.as_default():
            for tag, value in _scalars(report):
                tf.summary.write(tag, tf.constant(value, tf.float32), report.epoch, _SCALAR)
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


def _scalars(report: EpochReport) -> Iterator[tuple[str, float]]:
    for name in EPOCH_VALUES:
        value = getattr(report, name)
        if value is not None:
            yield name, value
    for layer in report.layers:
        for name in LAYER_VALUES:
            value = getattr(layer, name)
            if value is not None:
                yield f"{name}/{layer.name}", value
