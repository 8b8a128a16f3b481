"""A data set that is streamed from TFRecord shards of encoded photographs.

An epoch reads its shards in a random order, sixteen of them in parallel, record by record in turn.
Each next record is drawn from a buffer of `SHUFFLE_WINDOW` records. The order depends on (seed,
epoch), and, as everywhere in `tf.data`, on `tf.random.set_seed`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from alignment_core.data.dataset import CorruptRecord, DataSet, InputOptions, SplitSurvey
from alignment_core.data.examples import Prepare, all_records, prepared_records
from alignment_core.data.pipeline import (
    PADDING_LABEL,
    even_batches,
    input_pipeline,
    replica_batch,
    translating_errors,
)
from alignment_core.data.preprocessing import get_preprocessing
from alignment_core.data.shards import OnCorrupt
from alignment_core.errors import ConfigurationError, DataError, UnknownNameError

SHUFFLE_WINDOW = 8192
"""Encoded records in the shuffle buffer. For ImageNet it takes about 0.9 GB of memory; a larger one
shuffles better."""

_logger = logging.getLogger(__name__)


def refuse(corrupt: CorruptRecord) -> None:
    """Raise DataError for a corrupt record."""
    raise DataError(
        f"corrupt record in {corrupt}; get the shard again, or leave such records out "
        "with on_corrupt='skip'"
    )


def skip(corrupt: CorruptRecord) -> None:
    """Log a corrupt record, which is then left out."""
    _logger.warning("skipped the corrupt record in %s", corrupt)


ON_CORRUPT: dict[str, OnCorrupt] = {"refuse": refuse, "skip": skip}
"""Treatments of a corrupt record by name."""


def on_corrupt(options: InputOptions) -> OnCorrupt:
    """Return the options' treatment of corrupt records; raises UnknownNameError."""
    try:
        return ON_CORRUPT[options.on_corrupt]
    except KeyError:
        raise UnknownNameError("on_corrupt", options.on_corrupt, ON_CORRUPT) from None


@dataclass(frozen=True, eq=False)
class RecordDataSet(DataSet):
    """A data set in shards of `tf.train.Example` records, on any file system of `tf.io.gfile`.

    If corrupt records are skipped, an epoch repeats some other images in their place, and a
    skipped validation image counts as a wrong answer. Each of several input pipelines reads its own
    training shards, and its own validation records out of all shards.

    Attributes:
        name: the data set's name.
        shards: paths or addresses of the shards of "train" and "validation".
        sizes: number of records of "train" and "validation".
        num_classes: number of classes.
        largest_share: share of the largest class in the validation split.
        options: size, preprocessing and treatment of corrupt records.

    Raises:
        UnknownNameError, ConfigurationError: the options are invalid.
    """

    name: str
    shards: dict[str, tuple[str, ...]]
    sizes: dict[str, int]
    num_classes: int
    largest_share: float
    options: InputOptions = field(default_factory=InputOptions)

    def __post_init__(self) -> None:
        get_preprocessing(self.options.preprocessing, self.options.image_size)
        on_corrupt(self.options)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        _, size = get_preprocessing(self.options.preprocessing, self.options.image_size)
        return size, size, 3

    @property
    def chance_accuracy(self) -> float:
        """The accuracy of always answering the validation split's largest class."""
        return self.largest_share

    @property
    def train_size(self) -> int:
        """Number of images in the training split."""
        return self.sizes["train"]

    @property
    def validation_size(self) -> int:
        """Number of images in the validation split."""
        return self.sizes["validation"]

    def train_batches(
        self,
        batch_size: int,
        seed: int,
        epoch: int,
        context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """Return the batches of one epoch; see `DataSet`."""
        number, pipelines = input_pipeline(context)
        batch = replica_batch(batch_size, context)
        batches = self.steps_per_epoch(batch_size) * (batch_size // batch // pipelines)
        shards = self.shards["train"]
        if len(shards) < pipelines:
            raise ConfigurationError(
                f"{self.name} has {len(shards)} training shards, too few for {pipelines} input "
                "pipelines; split the records into more shards"
            )
        order = np.random.default_rng([seed, epoch]).permutation(len(shards))
        # The order of the shards is drawn from (seed, epoch), so images need another seed.
        draws = np.random.SeedSequence([seed, epoch, 1]).generate_state(3)
        image_seed = tf.constant(draws[:2].view(np.int32))
        preprocessing, size = get_preprocessing(self.options.preprocessing, self.options.image_size)

        def train(encoded: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
            own = tf.random.fold_in(image_seed, place * pipelines + number)
            return preprocessing.train(encoded, own, size)

        records = self._records([shards[index] for index in order[number::pipelines]])
        records = records.shuffle(
            min(SHUFFLE_WINDOW, self.train_size), int(draws[2]), reshuffle_each_iteration=False
        )
        return (
            self._prepared(records, train)
            .repeat()
            .batch(batch, drop_remainder=True)
            .apply(_exactly(batches))
        )

    def validation_batches(
        self, largest_batch: int = 256, context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Return the batches of the validation split; see `DataSet`."""
        number, pipelines = input_pipeline(context)
        count, batch_size = even_batches(self.validation_size, largest_batch, context)
        batch = replica_batch(batch_size, context)
        records = self._records(self.shards["validation"]).shard(pipelines, number)
        filling = (tf.zeros(self.image_shape), tf.constant(PADDING_LABEL))
        return (
            self._prepared(records, self._evaluated)
            .concatenate(tf.data.Dataset.from_tensors(filling).repeat())
            .batch(batch, drop_remainder=True)
            .apply(_exactly(count * (batch_size // batch // pipelines)))
        )

    def sample(self, split: str, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the first images and labels of the first shards; see `DataSet`.

        ImageNet's shards are shuffled when they are written.
        """
        count = min(count, self.sizes[split])
        prepared = self._prepared(self._records(self.shards[split]), self._evaluated)
        images, labels = next(translating_errors(prepared.take(count).batch(count)))
        return images, labels

    def survey(self) -> dict[str, SplitSurvey]:
        """Return a survey of each split by decoding every image; see `DataSet`."""
        return {split: self._survey(split) for split in self.shards}

    def _evaluated(self, encoded: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        preprocessing, size = get_preprocessing(self.options.preprocessing, self.options.image_size)
        return preprocessing.evaluate(encoded, size)

    def _records(self, shards: Sequence[str]) -> Any:
        return all_records(shards, on_corrupt(self.options))

    def _prepared(self, records: Any, prepare: Prepare) -> Any:
        return prepared_records(
            records, prepare, self.image_shape, self.num_classes, on_corrupt(self.options)
        )

    def _survey(self, split: str) -> SplitSurvey:
        corrupt: list[CorruptRecord] = []

        def measure(encoded: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
            return tf.cast(tf.shape(tf.io.decode_jpeg(encoded)), tf.float32)

        records = all_records(self.shards[split], corrupt.append)
        measured = prepared_records(records, measure, (3,), self.num_classes, corrupt.append)
        counts = np.zeros(self.num_classes, np.int64)
        extremes = []
        for shapes, labels in measured.batch(256).as_numpy_iterator():
            counts += np.bincount(labels, minlength=self.num_classes)
            extremes.append((shapes.min(axis=0), shapes.max(axis=0)))
        smallest, largest = None, None
        if extremes:
            lows, highs = zip(*extremes, strict=True)
            smallest = tuple(int(side) for side in np.min(lows, axis=0))
            largest = tuple(int(side) for side in np.max(highs, axis=0))
        return SplitSurvey(self.sizes[split], counts, smallest, largest, tuple(corrupt))


def _exactly(batches: int) -> Callable[[Any], Any]:
    """Return a transformation to exactly `batches` batches, with known cardinality, prefetched."""

    def apply(dataset: Any) -> Any:
        counted = dataset.take(batches).apply(tf.data.experimental.assert_cardinality(batches))
        return counted.prefetch(tf.data.AUTOTUNE)

    return apply
