"""Functions for the batches of all data sets: shares of replicas, errors and speed."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError, DataError

PADDING_LABEL = -1
"""Label of the rows that pad the last validation batches; metrics ignore these rows."""

MOST_AT_ONCE, AT_ONCE_BYTES = 32, 4 << 20
"""Limits of the batches that leave the pipeline together: their number, and their total bytes, so
that they take little memory."""


def input_pipeline(context: tf.distribute.InputContext | None) -> tuple[int, int]:
    """Return the index of this input pipeline and the number of pipelines."""
    if context is None:
        return 0, 1
    return context.input_pipeline_id, context.num_input_pipelines


def replicas(context: tf.distribute.InputContext | None) -> int:
    """Return the number of replicas that share a batch."""
    return 1 if context is None else context.num_replicas_in_sync


def replica_batch(batch_size: int, context: tf.distribute.InputContext | None) -> int:
    """Return the size of one replica's share of a batch.

    Raises:
        ConfigurationError: the replicas can't share the batch evenly.
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
    """Return the rows for this pipeline's replicas, (batches, size of a replica's share).

    `rows` (steps, batch) are the image indices of each step. Each step's batch is divided among
    the replicas in their order.
    """
    number, pipelines = input_pipeline(context)
    batch = replica_batch(rows.shape[1], context)
    return rows.reshape(len(rows), pipelines, -1, batch)[:, number].reshape(-1, batch)


def even_batches(
    size: int, largest: int, context: tf.distribute.InputContext | None
) -> tuple[int, int]:
    """Return the least number of batches of at most `largest` rows, and their least equal size.

    The size is rounded up to a multiple of the number of replicas, even above `largest`.
    """
    count = math.ceil(size / largest)
    share = replicas(context)
    return count, math.ceil(size / count / share) * share


def translating_errors(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches; a DataError raised inside the pipeline is raised as a DataError again.

    TensorFlow turns an error inside a `tf.data` pipeline into its own UnknownError, with the
    original message within a traceback.
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
    """Yield the batches as `translating_errors` does; small ones leave the pipeline in groups.

    Fetching an element takes 0.6 ms on processors that are busy with a step, whatever its size.
    """
    specs = tf.nest.flatten(batches.element_spec)
    size = sum(spec.dtype.size * math.prod(spec.shape) for spec in specs)
    at_once = min(MOST_AT_ONCE, AT_ONCE_BYTES // size)
    if at_once < 2:
        yield from translating_errors(batches)
        return
    for several in translating_errors(batches.batch(at_once).prefetch(1)):
        yield from zip(*map(tf.unstack, several), strict=True)


def without_autotune(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Return the batches without `tf.data`'s autotuning, which in-memory data doesn't need.

    One time in five the autotuning thread (TensorFlow 2.21) misses the end of its pipeline. The
    epoch then ends only when the thread wakes up by itself, up to 2.5 s later.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)
