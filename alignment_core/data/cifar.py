"""CIFAR-10 and CIFAR-100: 50,000 training and 10,000 validation images of 32 x 32 pixels.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009. Each channel is
standardized by the training split's moments. Training images are shifted by up to four pixels and
flipped (He et al. 2016, section 4.2). CIFAR-100 uses its fine labels.

The batch divisor is 16, as for Fashion-MNIST. A search's batch sizes of 256 to 4096 become 16 to
256, so that an epoch has about as many steps as one of ImageNet.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from alignment_core.data import cifar_files
from alignment_core.data.cifar_files import Layout
from alignment_core.data.dataset import DataSet, DataSetInfo, standardize

CROP_PADDING = 4
"""Pixels by which training images are shifted at most (He et al. 2016, section 4.2)."""


def _how_to_get(archive: str) -> str:
    return (
        f"give a folder with {archive} (the binary version, packed or unpacked), or let "
        "Keras fetch the data set into its cache, which is where it is looked for by itself"
    )


CIFAR10 = DataSetInfo(
    name="cifar10",
    image_shape=(32, 32, 3),
    num_classes=10,
    train_size=50_000,
    validation_size=10_000,
    batch_divisor=16,
    stem="small",
    default_width=64,
    description="photographs of 10 kinds of things, 32 x 32, the published 50,000/10,000 split",
    how_to_get=_how_to_get("cifar-10-binary.tar.gz"),
)
CIFAR100 = replace(
    CIFAR10,
    name="cifar100",
    num_classes=100,
    description="photographs of 100 kinds of things, 32 x 32, the published 50,000/10,000 split",
    how_to_get=_how_to_get("cifar-100-binary.tar.gz"),
)

LAYOUTS = {
    "cifar10": Layout(
        title="CIFAR-10",
        archive="cifar-10-binary.tar.gz",
        binary_folder="cifar-10-batches-bin",
        python_folders=(
            "cifar-10-batches-py",
            "cifar-10-batches-py-target/cifar-10-batches-py",
        ),
        files={
            "train": tuple((f"data_batch_{number}.bin", 10_000) for number in range(1, 6)),
            "validation": (("test_batch.bin", 10_000),),
        },
        label_bytes=1,
        label_key=b"labels",
        num_classes=10,
        how_to_get=CIFAR10.how_to_get,
    ),
    "cifar100": Layout(
        title="CIFAR-100",
        archive="cifar-100-binary.tar.gz",
        binary_folder="cifar-100-binary",
        python_folders=("cifar-100-python", "cifar-100-python-target/cifar-100-python"),
        files={"train": (("train.bin", 50_000),), "validation": (("test.bin", 10_000),)},
        # The coarse label precedes the fine one.
        label_bytes=2,
        label_key=b"fine_labels",
        num_classes=100,
        how_to_get=CIFAR100.how_to_get,
    ),
}


def keras_cache() -> Path:
    """Return the folder in which Keras stores downloaded data sets."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def check(info: DataSetInfo, data_dir: Path | None) -> None:
    """Check that the files are there and of the right size.

    Raises:
        DataError: a file is missing or of another size.
    """
    cifar_files.check(LAYOUTS[info.name], data_dir or keras_cache())


def load(info: DataSetInfo, data_dir: Path | None) -> DataSet:
    """Read the files in `data_dir`, or in Keras's cache if it is None.

    Raises:
        DataError: a file is missing or damaged; the message names it.
    """
    # ArrayDataSet imports TensorFlow, which checking the data set doesn't need.
    from alignment_core.data.arrays import ArrayDataSet

    splits = cifar_files.read(LAYOUTS[info.name], data_dir or keras_cache())
    (train, train_labels), (validation, validation_labels) = (
        (images.astype(np.float32), labels)
        for images, labels in (splits["train"], splits["validation"])
    )
    train, validation = standardize(train, validation)
    return ArrayDataSet(
        info.name,
        train,
        train_labels,
        validation,
        validation_labels,
        info.num_classes,
        CROP_PADDING,
    )
