"""Data sets of one's own: images and labels that a Python function returns as arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_core.data.dataset import DataSet, DataSetInfo, standardize
from alignment_core.errors import DataError

LARGEST_BATCH = 4096
"""The largest batch that the paper's searches try (Kunin et al. 2020, App. B.1.2)."""
LEAST_STEPS = 150
"""Steps an epoch at the largest batch, at least; the divisors of the shipped data sets keep it."""
USUAL_DIVISOR = 32
"""Digits' divisor: a smaller data set has fewer steps, rather than tinier batches."""
SMALL_STEM = 64
"""Side in pixels up to which images get the small first layers of a residual network."""

Split = tuple[NDArray[np.float32], NDArray[np.int32]]


def checked(name: str, returned: Any) -> tuple[Split, Split]:
    """Return the training and the validation split that a function has returned, as arrays.

    Args:
        name: name of the data set, for messages.
        returned: `(images, labels), (images, labels)`, as Keras's `load_data` returns them. Images
            are (n, height, width) or (n, height, width, channels), labels (n,) integers from 0.

    Raises:
        DataError: it is something else; the message says what.
    """
    try:
        (train, train_labels), (validation, validation_labels) = returned
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} must return (train images, labels), (validation images, labels)"
        ) from error
    train, validation = _images(name, train), _images(name, validation)
    if train.shape[1:] != validation.shape[1:]:
        raise DataError(
            f"{name}'s images differ in shape: {train.shape[1:]} to train on, "
            f"{validation.shape[1:]} to validate on"
        )
    splits = (
        (train, _labels(name, train_labels, len(train))),
        (validation, _labels(name, validation_labels, len(validation))),
    )
    if max(labels.max() for _, labels in splits) < 1:
        raise DataError(f"{name} has one class alone; labels count classes from 0")
    return splits


def info_of(name: str, splits: tuple[Split, Split]) -> DataSetInfo:
    """Return sizes and defaults of a data set from its splits.

    The batch divisor leaves LEAST_STEPS steps an epoch at the largest batch, but is USUAL_DIVISOR
    at most, unless the largest batch were then more than an eighth of the images.
    """
    (train, train_labels), (validation, validation_labels) = splits
    divisor = 1
    while divisor < LARGEST_BATCH and (
        (divisor < USUAL_DIVISOR and len(train) * divisor < LEAST_STEPS * LARGEST_BATCH)
        or divisor * len(train) < LARGEST_BATCH * 8
    ):
        divisor *= 2
    height, width, channels = train.shape[1:]
    return DataSetInfo(
        name=name,
        image_shape=(height, width, channels),
        num_classes=int(max(train_labels.max(), validation_labels.max())) + 1,
        train_size=len(train),
        validation_size=len(validation),
        batch_divisor=divisor,
        stem="small" if max(height, width) <= SMALL_STEM else "imagenet",
        default_width=16,
        description=f"images of one's own, {height} x {width}",
        how_to_get=f"{name} returns it",
    )


def data_set(info: DataSetInfo, splits: tuple[Split, Split]) -> DataSet:
    """Return the data set in memory, standardized by the training split's mean and deviation."""
    # TensorFlow takes seconds to import, and the sizes alone don't need it.
    from alignment_core.data.arrays import ArrayDataSet

    (train, train_labels), (validation, validation_labels) = splits
    train, validation = standardize(train, validation)
    return ArrayDataSet(
        info.name, train, train_labels, validation, validation_labels, info.num_classes
    )


def _images(name: str, images: Any) -> NDArray[np.float32]:
    try:
        found = np.asarray(images, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}'s images are no array of numbers: {error}") from error
    if found.ndim == 3:
        found = found[..., np.newaxis]
    if found.ndim != 4 or 0 in found.shape:
        raise DataError(
            f"{name}'s images have the shape {found.shape}, not (n, height, width, channels)"
        )
    if not np.isfinite(found).all():
        raise DataError(f"{name}'s images have values that are no numbers")
    return found


def _labels(name: str, labels: Any, images: int) -> NDArray[np.int32]:
    found = np.asarray(labels)
    if found.shape != (images,):
        raise DataError(
            f"{name}'s labels have the shape {found.shape}, not ({images},), one for each image"
        )
    if found.dtype.kind not in "iu" or found.min() < 0:
        raise DataError(f"{name}'s labels must be integers from 0")
    return found.astype(np.int32)
