"""The files in which CIFAR-10 and CIFAR-100 come, read without running any of their contents.

Three forms are read: the binary version as a .tar.gz archive (nothing is unpacked to
the disk) or as its .bin files, and the Python version's batches, which is what Keras
leaves in its cache.

Those batches are pickles, and a pickle can name any callable to be run. A whole
data set in a cache that most Keras users have is worth reading all the same, so
`_Unpickler` knows three names, the ones that NumPy's arrays are pickled under, and gives
inert stand-ins for them: neither NumPy nor anything else is called with what the file
says. Any other name is refused. The array's shape, type and bytes are then checked as
those of any foreign file.
"""

import io
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_core.errors import DataError

PIXELS = 3 * 32 * 32
"""Bytes of an image: its red, green and blue planes, each row by row."""


@dataclass(frozen=True)
class Layout:
    """Where a data set's files are and what they hold.

    `files` gives, for each split, the binary version's file names with the images in
    each; the Python version's are the same without ".bin". In the binary version
    `label_bytes` bytes precede each image and the last of them is the label.
    """

    title: str
    archive: str
    binary_folder: str
    python_folders: tuple[str, ...]
    files: dict[str, tuple[tuple[str, int], ...]]
    label_bytes: int
    label_key: bytes
    num_classes: int
    how_to_get: str


def check(layout: Layout, folder: Path) -> None:
    """Find the files and look at their sizes, or at an archive's first entry.

    Raises DataError if they are missing or can't be what they should be.
    """
    found = _find(layout, folder)
    if found.suffix == ".gz":
        try:
            with tarfile.open(found, "r|gz") as archive:
                archive.next()
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise DataError(f"{found} can't be read: {error}; {layout.how_to_get}") from error
        return
    for names in layout.files.values():
        for name, images in names:
            _check_file(layout, found, name, images)


def read(layout: Layout, folder: Path) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.int32]]]:
    """For each split the images (n, 32, 32, 3) and labels (n,).

    Raises DataError naming the file that is missing or damaged.
    """
    found = _find(layout, folder)
    if found.suffix == ".gz":
        parts = _read_archive(layout, found)
    else:
        parts = {}
        for names in layout.files.values():
            for name, images in names:
                path = _check_file(layout, found, name, images)
                try:
                    content = path.read_bytes()
                except OSError as error:
                    raise _damaged(path, str(error), layout) from error
                decode = _decode if path.suffix == ".bin" else _decode_pickle
                parts[name] = decode(layout, path, content, images)
    return {
        split: (
            np.concatenate([parts[name][0] for name, _ in names]),
            np.concatenate([parts[name][1] for name, _ in names]),
        )
        for split, names in layout.files.items()
    }


def _find(layout: Layout, folder: Path) -> Path:
    """The folder with the files, or the archive: the first of the forms that is there."""
    first = layout.files["train"][0][0]
    python_first = first.removesuffix(".bin")
    for path in (folder, folder / layout.binary_folder):
        if (path / first).is_file():
            return path
    if (folder / layout.archive).is_file():
        return folder / layout.archive
    for path in (folder, *(folder / name for name in layout.python_folders)):
        if (path / python_first).is_file():
            return path
    raise DataError(f"{layout.title} is not in {folder}; {layout.how_to_get}")


def _check_file(layout: Layout, folder: Path, name: str, images: int) -> Path:
    path = folder / name
    if path.is_file():
        expected = images * (layout.label_bytes + PIXELS)
        size = path.stat().st_size
        if size != expected:
            raise _damaged(path, f"{size:,} bytes instead of {expected:,}", layout)
        return path
    path = folder / name.removesuffix(".bin")
    if not path.is_file():
        raise DataError(f"{layout.title} is incomplete: no {path}; {layout.how_to_get}")
    if path.stat().st_size < images * PIXELS:
        raise _damaged(path, f"too short for {images:,} images", layout)
    return path


LARGEST = 2
"""Bytes of an archive's entry a pixel of its images: a small archive can pretend to any size."""


def _read_archive(
    layout: Layout, path: Path
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.int32]]]:
    wanted = {name: images for names in layout.files.values() for name, images in names}
    parts = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in wanted and member.size > LARGEST * wanted[name] * PIXELS:
                    raise _damaged(path, f"{member.name} is too large", layout)
                file = archive.extractfile(member) if name in wanted else None
                if file is not None:
                    place = path / member.name
                    parts[name] = _decode(layout, place, file.read(), wanted[name])
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise _damaged(path, str(error), layout) from error
    for name in wanted:
        if name not in parts:
            raise _damaged(path, f"it has no {name}", layout)
    return parts


def _decode(
    layout: Layout, path: Path, content: bytes, images: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """One file of the binary version."""
    row = layout.label_bytes + PIXELS
    if len(content) != images * row:
        raise _damaged(path, f"{len(content):,} bytes instead of {images * row:,}", layout)
    rows = np.frombuffer(content, np.uint8).reshape(images, row)
    labels = rows[:, layout.label_bytes - 1]
    return _checked(layout, path, rows[:, layout.label_bytes :], labels.astype(np.int32))


def _decode_pickle(
    layout: Layout, path: Path, content: bytes, images: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """One batch of the Python version: {b"data": array (n, 3072), b"labels": list of ints}."""
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        data, labels = batch[b"data"], batch[layout.label_key]
        pixels = data.pixels((images, PIXELS))
        numbers = np.array([int(label) for label in labels], np.int32)
    # What a damaged pickle makes its reader raise is not limited to UnpicklingError.
    except Exception as error:
        raise _damaged(path, f"{type(error).__name__}: {error}", layout) from error
    if len(numbers) != images:
        raise _damaged(path, f"{len(numbers):,} labels for {images:,} images", layout)
    return _checked(layout, path, pixels, numbers)


def _checked(
    layout: Layout, path: Path, pixels: NDArray[np.uint8], labels: NDArray[np.int32]
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    wrong = labels[(labels < 0) | (labels >= layout.num_classes)]
    if wrong.size:
        highest = layout.num_classes - 1
        raise _damaged(path, f"it holds label {wrong[0]}, the highest is {highest}", layout)
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _damaged(path: Path, why: str, layout: Layout) -> DataError:
    return DataError(f"{path} is damaged: {why}; {layout.how_to_get}")


@dataclass
class _ArrayState:
    """Stands in for a pickled NumPy array: keeps what its file says of it."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def pixels(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """The bytes as an array, if they are the unsigned bytes of that shape."""
        _, found, kind, column_order, content = self.state
        if tuple(found) != shape or kind.name != b"u1":
            raise ValueError(f"data is {kind.name!r} of shape {found}, not bytes of shape {shape}")
        return np.frombuffer(content, np.uint8).reshape(shape, order="F" if column_order else "C")


class _TypeState:
    """Stands in for a pickled NumPy dtype: keeps its name."""

    def __init__(self, name: bytes, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """The byte order and the like, which single bytes have none of."""


def _reconstruct(*_: Any) -> _ArrayState:
    return _ArrayState()


_KNOWN_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _ArrayState,
    ("numpy", "dtype"): _TypeState,
}


class _Unpickler(pickle.Unpickler):
    """Reads containers, numbers, bytes and the stand-ins; refuses every other name."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """The stand-in of a known name; raises UnpicklingError for any other."""
        try:
            return _KNOWN_NAMES[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it wants {module_name}.{global_name}, which no CIFAR batch needs"
            ) from None
