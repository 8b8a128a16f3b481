"""Fashion-MNIST: 60,000 training and 10,000 validation images of 28 x 28 pixels.

Source: Xiao et al., "Fashion-MNIST: a novel image data set for benchmarking machine learning
algorithms", 2017. It is read from four IDX files, gzipped or not. Images keep their 28 x 28 pixels,
because a ResNet takes any size and padding to 32 x 32 would cost 30 % more time. There is no
augmentation.
"""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alignment_core.data.dataset import DataSet, DataSetInfo, standardize
from alignment_core.errors import DataError

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Folder of Debian's package dataset-fashion-mnist, the default data folder."""

INFO = DataSetInfo(
    name="fashion_mnist",
    image_shape=(28, 28, 1),
    num_classes=10,
    train_size=60_000,
    validation_size=10_000,
    batch_divisor=16,
    stem="small",
    default_width=16,
    description="articles of clothing, 28 x 28, the published 60,000/10,000 split",
    how_to_get=(
        "install Debian's package dataset-fashion-mnist, or give a folder "
        "with the four IDX files (.gz or not)"
    ),
)

_IMAGES = {"train": "train-images-idx3-ubyte", "validation": "t10k-images-idx3-ubyte"}
_LABELS = {"train": "train-labels-idx1-ubyte", "validation": "t10k-labels-idx1-ubyte"}
_SIZES = {"train": INFO.train_size, "validation": INFO.validation_size}


def check(data_dir: Path | None) -> None:
    """Check that the four files are there, and read their headers.

    Raises:
        DataError: a file is missing, unreadable or of another shape.
    """
    folder = _folder(data_dir)
    for split, size in _SIZES.items():
        _read(_find(folder, _IMAGES[split]), (size, *INFO.image_shape[:2]), header_only=True)
        _read(_find(folder, _LABELS[split]), (size,), header_only=True)


def load(data_dir: Path | None) -> DataSet:
    """Read the four files.

    Raises:
        DataError: a file is missing or damaged; the message names it.
    """
    return load_as(INFO, standardize, data_dir)


def load_as(
    info: DataSetInfo,
    prepare: Callable[
        [NDArray[np.uint8], NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]
    ],
    data_dir: Path | None,
) -> DataSet:
    """Read the four files as the data set `info`.

    Args:
        info: name and classes of the data set.
        prepare: makes the network's images of both splits' bytes (n, height, width, 1).
        data_dir: folder of the files; None is `DEBIAN_FOLDER`.

    Raises:
        DataError: a file is missing or damaged; the message names it.
    """
    # ArrayDataSet imports TensorFlow, which checking the data set doesn't need.
    from alignment_core.data.arrays import ArrayDataSet

    folder = _folder(data_dir)
    images, labels = {}, {}
    for split, size in _SIZES.items():
        pixels = _read(_find(folder, _IMAGES[split]), (size, *INFO.image_shape[:2]))
        images[split] = pixels[..., np.newaxis]
        path = _find(folder, _LABELS[split])
        labels[split] = _read(path, (size,)).astype(np.int32)
        if labels[split].max() >= INFO.num_classes:
            raise DataError(
                f"{path} is damaged: it holds label {labels[split].max()}, the highest is 9; "
                f"{INFO.how_to_get}"
            )
    train, validation = prepare(images["train"], images["validation"])
    return ArrayDataSet(
        info.name, train, labels["train"], validation, labels["validation"], info.num_classes
    )


def _folder(data_dir: Path | None) -> Path:
    folder = DEBIAN_FOLDER if data_dir is None else data_dir
    if not folder.is_dir():
        raise DataError(f"Fashion-MNIST is not at {folder}: no such folder; {INFO.how_to_get}")
    return folder


def _find(folder: Path, stem: str) -> Path:
    for path in (folder / f"{stem}.gz", folder / stem):
        if path.is_file():
            return path
    raise DataError(f"Fashion-MNIST is incomplete: {folder} has no {stem}(.gz); {INFO.how_to_get}")


def _read(path: Path, shape: tuple[int, ...], *, header_only: bool = False) -> NDArray[np.uint8]:
    """Return the unsigned bytes of an IDX file, in `shape`; with `header_only` no bytes.

    An IDX header is 0, 0, the type (8: unsigned byte), the number of axes, and each axis's length
    as a big-endian 32-bit integer.
    """
    header = 4 + 4 * len(shape)
    wanted = header if header_only else -1
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                content = file.read(wanted)
        else:
            with path.open("rb") as file:
                content = file.read(wanted)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} can't be read: {error}; {INFO.how_to_get}") from error
    expected = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    if content[:header] != expected:
        raise DataError(f"{path} is not the expected IDX file of shape {shape}; {INFO.how_to_get}")
    body = np.frombuffer(content, np.uint8, offset=header)
    if header_only:
        return body
    if body.size != np.prod(shape):
        raise DataError(
            f"{path} is damaged: {body.size:,} bytes of data instead of "
            f"{np.prod(shape):,}; {INFO.how_to_get}"
        )
    return body.reshape(shape)
