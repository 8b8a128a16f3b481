"""From the records of ImageNet's shards to images with labels, the corrupt ones told apart."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.data.dataset import CorruptRecord
from alignment_core.data.pipeline import PADDING_LABEL, readable
from alignment_core.data.shards import OnCorrupt, located_records

IMAGE, LABEL = "image/encoded", "image/class/label"
"""Features of a record: a JPEG, and its class from 1 to the number of classes."""

SHARDS_AT_ONCE = 16

IMAGES_AT_ONCE = 64
"""Records that may be in preparation side by side, by as many threads as there are."""

Prepare = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(Encoded JPEG, number of the record in the order of reading) -> what is made of it."""


def all_records(shards: Sequence[str], told: OnCorrupt) -> tf.data.Dataset:
    """The records of all shards, always in the same order: (payload, shard, offset)."""
    return tf.data.Dataset.from_tensor_slices(list(shards)).interleave(
        lambda shard: located_records(shard, told),
        cycle_length=min(SHARDS_AT_ONCE, len(shards)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def prepared_records(
    records: tf.data.Dataset,
    prepare: Prepare,
    shape: tuple[int, ...],
    num_classes: int,
    told: OnCorrupt,
) -> tf.data.Dataset:
    """What `prepare` makes of each located record, float32 of `shape`, with its label from 0.

    A record that can't be prepared is told by its place.
    """

    def attempt(place: tf.Tensor, record: tuple[tf.Tensor, ...]) -> tf.data.Dataset:
        def prepared(place: tf.Tensor, payload: tf.Tensor) -> tuple[tf.Tensor, ...]:
            encoded, label = _parse(payload, num_classes)
            return tf.ensure_shape(prepare(encoded, place), shape), label, True

        # An error can't be caught within a graph: a pipeline of this one record loses
        # the record to it instead, and the stand-in moves up.
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
        told(CorruptRecord(shard.decode(), int(offset), reason))
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


def class_counts(shards: Sequence[str], num_classes: int, told: OnCorrupt) -> NDArray[np.int64]:
    """How many records each class has, (num_classes,); images are not decoded."""

    def nothing(_: tf.Tensor, __: tf.Tensor) -> tf.Tensor:
        return tf.zeros([])

    counts = np.zeros(num_classes, np.int64)
    records = prepared_records(all_records(shards, told), nothing, (), num_classes, told)
    for _, labels in readable(records.batch(256)):
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
    """Why a record could not be prepared, found by doing it again step by step."""
    example = tf.train.Example()
    try:
        example.ParseFromString(payload)
    # Protocol buffers' DecodeError is at another place in each of its implementations.
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
