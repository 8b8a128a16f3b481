"""Throughput of a data set's input pipeline alone, without a network."""

import itertools
import time
from collections.abc import Iterator

from alignment_core.data.dataset import DataSet
from alignment_core.data.pipeline import translating_errors


def images_per_second(dataset: DataSet, batch_size: int, seconds: float = 5.0) -> float:
    """Return the training images per second, measured over at least `seconds`.

    As many epochs as necessary are read. The start of each epoch counts; the first batch, for which
    the pipeline is traced, doesn't.

    Raises:
        ConfigurationError: the batch is larger than the training split.
        DataError: a record can't be read.
    """

    def sizes() -> Iterator[int]:
        for epoch in itertools.count():
            for images, _ in translating_errors(dataset.train_batches(batch_size, 0, epoch)):
                yield len(images)

    batches = sizes()
    next(batches)
    started, count, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < seconds:
        count += next(batches)
        elapsed = time.perf_counter() - started
    return count / elapsed
