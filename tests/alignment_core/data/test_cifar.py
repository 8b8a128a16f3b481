"""CIFAR's file formats, and files that are refused."""

import io
import pickle
import re
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from alignment_core import data
from alignment_core.data import cifar_files
from alignment_core.data.cifar import LAYOUTS
from alignment_core.errors import DataError

IMAGES = 20


def small(name):
    """The data set's layout with files of a few images."""
    layout = LAYOUTS[name]
    files = {
        split: tuple((file, IMAGES) for file, _ in names) for split, names in layout.files.items()
    }
    return replace(layout, files=files)


def made_up(layout):
    """Pixels (n, 3, 32, 32) and labels of each file."""
    generator = np.random.default_rng(0)
    return {
        name: (
            generator.integers(0, 256, (images, 3, 32, 32), np.uint8),
            generator.integers(0, layout.num_classes, images, np.uint8),
        )
        for names in layout.files.values()
        for name, images in names
    }


def binary(layout, pixels, labels):
    coarse = np.zeros((len(labels), layout.label_bytes - 1), np.uint8)
    rows = np.concatenate([coarse, labels[:, None], pixels.reshape(len(labels), -1)], axis=1)
    return rows.tobytes()


def write_binary(layout, folder):
    contents = made_up(layout)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (pixels, labels) in contents.items():
        (folder / name).write_bytes(binary(layout, pixels, labels))
    return contents


def python2_pickle(layout, pixels, labels):
    """Return a batch as Python 2 pickled it, with string opcodes that Python 3 doesn't write."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"J" + value.to_bytes(4, "little", signed=True)

    content = pixels.tobytes()
    kind = b"cnumpy\ndtype\n(" + text(b"u1") + number(0) + number(1) + b"tR"
    kind += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) * 2 + number(0) + b"tb"
    shape = b"(" + number(len(labels)) + number(3072) + b"t"
    state = b"(" + number(1) + shape + kind + b"I00\n"
    state += b"T" + len(content).to_bytes(4, "little") + content + b"t"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(" + number(0) + b"t"
    array += text(b"b") + b"tR" + state + b"b"
    numbers = b"(" + b"".join(number(int(label)) for label in labels) + b"l"
    items = text(b"batch_label") + text(b"a batch") + text(layout.label_key) + numbers
    return b"\x80\x02}(" + items + text(b"data") + array + b"u."


def write_python(layout, folder):
    contents = made_up(layout)
    folder.mkdir(parents=True)
    for name, (pixels, labels) in contents.items():
        batch = python2_pickle(layout, pixels, labels)
        (folder / name.removesuffix(".bin")).write_bytes(batch)
    return contents


def assert_read(layout, folder, contents):
    cifar_files.check(layout, folder)
    splits = cifar_files.read(layout, folder)
    for split, names in layout.files.items():
        images, labels = splits[split]
        pixels = np.concatenate([contents[name][0] for name, _ in names])
        # The colour planes come first in the files, last in a network.
        np.testing.assert_array_equal(images, np.moveaxis(pixels, 1, 3))
        np.testing.assert_array_equal(labels, np.concatenate([contents[n][1] for n, _ in names]))
        assert labels.dtype == np.int32


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_binary_version_is_read(name, tmp_path):
    layout = small(name)
    contents = write_binary(layout, tmp_path / layout.binary_folder)
    assert_read(layout, tmp_path, contents)
    assert_read(layout, tmp_path / layout.binary_folder, contents)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_archive_is_read_without_unpacking(name, tmp_path):
    layout = small(name)
    contents = write_binary(layout, tmp_path / "files")
    folder = tmp_path / "packed"
    folder.mkdir()
    with tarfile.open(folder / layout.archive, "w:gz") as archive:
        archive.add(tmp_path / "files", layout.binary_folder)
    assert_read(layout, folder, contents)
    assert [path.name for path in folder.iterdir()] == [layout.archive]


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("place", [0, 1])
def test_batches_in_kerass_cache_are_read(name, place, tmp_path):
    layout = small(name)
    contents = write_python(layout, tmp_path / layout.python_folders[place])
    assert_read(layout, tmp_path, contents)


def test_python_2_batches_here_are_what_pickle_reads(tmp_path):
    """The tests' own writer against the standard library's reader."""
    layout = small("cifar10")
    pixels, labels = next(iter(made_up(layout).values()))
    batch = pickle.loads(python2_pickle(layout, pixels, labels), encoding="bytes")
    np.testing.assert_array_equal(batch[b"data"], pixels.reshape(IMAGES, 3072))
    np.testing.assert_array_equal(batch[b"labels"], labels)


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


def test_a_pickle_that_calls_something_is_refused_and_nothing_is_called(tmp_path):
    layout = small("cifar10")
    folder = tmp_path / "cifar-10-batches-py"
    write_python(layout, folder)
    mark = tmp_path / "called"
    evil = pickle.dumps({"data": Evil(mark)}, protocol=2) + bytes(IMAGES * 3072)
    (folder / "data_batch_3").write_bytes(evil)
    with pytest.raises(DataError, match=r"data_batch_3 is damaged.*\.open, which no CIFAR"):
        cifar_files.read(layout, tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("damage", ["cut", "noise", "short", "kind"])
def test_a_damaged_pickle_is_named(damage, tmp_path):
    layout = small("cifar10")
    folder = tmp_path / "cifar-10-batches-py"
    write_python(layout, folder)
    path = folder / "test_batch"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-100],
            "noise": b"\x93" * len(whole),
            "short": whole[:100],
            "kind": whole.replace(b"U\x02u1", b"U\x02i1"),
        }[damage]
    )
    with pytest.raises(DataError, match=r"test_batch is damaged.*cifar-10-binary\.tar\.gz"):
        cifar_files.read(layout, tmp_path)


def test_damaged_binary_files_are_named(tmp_path):
    layout = small("cifar100")
    write_binary(layout, tmp_path)
    path = tmp_path / "test.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for function in (cifar_files.check, cifar_files.read):
        with pytest.raises(DataError, match=r"test\.bin is damaged: 61,479 bytes instead of 61,48"):
            function(layout, tmp_path)
    path.write_bytes(whole[:1] + b"\x64" + whole[2:])
    with pytest.raises(DataError, match="label 100, the highest is 99"):
        cifar_files.read(layout, tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"CIFAR-100 is incomplete: no .*test"):
        cifar_files.check(layout, tmp_path)


def test_damaged_archives_are_named(tmp_path):
    layout = small("cifar10")
    path = tmp_path / layout.archive
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz can't be read"):
        cifar_files.check(layout, tmp_path)
    write_binary(layout, tmp_path / "files")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "files" / "test_batch.bin", "test_batch.bin")
    with pytest.raises(DataError, match=r"is damaged: it has no data_batch_1\.bin"):
        cifar_files.read(layout, tmp_path)
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "files", layout.binary_folder)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz is damaged"):
        cifar_files.read(layout, tmp_path)
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("x/test_batch.bin")
        entry.size = 10
        archive.addfile(entry, io.BytesIO(bytes(10)))
    with pytest.raises(DataError, match=r"x/test_batch\.bin is damaged: 10 bytes"):
        cifar_files.read(layout, tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_an_archive_leads_to_no_other_file(kind, tmp_path):
    layout, path = small("cifar10"), tmp_path / small("cifar10").archive
    (tmp_path / "secret").write_bytes(bytes(4000))
    for target in (str(tmp_path / "secret"), "../secret"):
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("../../x/test_batch.bin")
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
        with pytest.raises(DataError, match=re.escape(str(path))):
            cifar_files.read(layout, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, "secret"])


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path):
    layout, path = small("cifar10"), tmp_path / small("cifar10").archive
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("x/test_batch.bin")
        entry.size = 10 * 2**20
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    with pytest.raises(DataError, match="too large"):
        cifar_files.read(layout, tmp_path)


def test_absent_files_say_how_to_get_them(tmp_path, monkeypatch):
    for function in (data.check, data.load):
        with pytest.raises(DataError, match=rf"CIFAR-10 is not in {tmp_path}; .*Keras"):
            function("cifar10", tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(DataError, match=rf"CIFAR-100 is not in {tmp_path}/datasets"):
        data.check("cifar100")


def test_kerass_cache_is_loaded_whole_and_standardized_by_channel(tmp_path, monkeypatch):
    """At full size: 60,000 images, whose moments are known from how they are made."""
    layout = LAYOUTS["cifar10"]
    folder = tmp_path / "datasets" / layout.binary_folder
    folder.mkdir(parents=True)
    pixels = np.zeros((10_000, 3, 32, 32), np.uint8)
    # Red has mean 100 and deviation 50, green 20 and 10, blue 200 and 0.5.
    pixels[::2] = np.array([150, 30, 201])[:, None, None]
    pixels[1::2] = np.array([50, 10, 200])[:, None, None]
    labels = (np.arange(10_000) % 10).astype(np.uint8)
    for names in layout.files.values():
        for name, _ in names:
            (folder / name).write_bytes(binary(layout, pixels, labels))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    loaded, info = data.load("cifar10"), data.info("cifar10")
    assert loaded.train_images.shape == (info.train_size, *info.image_shape)
    assert loaded.validation_images.shape == (info.validation_size, *info.image_shape)
    np.testing.assert_allclose(loaded.train_images[0, 0, 0], [1, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(loaded.validation_images[1, 31, 31], [-1, -1, -1], rtol=1e-5)
    assert loaded.chance_accuracy == 0.1
    assert loaded.crop_padding == 4
    images, found = next(iter(loaded.train_batches(16, 0, 0)))
    assert images.shape == (16, 32, 32, 3)
    assert np.all((np.abs(images[:, 8:24, 8:24]) - 1) < 1e-5)
    np.testing.assert_array_equal(found % 2 == 0, images[:, 16, 16, 0] > 0)
