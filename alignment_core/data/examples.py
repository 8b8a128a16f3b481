"""Conversion of ImageNet's records to images and labels, with a treatment of corrupt records."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.data.dataset import CorruptRecord
from alignment_core.data.pipeline import PADDING_LABEL, translating_errors
from alignment_core.data.shards import OnCorrupt, located_records

IMAGE, LABEL = "image/encoded", "image/class/label"
"""Features of a record: a JPEG image, and its class from 1 to the number of classes."""

SHARDS_AT_ONCE = 16
"""Shards that are read in parallel: enough to hide the latency of a remote file system."""

IMAGES_AT_ONCE = 64
"""Records that are prepared in parallel at most: enough to occupy the threads of a large host."""

Prepare = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Function (encoded JPEG, number of the record in reading order) -> prepared image."""


def all_records(shards: Sequence[str], on_corrupt: OnCorrupt) -> tf.data.Dataset:
    """Return (payload, shard, offset) of all shards' records, always in the same order."""
    return tf.data.Dataset.from_tensor_slices(list(shards)).interleave(
        lambda shard: located_records(shard, on_corrupt),
        cycle_length=min(SHARDS_AT_ONCE, len(shards)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def prepared_records(
    records: tf.data.Dataset,
    prepare: Prepare,
    shape: tuple[int, ...],
    num_classes: int,
    on_corrupt: OnCorrupt,
) -> tf.data.Dataset:
    """Return the prepared image, float32 of `shape`, and the label from 0 of each record.

    Args:
        records: records with their location, from `all_records`.
        prepare: function that makes an image of a record's JPEG.
        shape: static shape of the prepared image.
        num_classes: number of classes; a record with another label is corrupt.
        on_corrupt: called with each record that can't be prepared, which is then left out.
    """

    def attempt(place: tf.Tensor, record: tuple[tf.Tensor, ...]) -> tf.data.Dataset:
        def prepared(place: tf.Tensor, payload: tf.Tensor) -> tuple[tf.Tensor, ...]:
            encoded, label = _parse(payload, num_classes)
            return tf.ensure_shape(prepare(encoded, place), shape), label, True

        # A graph can't catch an error. A pipeline of one record drops the record at an error, and
        # then the stand-in behind it is taken.
        stand_in = (tf.zeros(shape), tf.constant(PADDING_LABEL), False)
        return (
            tf.data.Dataset.from_tensors((place, record[0]))
            .map(prepared)
            .ignore_errors()
            .concatenate(tf.data.Dataset.from_tensors(stand_in))
            .take(1)
            .map(lambda image, label, good: (image, label, good, *record))
        )

    def tell(payload: bytes, shard: bytes, offset: np.int64) -> np.bool_:
        reason = _what_is_wrong(payload, num_classes)
        on_corrupt(CorruptRecord(shard.decode(), int(offset), reason))
        return np.False_

    def keep(_: tf.Tensor, __: tf.Tensor, good: tf.Tensor, *record: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            good,
            lambda: True,
            lambda: tf.ensure_shape(tf.numpy_function(tell, record, tf.bool), []),
        )

    return (
        records.enumerate()
        .interleave(
            attempt,
            cycle_length=IMAGES_AT_ONCE,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .filter(keep)
        .map(lambda image, label, *_: (image, label))
    )


def class_counts(
    shards: Sequence[str], num_classes: int, on_corrupt: OnCorrupt
) -> NDArray[np.int64]:
    """Return the number of records of each class (num_classes,), without decoding images."""

    def nothing(_: tf.Tensor, __: tf.Tensor) -> tf.Tensor:
        return tf.zeros([])

    counts = np.zeros(num_classes, np.int64)
    found = all_records(shards, on_corrupt)
    records = prepared_records(found, nothing, (), num_classes, on_corrupt)
    for _, labels in translating_errors(records.batch(256)):
        counts += np.bincount(labels, minlength=num_classes)
    return counts


def _parse(payload: tf.Tensor, num_classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    features = {
        IMAGE: tf.io.FixedLenFeature([], tf.string),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    found = tf.io.parse_single_example(payload, features)
    label = found[LABEL]
    within = tf.debugging.Assert((label >= 1) & (label <= num_classes), [label])
    with tf.control_dependencies([within]):
        return found[IMAGE], tf.cast(label - 1, tf.int32)


def _what_is_wrong(payload: bytes, num_classes: int) -> str:
    """Return why a record can't be prepared, by repeating the preparation step by step."""
    example = tf.train.Example()
    try:
        example.ParseFromString(payload)
    # Each implementation of protocol buffers has its DecodeError in another module.
    except Exception:
        return "its content is no tf.train.Example"
    feature = example.features.feature
    images, labels = feature[IMAGE].bytes_list.value, feature[LABEL].int64_list.value
    if len(images) != 1:
        return f"it has no {IMAGE}"
    if len(labels) != 1:
        return f"it has no {LABEL}"
    if not 1 <= labels[0] <= num_classes:
        return f"its label is {labels[0]}, not one of 1 to {num_classes}"
    return "its image is no JPEG, or a damaged one"
