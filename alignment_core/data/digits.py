"""scikit-learn's bundled digits: 1,797 images of 8 x 8 pixels, ten classes.

They are part of scikit-learn, so they need no download.
"""

from pathlib import Path

import numpy as np

from alignment_core.data.dataset import DataSet, DataSetInfo, standardize

INFO = DataSetInfo(
    name="digits",
    image_shape=(8, 8, 1),
    num_classes=10,
    train_size=1437,
    validation_size=360,
    batch_divisor=32,
    stem="small",
    default_width=16,
    description="handwritten digits, 8 x 8, bundled with scikit-learn",
    how_to_get="nothing to do: it comes with scikit-learn",
)


def check(data_dir: Path | None) -> None:
    """Do nothing: the images are part of scikit-learn, and `data_dir` is ignored."""


def load(data_dir: Path | None) -> DataSet:
    """Return the digits, always with the same stratified split; `data_dir` is ignored."""
    # These imports take seconds, and checking the data set doesn't need them.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from alignment_core.data.arrays import ArrayDataSet

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, *INFO.image_shape).astype(np.float32)
    train_images, validation_images, train_labels, validation_labels = train_test_split(
        images, labels.astype(np.int32), test_size=360, stratify=labels, random_state=0
    )
    train_images, validation_images = standardize(train_images, validation_images)
    return ArrayDataSet(
        INFO.name,
        train_images,
        train_labels,
        validation_images,
        validation_labels,
        INFO.num_classes,
    )
