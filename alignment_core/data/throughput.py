"""How fast the input pipeline is without anything to feed."""

import itertools
import time
from collections.abc import Iterator

from alignment_core.data.dataset import DataSet
from alignment_core.data.pipeline import readable


def images_per_second(dataset: DataSet, batch_size: int, seconds: float = 5.0) -> float:
    """Training images a second, over at least `seconds` and as many epochs as that takes.

    What the beginning of each further epoch takes is part of it; the very first batch,
    for which the pipeline is traced, is not. Raises what `train_batches` and reading raise.
    """

    def sizes() -> Iterator[int]:
        for epoch in itertools.count():
            for images, _ in readable(dataset.train_batches(batch_size, 0, epoch)):
                yield len(images)

    batches = sizes()
    next(batches)
    started, count, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < seconds:
        count += next(batches)
        elapsed = time.perf_counter() - started
    return count / elapsed
