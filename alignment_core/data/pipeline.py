"""What batches of every data set have in common: their division and their errors."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError, DataError

PADDING_LABEL = -1
"""The label of the rows that fill the last validation batch up; they count for nothing."""

MOST_AT_ONCE, AT_ONCE_BYTES = 32, 4 << 20
"""Batches that leave the pipeline together."""


def input_pipeline(context: tf.distribute.InputContext | None) -> tuple[int, int]:
    """The number of this input pipeline, and how many there are."""
    if context is None:
        return 0, 1
    return context.input_pipeline_id, context.num_input_pipelines


def replicas(context: tf.distribute.InputContext | None) -> int:
    """How many replicas share a batch."""
    return 1 if context is None else context.num_replicas_in_sync


def replica_batch(batch_size: int, context: tf.distribute.InputContext | None) -> int:
    """The part of a batch that one replica takes.

    Raises ConfigurationError if the parts wouldn't be equal.
    """
    if batch_size % replicas(context):
        raise ConfigurationError(
            f"a batch of {batch_size} can't be shared evenly by {replicas(context)} replicas; "
            "make it a multiple of their number"
        )
    return batch_size // replicas(context)


def own_batches(
    rows: NDArray[np.int64], context: tf.distribute.InputContext | None
) -> NDArray[np.int64]:
    """Of the rows (steps, batch), those for this pipeline's replicas: (batches, batch of one).

    Every step's batch is dealt out to the replicas in their order.
    """
    number, pipelines = input_pipeline(context)
    batch = replica_batch(rows.shape[1], context)
    return rows.reshape(len(rows), pipelines, -1, batch)[:, number].reshape(-1, batch)


def even_batches(
    size: int, largest: int, context: tf.distribute.InputContext | None
) -> tuple[int, int]:
    """The least number of batches of at most `largest`, and the least size that they can have.

    The size is a multiple of the number of replicas, even if that takes it above `largest`.
    """
    count = math.ceil(size / largest)
    share = replicas(context)
    return count, math.ceil(size / count / share) * share


def readable(batches: Iterable[Any]) -> Iterator[Any]:
    """The batches; what a data set refuses while it is read is a DataError here too.

    An error of ours inside a `tf.data` pipeline arrives as TensorFlow's, with its words
    amid a traceback.
    """
    iterator = iter(batches)
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except tf.errors.UnknownError as error:
            words = re.search(rf"{DataError.__name__}: (.+)", error.message)
            if words is None:
                raise
            raise DataError(words[1]) from error
        yield batch


def one_by_one(batches: tf.data.Dataset) -> Iterator[Any]:
    """The batches, as `readable`; small ones leave the pipeline several at once.

    Leaving it takes 0.6 ms on processors that a step keeps busy, whatever leaves.
    """
    specs = tf.nest.flatten(batches.element_spec)
    size = sum(spec.dtype.size * math.prod(spec.shape) for spec in specs)
    at_once = min(MOST_AT_ONCE, AT_ONCE_BYTES // size)
    if at_once < 2:
        yield from readable(batches)
        return
    for several in readable(batches.batch(at_once).prefetch(1)):
        yield from zip(*map(tf.unstack, several), strict=True)


def untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The batches without `tf.data`'s tuner, which a pipeline out of memory has no need of.

    One time in five the tuner's thread (TensorFlow 2.21) misses the end of its pipeline, and an
    epoch can't end before that thread wakes by itself: 2.5 s after an epoch of 3 s.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)
