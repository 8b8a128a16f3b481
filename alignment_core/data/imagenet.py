"""ImageNet (ILSVRC 2012): 1,281,167 training and 50,000 validation photographs.

Source: Russakovsky et al., "ImageNet large scale visual recognition challenge", 2015. It is read
from TFRecords in the usual layout of 1024 and 128 shards, which is assumed to be complete. Other
numbers of shards are read, too, for parts of ImageNet. Their records are counted when the data set
is loaded.
"""

import re

from alignment_core.data.dataset import DataSet, DataSetInfo, InputOptions
from alignment_core.errors import DataError

INFO = DataSetInfo(
    name="imagenet",
    image_shape=(224, 224, 3),
    num_classes=1000,
    train_size=1_281_167,
    validation_size=50_000,
    batch_divisor=1,
    stem="imagenet",
    default_width=64,
    description="photographs of 1,000 kinds of things, streamed from TFRecords",
    how_to_get=(
        "sign up for ImageNet, convert its images to TFRecords (train-00000-of-01024 to "
        "validation-00127-of-00128, features image/encoded and image/class/label), and give "
        "their folder or gs:// address as the data folder"
    ),
    streamed=True,
)

USUAL_SHARDS = {"train": 1024, "validation": 128}
"""Number of shards of each split in the usual layout."""

_SHARD = re.compile(r"(train|validation)-(\d{5})-of-(\d{5})")


def check(data_dir: str | None) -> None:
    """Check that all shards are there and that each split's first one begins with a record.

    Raises:
        DataError: a shard is missing or isn't a TFRecord file.
    """
    shards = _find(data_dir)
    # Importing TensorFlow takes seconds, and many commands don't need it.
    from alignment_core.data.shards import check_first_record

    for found in shards.values():
        check_first_record(found[0])


def check_options(options: InputOptions) -> None:
    """Raise UnknownNameError or ConfigurationError if the options are invalid."""
    from alignment_core.data.preprocessing import get_preprocessing
    from alignment_core.data.records import on_corrupt

    get_preprocessing(options.preprocessing, options.image_size)
    on_corrupt(options)


def load(data_dir: str | None, options: InputOptions) -> DataSet:
    """Open the shards; images are read during training.

    Raises:
        DataError: a shard is missing or, if records have to be counted, corrupt.
        UnknownNameError, ConfigurationError: the options are invalid.
    """
    # Importing TensorFlow takes seconds, and many commands don't need it.
    from alignment_core.data.examples import class_counts
    from alignment_core.data.records import RecordDataSet, on_corrupt
    from alignment_core.data.shards import count_records

    shards = _find(data_dir)
    sizes = {"train": INFO.train_size, "validation": INFO.validation_size}
    largest_share = 1 / INFO.num_classes
    if {split: len(found) for split, found in shards.items()} != USUAL_SHARDS:
        treat = on_corrupt(options)
        sizes = {
            split: sum(count_records(shard, treat) for shard in found)
            for split, found in shards.items()
        }
        counts = class_counts(shards["validation"], INFO.num_classes, treat)
        largest_share = float(counts.max() / max(counts.sum(), 1))
    for split, size in sizes.items():
        if size == 0:
            raise DataError(f"the {split} shards in {data_dir} hold no records; {INFO.how_to_get}")
    return RecordDataSet(INFO.name, shards, sizes, INFO.num_classes, largest_share, options)


def _find(data_dir: str | None) -> dict[str, tuple[str, ...]]:
    """Return the paths of each split's shards in order."""
    if data_dir is None:
        raise DataError(f"ImageNet needs a data folder; {INFO.how_to_get}")
    import tensorflow as tf

    try:
        names = tf.io.gfile.listdir(data_dir)
    except tf.errors.OpError as error:
        raise DataError(
            f"ImageNet is not in {data_dir}: {error.message}; {INFO.how_to_get}"
        ) from error
    found: dict[str, dict[int, str]] = {split: {} for split in USUAL_SHARDS}
    totals: dict[str, set[int]] = {split: set() for split in USUAL_SHARDS}
    for name in names:
        match = _SHARD.fullmatch(name)
        if match:
            split, number, total = match.groups()
            found[split][int(number)] = f"{data_dir.rstrip('/')}/{name}"
            totals[split].add(int(total))
    for split, shards in found.items():
        if len(totals[split]) != 1:
            has = f"several sets of {split} shards" if shards else f"no {split} shards"
            raise DataError(f"{data_dir} has {has}; {INFO.how_to_get}")
        (total,) = totals[split]
        missing = sorted(set(range(total)) - set(shards))
        if missing:
            raise DataError(
                f"{data_dir} lacks {len(missing)} of {total} {split} shards, the first of them "
                f"{split}-{missing[0]:05d}-of-{total:05d}; {INFO.how_to_get}"
            )
    return {
        split: tuple(shards[number] for number in sorted(shards)) for split, shards in found.items()
    }
