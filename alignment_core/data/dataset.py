"""What a data set is, and what is known of it before it is read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError


@dataclass(frozen=True)
class DataSetInfo:
    """What a recipe has to know of a data set.

    `batch_divisor` fits the searched batch sizes {256, ..., 4096} (Kunin et al.
    2020, App. B.1.2), made for ImageNet's 1.28 million images, to a small set: the
    batch in use is |B| // batch_divisor, while the learning rate stays |B|/2048 of
    the searched |B|. The images of a `streamed` one are prepared as they are read, in
    one of several ways (`InputOptions`).
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
    streamed: bool = False


@dataclass(frozen=True)
class InputOptions:
    """How a streamed data set's images are prepared; None means the preprocessing's own size.

    `preprocessing` is a key of `preprocessing.PREPROCESSING`. A corrupt record ends the
    reading with a DataError that names its shard and offset ("refuse"), or is logged by
    the same words and left out ("skip").
    """

    image_size: int | None = None
    preprocessing: str = "v1"
    on_corrupt: Literal["refuse", "skip"] = "refuse"


@dataclass(frozen=True)
class CorruptRecord:
    """A record that can't be used: where it begins, in bytes from its shard's start, and why."""

    shard: str
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.shard} at byte {self.offset}: {self.reason}"


@dataclass(frozen=True, eq=False)
class SplitSurvey:
    """What one look at every image of a split found.

    `label_counts` (num_classes,) are the images of each class; `smallest` and `largest`
    the extremes of height, width and channels before any preparation, None without images.
    """

    expected: int
    label_counts: NDArray[np.int64]
    smallest: tuple[int, ...] | None
    largest: tuple[int, ...] | None
    corrupt: tuple[CorruptRecord, ...] = ()

    @property
    def images(self) -> int:
        """How many images can be used."""
        return int(self.label_counts.sum())

    @property
    def complete(self) -> bool:
        """Whether every expected image is there and none is corrupt."""
        return self.images == self.expected and not self.corrupt


class DataSet(ABC):
    """Batches of images (batch, height, width, channels) float32 with labels (batch,) int32.

    Both ways to keep images serve it: arrays in memory (`arrays.ArrayDataSet`) and
    record files that are streamed (`records.RecordDataSet`).

    The batches are plain `tf.data` datasets of the whole, or, given the `context` that
    `tf.distribute.Strategy.distribute_datasets_from_function` hands to each of its input
    pipelines, of that pipeline's share in batches for one replica. Shapes are static.
    """

    name: str
    num_classes: int

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""

    @property
    @abstractmethod
    def train_size(self) -> int:
        """Images in the training split."""

    @property
    @abstractmethod
    def validation_size(self) -> int:
        """Images in the validation split."""

    @property
    @abstractmethod
    def chance_accuracy(self) -> float:
        """The accuracy of always answering the validation split's largest class."""

    @abstractmethod
    def train_batches(self, batch_size: int, seed: int, epoch: int, context: Any = None) -> Any:
        """One pass over the training split in `steps_per_epoch(batch_size)` batches.

        Order and augmentation depend on (seed, epoch) alone, so a resumed run sees what
        an uninterrupted one sees. The remainder that doesn't fill a batch is left out;
        it is another one each epoch.

        Raises ConfigurationError for a batch larger than the split, or one that the
        replicas can't share evenly.
        """

    @abstractmethod
    def validation_batches(self, largest_batch: int = 256, context: Any = None) -> Any:
        """The whole validation split, each image once, always in the same order.

        The batches are as few as `largest_batch` (of all replicas together) allows and as
        even as can be. Rows that fill them up are empty images with `PADDING_LABEL`.
        """

    @abstractmethod
    def sample(self, split: str, count: int) -> tuple[Any, Any]:
        """Images and labels from all over "train" or "validation", always the same ones.

        No augmentation; `count` of them, or the whole split if it has fewer.
        """

    @abstractmethod
    def survey(self) -> dict[str, SplitSurvey]:
        """Look at every image of "train" and "validation"; nothing corrupt is raised."""

    def steps_per_epoch(self, batch_size: int) -> int:
        """Full batches in the training split.

        Raises ConfigurationError if there is none.
        """
        if batch_size > self.train_size:
            raise ConfigurationError(
                f"a batch of {batch_size} is larger than {self.name}'s training split of "
                f"{self.train_size:,}; lower the batch size or raise the batch divisor"
            )
        return self.train_size // batch_size


def standardize(
    train: NDArray[np.float32], validation: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift and scale both splits by the training split's mean and standard deviation.

    One mean and one deviation a channel for all pixels: border pixels that are nearly
    always empty would explode under a deviation of their own.
    """
    moments = []
    for channel in range(train.shape[-1]):
        pixels = train[..., channel].astype(np.float64)
        moments.append((pixels.mean(), pixels.std()))
    mean, deviation = np.array(moments).T
    scaled = []
    for split in (train, validation):
        centred = np.subtract(split, mean.astype(np.float32), dtype=np.float32)
        scaled.append(np.divide(centred, deviation.astype(np.float32), out=centred))
    return scaled[0], scaled[1]
