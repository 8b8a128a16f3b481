"""A data set that is streamed from TFRecord shards of encoded photographs.

The order of an epoch: its shards in a random order, sixteen of them read at once,
record by record in turn, then a window of `SHUFFLE_WINDOW` records out of which the next
one is drawn. All of it follows from (seed, epoch); `tf.random.set_seed` enters the
window's draws too, as everywhere in `tf.data`.
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
    readable,
    replica_batch,
)
from alignment_core.data.preprocessing import get_preprocessing
from alignment_core.data.shards import OnCorrupt
from alignment_core.errors import ConfigurationError, DataError, UnknownNameError

SHUFFLE_WINDOW = 8192
"""Encoded records in memory to draw the next one from: about 0.9 GB of ImageNet's."""

_logger = logging.getLogger(__name__)


def refuse(corrupt: CorruptRecord) -> None:
    """End the reading."""
    raise DataError(
        f"corrupt record in {corrupt}; get the shard again, or leave such records out "
        "with on_corrupt='skip'"
    )


def skip(corrupt: CorruptRecord) -> None:
    """Leave the record out, and log it."""
    _logger.warning("skipped the corrupt record in %s", corrupt)


ON_CORRUPT: dict[str, OnCorrupt] = {"refuse": refuse, "skip": skip}


def on_corrupt(options: InputOptions) -> OnCorrupt:
    """What the options want done; raises UnknownNameError for what can't be."""
    try:
        return ON_CORRUPT[options.on_corrupt]
    except KeyError:
        raise UnknownNameError("on_corrupt", options.on_corrupt, ON_CORRUPT) from None


@dataclass(frozen=True, eq=False)
class RecordDataSet(DataSet):
    """Shards of `tf.train.Example`s (examples.py), local or on any `tf.io.gfile`.

    `sizes` are the records of "train" and "validation", `largest_share` the part of the
    validation split that its largest class makes up. Where corrupt ones are skipped,
    an epoch shows some of the others a second time to make up for them, and a
    skipped validation image counts as answered wrongly.

    Under several input pipelines each reads training shards of its own, and validation
    records of its own out of all shards.
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
        """Height, width, channels."""
        _, size = get_preprocessing(self.options.preprocessing, self.options.image_size)
        return size, size, 3

    @property
    def chance_accuracy(self) -> float:
        """The accuracy of always answering the validation split's largest class."""
        return self.largest_share

    @property
    def train_size(self) -> int:
        """Images in the training split."""
        return self.sizes["train"]

    @property
    def validation_size(self) -> int:
        """Images in the validation split."""
        return self.sizes["validation"]

    def train_batches(
        self,
        batch_size: int,
        seed: int,
        epoch: int,
        context: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """See DataSet."""
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
        # The order of the shards is drawn from (seed, epoch): these are others.
        draws = np.random.SeedSequence([seed, epoch, 1]).generate_state(3)
        image_seed = tf.constant(draws[:2].view(np.int32))
        way, size = get_preprocessing(self.options.preprocessing, self.options.image_size)

        def train(encoded: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
            own = tf.random.fold_in(image_seed, place * pipelines + number)
            return way.train(encoded, own, size)

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
        """See DataSet."""
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
        """See DataSet; the first records of the first shards, which come shuffled."""
        count = min(count, self.sizes[split])
        prepared = self._prepared(self._records(self.shards[split]), self._evaluated)
        images, labels = next(readable(prepared.take(count).batch(count)))
        return images, labels

    def survey(self) -> dict[str, SplitSurvey]:
        """See DataSet; every record is read and every image decoded."""
        return {split: self._survey(split) for split in self.shards}

    def _evaluated(self, encoded: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        way, size = get_preprocessing(self.options.preprocessing, self.options.image_size)
        return way.evaluate(encoded, size)

    def _records(self, shards: Sequence[str]) -> Any:
        return all_records(shards, on_corrupt(self.options))

    def _prepared(self, records: Any, prepare: Prepare) -> Any:
        told = on_corrupt(self.options)
        return prepared_records(records, prepare, self.image_shape, self.num_classes, told)

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
    """That many batches, known beforehand, and prefetched."""

    def apply(dataset: Any) -> Any:
        counted = dataset.take(batches).apply(tf.data.experimental.assert_cardinality(batches))
        return counted.prefetch(tf.data.AUTOTUNE)

    return apply
