"""Batches of static shape, in an order that only the seed and the epoch decide.

No augmentation: digits are too small for any crop, and Fashion-MNIST's garments
are centred by construction, so that what a search compares is the learning rule.
"""

import math

import numpy as np
import tensorflow as tf

from alignment_core.data.dataset import DataSet

PADDING_LABEL = -1
"""The label of the rows that fill the last validation batch up; they count for nothing."""


def train_batches(dataset: DataSet, batch_size: int, seed: int, epoch: int) -> tf.data.Dataset:
    """One pass over the training split: (images, labels) batches of `batch_size`.

    The order depends on (seed, epoch) alone, so a resumed run sees what an
    uninterrupted one sees. The remainder that doesn't fill a batch is left out;
    it is another one each epoch.
    """
    steps = len(dataset.train_labels) // batch_size
    order = np.random.default_rng([seed, epoch]).permutation(len(dataset.train_labels))
    rows = order[: steps * batch_size].reshape(steps, batch_size)
    images = tf.constant(dataset.train_images)
    labels = tf.constant(dataset.train_labels)
    return (
        tf.data.Dataset.from_tensor_slices(rows)
        .map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen)))
        .prefetch(tf.data.AUTOTUNE)
    )


def validation_batches(dataset: DataSet, largest_batch: int = 256) -> tf.data.Dataset:
    """The whole validation split, in order, in batches of one size.

    The batches are as few as `largest_batch` allows and as even as can be; rows that
    fill the last one up are empty images with `PADDING_LABEL`.
    """
    size = len(dataset.validation_labels)
    count = math.ceil(size / largest_batch)
    batch_size = math.ceil(size / count)
    padding = count * batch_size - size
    images = np.pad(dataset.validation_images, [(0, padding), (0, 0), (0, 0), (0, 0)])
    labels = np.pad(dataset.validation_labels, (0, padding), constant_values=PADDING_LABEL)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size).prefetch(1)
