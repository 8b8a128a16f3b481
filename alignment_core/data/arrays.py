"""A data set whose images are arrays in memory."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.data.dataset import DataSet, SplitSurvey
from alignment_core.data.pipeline import PADDING_LABEL, even_batches, own_batches, without_autotune

PREFETCHED = 4
"""Batches prepared ahead while a step runs: a few even out the steps' different durations."""


@dataclass(frozen=True, eq=False)
class ArrayDataSet(DataSet):
    """A data set in memory.

    Attributes:
        name: the data set's name.
        train_images: standardized images (n, height, width, channels) of the training split.
        train_labels: labels (n,) of the training split.
        validation_images: images of the validation split, likewise.
        validation_labels: labels of the validation split.
        num_classes: number of classes.
        crop_padding: pixels p of augmentation. Training images are shifted by up to p pixels in
            each direction, filled up with zeros (the mean), and flipped left to right with
            probability 1/2. With p = 4 it is the augmentation of He et al. 2016, section 4.2; 0
            turns it off.
    """

    name: str
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int32]
    validation_images: NDArray[np.float32]
    validation_labels: NDArray[np.int32]
    num_classes: int
    crop_padding: int = 0

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @property
    def train_size(self) -> int:
        """Number of images in the training split."""
        return len(self.train_labels)

    @property
    def validation_size(self) -> int:
        """Number of images in the validation split."""
        return len(self.validation_labels)

    @property
    def chance_accuracy(self) -> float:
        """The accuracy of always answering the validation split's largest class."""
        counts = np.bincount(self.validation_labels, minlength=self.num_classes)
        return float(counts.max() / counts.sum())

    def train_batches(
        self,
        batch_size: int,
        seed: int,
        epoch: int,
        context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Return the batches of one epoch; see `DataSet`."""
        steps = self.steps_per_epoch(batch_size)
        order = np.random.default_rng([seed, epoch]).permutation(self.train_size)
        rows = own_batches(order[: steps * batch_size].reshape(steps, batch_size), context)
        images, labels = self._train
        if not self.crop_padding:
            return without_autotune(
                tf.data.Dataset.from_tensor_slices(rows)
                .map(lambda chosen: (tf.gather(images, chosen), tf.gather(labels, chosen)))
                .prefetch(PREFETCHED)
            )
        moves = draw_moves(seed, epoch, self.train_size, self.crop_padding)

        def batch(chosen: tf.Tensor, moves: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            moved = crop_and_flip(tf.gather(images, chosen), moves, self.crop_padding)
            return moved, tf.gather(labels, chosen)

        return without_autotune(
            tf.data.Dataset.from_tensor_slices((rows, moves[rows]))
            .map(batch, num_parallel_calls=PREFETCHED, deterministic=True)
            .prefetch(PREFETCHED)
        )

    def validation_batches(
        self, largest_batch: int = 256, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Return the batches of the validation split; see `DataSet`."""
        count, batch_size = even_batches(self.validation_size, largest_batch, context)
        rows = np.arange(count * batch_size).reshape(count, batch_size)
        images, labels = self._validation

        def batch(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            filling = rows >= self.validation_size
            rows = tf.where(filling, tf.zeros_like(rows), rows)
            chosen = tf.where(filling[:, None, None, None], 0.0, tf.gather(images, rows))
            return chosen, tf.where(filling, PADDING_LABEL, tf.gather(labels, rows))

        own = own_batches(rows, context)
        return without_autotune(
            tf.data.Dataset.from_tensor_slices(own).map(batch).prefetch(PREFETCHED)
        )

    def sample(self, split: str, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return evenly spaced images and labels of a split; see `DataSet`."""
        if split == "train":
            images, labels = self.train_images, self.train_labels
        else:
            images, labels = self.validation_images, self.validation_labels
        chosen = np.linspace(0, len(labels) - 1, min(count, len(labels))).astype(int)
        return tf.constant(images[chosen]), tf.constant(labels[chosen])

    def survey(self) -> dict[str, SplitSurvey]:
        """Return a survey of each split, with the shapes that the network gets; see `DataSet`."""
        labels = {"train": self.train_labels, "validation": self.validation_labels}
        return {
            split: SplitSurvey(
                len(found),
                np.bincount(found, minlength=self.num_classes),
                self.image_shape,
                self.image_shape,
            )
            for split, found in labels.items()
        }

    @cached_property
    def _train(self) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.constant(self.train_images), tf.constant(self.train_labels)

    @cached_property
    def _validation(self) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.constant(self.validation_images), tf.constant(self.validation_labels)


def draw_moves(seed: int, epoch: int, size: int, padding: int) -> NDArray[np.int32]:
    """Return the augmentation (size, 3) of each image of an epoch.

    The first two columns are the shift down and right, from 0 to 2 `padding`, where `padding` is no
    shift. The third column is 1 for a flip.
    """
    # The order of the images is drawn from (seed, epoch), so augmentation needs another seed.
    generator = np.random.default_rng([seed, epoch, 1])
    limits = [2 * padding + 1, 2 * padding + 1, 2]
    return generator.integers(0, limits, (size, 3), dtype=np.int32)


def crop_and_flip(images: tf.Tensor, moves: tf.Tensor, padding: int) -> tf.Tensor:
    """Return images (batch, height, width, channels), shifted and flipped.

    Each is cut out of its zero-padded image at the top and left given in `moves` (batch, 3), and
    flipped left to right where the third column is 1 (`draw_moves`).
    """
    height, width = images.shape[1:3]
    border = [padding, padding]
    padded = tf.pad(images, [[0, 0], border, border, [0, 0]])
    rows = moves[:, 0:1] + tf.range(height)
    columns = tf.range(width)
    columns = moves[:, 1:2] + tf.where(moves[:, 2:3] == 1, columns[::-1], columns)
    cut = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(cut, columns, axis=2, batch_dims=1)
