"""Reader of CIFAR-10's and CIFAR-100's files, which never runs code from a file.

Three formats are read: the binary version as a .tar.gz archive, without unpacking it to disk; its
.bin files; and the batches of the Python version, which Keras stores in its cache.

The Python version's batches are pickles, and a pickle can name any callable to be run. They are
read nevertheless, because most Keras users have them in their cache. `_Unpickler` knows three names
only, under which NumPy's arrays are pickled, and replaces them by inert stand-ins. Neither NumPy
nor anything else is called with data from the file, and any other name is refused. The array's
shape, type and bytes are then checked like those of any file from outside.
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
"""Bytes of an image: the red, green and blue planes, each row by row."""


@dataclass(frozen=True)
class Layout:
    """Names and contents of a data set's files.

    Attributes:
        title: the data set's name in messages.
        archive: file name of the binary version's archive.
        binary_folder: folder of the unpacked binary version.
        python_folders: possible folders of the Python version.
        files: for each split, the binary version's file names and the number of images in each.
            The Python version has the same names without ".bin".
        label_bytes: bytes before each image in the binary version; the last one is the label.
        label_key: key of the labels in the Python version.
        num_classes: number of classes.
        how_to_get: advice for error messages.
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
    """Check the files' sizes, or the first entry of an archive.

    Raises:
        DataError: a file is missing, unreadable or of another size.
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
    """Return the images (n, 32, 32, 3) and labels (n,) of each split.

    Raises:
        DataError: a file is missing or damaged; the message names it.
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
    """Return the folder of the files, or the archive, whichever format is found first."""
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
"""Limit of an archive entry's size, in bytes for each byte of its images. A valid entry has little
more than one. The limit protects memory, because a small archive can unpack to any size."""


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
    """Decode one file of the binary version."""
    row = layout.label_bytes + PIXELS
    if len(content) != images * row:
        raise _damaged(path, f"{len(content):,} bytes instead of {images * row:,}", layout)
    rows = np.frombuffer(content, np.uint8).reshape(images, row)
    labels = rows[:, layout.label_bytes - 1]
    return _checked(layout, path, rows[:, layout.label_bytes :], labels.astype(np.int32))


def _decode_pickle(
    layout: Layout, path: Path, content: bytes, images: int
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Decode one batch of the Python version.

    It is a dict {b"data": array (n, 3072), b"labels": list of ints}.
    """
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        data, labels = batch[b"data"], batch[layout.label_key]
        pixels = data.pixels((images, PIXELS))
        numbers = np.array([int(label) for label in labels], np.int32)
    # A damaged pickle can make its reader raise other errors than UnpicklingError.
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
    """Stand-in for a pickled NumPy array, which stores the pickled state."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def pixels(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the bytes as an array; raises ValueError for another type or shape."""
        _, found, kind, column_order, content = self.state
        if tuple(found) != shape or kind.name != b"u1":
            raise ValueError(f"data is {kind.name!r} of shape {found}, not bytes of shape {shape}")
        return np.frombuffer(content, np.uint8).reshape(shape, order="F" if column_order else "C")


class _TypeState:
    """Stand-in for a pickled NumPy dtype, which stores the dtype's name."""

    def __init__(self, name: bytes, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Ignore the byte order and the like, which don't matter for single bytes."""


def _reconstruct(*_: Any) -> _ArrayState:
    return _ArrayState()


_KNOWN_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _ArrayState,
    ("numpy", "dtype"): _TypeState,
}


class _Unpickler(pickle.Unpickler):
    """Unpickler of containers, numbers, bytes and the stand-ins, which refuses all other names."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Return the stand-in of a known name; raises UnpicklingError for any other."""
        try:
            return _KNOWN_NAMES[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it refers to {module_name}.{global_name}, which no CIFAR batch needs"
            ) from None
