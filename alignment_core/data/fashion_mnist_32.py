"""Fashion-MNIST as BioTorch prepares it: resized to 32 x 32 pixels, with its two constants.

The images are resized bilinearly and rounded to bytes after each of the two directions, as Pillow
does, then normalized by the mean and deviation that BioTorch gives. The splits and the files are
those of `fashion_mnist`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alignment_core.data import fashion_mnist
from alignment_core.data.dataset import DataSet

SIDE = 32
"""Height and width of the resized images, as LeNet's 5 x 5 convolutions need."""

MEAN, DEVIATION = 0.2859, 0.3530
"""BioTorch's constants, for pixels from 0 to 1."""

INFO = replace(
    fashion_mnist.INFO,
    name="fashion_mnist_32",
    image_shape=(SIDE, SIDE, 1),
    description="Fashion-MNIST resized to 32 x 32, as BioTorch's LeNet takes it",
)

check = fashion_mnist.check


def load(data_dir: Path | None) -> DataSet:
    """Read Fashion-MNIST's four files and resize the images.

    Raises:
        DataError: a file is missing or damaged; the message names it.
    """
    return fashion_mnist.load_as(INFO, _prepare, data_dir)


def _prepare(
    train: NDArray[np.uint8], validation: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return _normalize(resize(train)), _normalize(resize(validation))


def _normalize(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = images.astype(np.float32)
    pixels /= 255
    pixels -= MEAN
    pixels /= DEVIATION
    return pixels


def resize(images: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.uint8]:
    """Return images (n, height, width, 1) of bytes, enlarged bilinearly to `side` x `side`.

    >>> resize(np.full((1, 28, 28, 1), 7, np.uint8)).shape
    (1, 32, 32, 1)
    """
    across = _interpolated(images[..., 0], side)
    down = _interpolated(across.transpose(0, 2, 1), side)
    return down.transpose(0, 2, 1)[..., np.newaxis]


def _interpolated(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return images (n, rows, columns) with `side` columns, rounded half up."""
    columns = images.shape[2]
    places = (np.arange(side) + 0.5) * columns / side - 0.5
    left = np.floor(places).astype(int)
    share = (places - left).astype(np.float32)
    # Beyond the border a pixel repeats: the weights of those inside are made to sum to one.
    one, other = (np.clip(each, 0, columns - 1) for each in (left, left + 1))
    mixed = images[..., one] * (1 - share) + images[..., other] * share
    return np.floor(mixed + np.float32(0.5)).astype(np.uint8)
