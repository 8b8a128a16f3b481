"""The interface of data sets, and the descriptions that exist without reading one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import ConfigurationError


@dataclass(frozen=True)
class DataSetInfo:
    """Sizes and defaults of a data set.

    Attributes:
        name: the data set's name.
        image_shape: height, width and channels of an image.
        num_classes: number of classes.
        train_size: images in the training split.
        validation_size: images in the validation split.
        batch_divisor: divisor of a search's batch sizes {256, ..., 4096} (Kunin et al. 2020,
            App. B.1.2), which are made for ImageNet's 1.28 million images. The batch is
            |B| // batch_divisor. The learning rate stays |B|/2048 of the searched |B|.
        stem: default stem of a residual network.
        default_width: default width of a residual network.
        description: the data set in a few words.
        how_to_get: where the data set comes from, for error messages.
        streamed: whether images are read and prepared while training (`InputOptions`), instead of
            held in memory.
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
    """How the images of a streamed data set are prepared.

        >>> InputOptions(image_size=64, on_corrupt="skip").preprocessing
        'v1'

    Attributes:
        image_size: side of the images in pixels; None is the preprocessing's own.
        preprocessing: key of `preprocessing.PREPROCESSING`.
        on_corrupt: treatment of a corrupt record. "refuse" raises a DataError that names its shard
            and offset; "skip" logs them and leaves the record out.
    """

    image_size: int | None = None
    preprocessing: str = "v1"
    on_corrupt: Literal["refuse", "skip"] = "refuse"


@dataclass(frozen=True)
class CorruptRecord:
    """A record that can't be used.

    Attributes:
        shard: path or address of the shard.
        offset: position of the record in the shard, in bytes.
        reason: why it can't be used.
    """

    shard: str
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.shard} at byte {self.offset}: {self.reason}"


@dataclass(frozen=True, eq=False)
class SplitSurvey:
    """The result of reading every image of a split once.

    Attributes:
        expected: number of images that the split should have.
        label_counts: number of usable images of each class (num_classes,).
        smallest: least height, width and channels before any preparation; None without images.
        largest: greatest height, width and channels, likewise.
        corrupt: the records that can't be used.
    """

    expected: int
    label_counts: NDArray[np.int64]
    smallest: tuple[int, ...] | None
    largest: tuple[int, ...] | None
    corrupt: tuple[CorruptRecord, ...] = ()

    @property
    def images(self) -> int:
        """Number of usable images."""
        return int(self.label_counts.sum())

    @property
    def complete(self) -> bool:
        """True if all expected images are there and none is corrupt."""
        return self.images == self.expected and not self.corrupt


class DataSet(ABC):
    """Interface of a data set: batches of images and labels.

    Images are (batch, height, width, channels) float32, labels (batch,) int32. The variants are
    arrays in memory (`arrays.ArrayDataSet`) and streamed records (`records.RecordDataSet`).

    Batches are `tf.data` datasets of static shape. `context` is the argument that
    `tf.distribute.Strategy.distribute_datasets_from_function` passes to each input pipeline. With
    it, the batches are this pipeline's share, in batches for one replica.

    Attributes:
        name: the data set's name.
        num_classes: number of classes.
    """

    name: str
    num_classes: int

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""

    @property
    @abstractmethod
    def train_size(self) -> int:
        """Number of images in the training split."""

    @property
    @abstractmethod
    def validation_size(self) -> int:
        """Number of images in the validation split."""

    @property
    @abstractmethod
    def chance_accuracy(self) -> float:
        """The accuracy of always answering the validation split's largest class."""

    @abstractmethod
    def train_batches(self, batch_size: int, seed: int, epoch: int, context: Any = None) -> Any:
        """Return one pass over the training split in `steps_per_epoch(batch_size)` batches.

        Order and augmentation depend on (seed, epoch) only, so a resumed training sees the same
        images as an uninterrupted one. The images that don't fill a batch are left out; they are
        others in each epoch.

        Raises:
            ConfigurationError: the batch is larger than the split, or the replicas can't share it
                evenly.
        """

    @abstractmethod
    def validation_batches(self, largest_batch: int = 256, context: Any = None) -> Any:
        """Return the whole validation split, each image once, always in the same order.

        The batches are as few as `largest_batch` images (of all replicas together) allow, and of
        equal size. Rows that pad the last batches are zero images with `PADDING_LABEL`.
        """

    @abstractmethod
    def sample(self, split: str, count: int) -> tuple[Any, Any]:
        """Return the same `count` images and labels of "train" or "validation" at each call.

        They aren't augmented. If the split has fewer, all of it is returned.
        """

    @abstractmethod
    def survey(self) -> dict[str, SplitSurvey]:
        """Read every image of "train" and "validation" and return the findings by split.

        Corrupt records are listed, not raised.
        """

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return the number of full batches in the training split.

        Raises:
            ConfigurationError: the batch is larger than the split.
        """
        if batch_size > self.train_size:
            raise ConfigurationError(
                f"a batch of {batch_size} is larger than {self.name}'s training split of "
                f"{self.train_size:,}; lower the batch size or raise the batch divisor"
            )
        return self.train_size // batch_size


def standardize(
    train: NDArray[Any], validation: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return both splits, standardized by the training split's mean and standard deviation.

    Each channel has one mean and one deviation. Border pixels are nearly always zero, so a
    deviation for each pixel would make their rare values huge.
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
