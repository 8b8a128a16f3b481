"""What a data set is, and what is known of it before it is read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DataSetInfo:
    """What a recipe has to know of a data set.

    `batch_divisor` fits the searched batch sizes {256, ..., 4096} (Kunin et al.
    2020, App. B.1.2), made for ImageNet's 1.28 million images, to a small set: the
    batch in use is |B| // batch_divisor, while the learning rate stays |B|/2048 of
    the searched |B|.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int
    train_size: int
    validation_size: int
    batch_divisor: int
    stem: str
    default_width: int
    description: str
    how_to_get: str


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images (n, height, width, channels) float32, standardized; labels (n,) int32."""

    name: str
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int32]
    validation_images: NDArray[np.float32]
    validation_labels: NDArray[np.int32]
    num_classes: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    @property
    def chance_accuracy(self) -> float:
        """The accuracy of always answering the validation split's largest class."""
        counts = np.bincount(self.validation_labels, minlength=self.num_classes)
        return float(counts.max() / counts.sum())


def standardize(
    train: NDArray[np.float32], validation: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift and scale both splits by the training split's mean and standard deviation.

    One mean and one deviation for all pixels: border pixels that are nearly always
    empty would explode under a deviation of their own.
    """
    mean, deviation = train.mean(dtype=np.float64), train.std(dtype=np.float64)
    scaled = [((split - mean) / deviation).astype(np.float32) for split in (train, validation)]
    return scaled[0], scaled[1]
