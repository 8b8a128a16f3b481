"""Data sets by name: complete, with fixed splits, or a clear error."""

import gzip

import numpy as np
import pytest

from alignment_core import data
from alignment_core.data.fashion_mnist import DEBIAN_FOLDER
from alignment_core.errors import ConfigurationError, DataError, UnknownNameError

FASHION_FILES = sorted(path.name for path in DEBIAN_FOLDER.iterdir())


def test_digits_keep_one_stratified_split():
    digits, again = data.load("digits"), data.load("digits")
    assert digits.train_images.shape == (1437, 8, 8, 1)
    assert digits.validation_images.shape == (360, 8, 8, 1)
    np.testing.assert_array_equal(digits.train_images, again.train_images)
    np.testing.assert_array_equal(digits.validation_labels, again.validation_labels)
    train = np.bincount(digits.train_labels) / 1437
    np.testing.assert_allclose(np.bincount(digits.validation_labels) / 360, train, atol=0.003)


def test_digits_of_the_two_splits_are_different_images():
    digits = data.load("digits")
    images = np.concatenate([digits.train_images, digits.validation_images])
    assert len(np.unique(images.reshape(1797, -1), axis=0)) == 1797


@pytest.mark.parametrize("name", ["digits", "fashion_mnist"])
def test_what_is_known_beforehand_is_what_is_loaded(name):
    data.check(name)
    info, loaded = data.info(name), data.load(name)
    assert loaded.train_images.shape == (info.train_size, *info.image_shape)
    assert loaded.validation_images.shape == (info.validation_size, *info.image_shape)
    assert loaded.train_labels.shape == (info.train_size,)
    assert loaded.validation_labels.shape == (info.validation_size,)
    assert set(loaded.train_labels) == set(range(info.num_classes))
    assert loaded.train_images.dtype == np.float32
    assert loaded.train_labels.dtype == np.int32
    assert loaded.image_shape == info.image_shape
    assert abs(float(loaded.train_images.mean(dtype=np.float64))) < 1e-6
    assert abs(float(loaded.train_images.std(dtype=np.float64)) - 1) < 1e-6


def test_validation_images_are_scaled_by_the_training_splits_moments():
    digits = data.load("digits")
    assert abs(float(digits.validation_images.mean())) > 1e-4


def test_chance_is_the_largest_class_of_the_validation_split():
    digits = data.load("digits")
    largest = max(np.sum(digits.validation_labels == label) for label in range(10))
    assert digits.chance_accuracy == pytest.approx(largest / 360)
    assert data.load("fashion_mnist").chance_accuracy == pytest.approx(0.1)


def test_an_unknown_data_set_is_named_with_its_neighbours():
    for function in (data.info, data.check, data.load):
        with pytest.raises(UnknownNameError, match="digits"):
            function("digit")


def test_small_images_are_used_as_they_are():
    for options in (data.InputOptions(image_size=16), data.InputOptions(preprocessing="v2")):
        with pytest.raises(ConfigurationError, match="digits's images are used as they are"):
            data.load("digits", options=options)
    assert data.load("digits", options=data.InputOptions(on_corrupt="skip")).train_size == 1437


def test_a_survey_of_arrays_counts_their_labels():
    surveys = data.load("digits").survey()
    assert {split: survey.images for split, survey in surveys.items()} == {
        "train": 1437,
        "validation": 360,
    }
    assert all(survey.complete for survey in surveys.values())
    assert surveys["validation"].label_counts.max() == 37


def test_fashion_mnist_that_is_not_there_says_how_to_get_it(tmp_path):
    for function in (data.check, data.load):
        with pytest.raises(DataError, match="dataset-fashion-mnist"):
            function("fashion_mnist", tmp_path / "nowhere")
        with pytest.raises(DataError, match=r"incomplete.*dataset-fashion-mnist"):
            function("fashion_mnist", tmp_path)


@pytest.fixture
def copy(tmp_path):
    for name in FASHION_FILES:
        (tmp_path / name).symlink_to(DEBIAN_FOLDER / name)
    return tmp_path


def replace(folder, name, content):
    (folder / name).unlink()
    (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", FASHION_FILES)
def test_an_empty_or_foreign_file_is_named_by_the_check(copy, name):
    for content in (b"", b"not gzip at all", gzip.compress(b"\0\0\x08\x01short")):
        replace(copy, name, content)
        with pytest.raises(DataError, match=name):
            data.check("fashion_mnist", copy)


def test_a_truncated_file_is_named_when_it_is_loaded(copy):
    name = "t10k-labels-idx1-ubyte.gz"
    whole = (DEBIAN_FOLDER / name).read_bytes()
    replace(copy, name, whole[: len(whole) // 2])
    data.check("fashion_mnist", copy)
    with pytest.raises(DataError, match=name):
        data.load("fashion_mnist", copy)
    replace(copy, name, gzip.compress(gzip.decompress(whole)[:-1]))
    with pytest.raises(DataError, match=r"damaged: 9,999 bytes of data instead of 10,000"):
        data.load("fashion_mnist", copy)


def test_a_label_beyond_the_classes_is_damage(copy):
    name = "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress((DEBIAN_FOLDER / name).read_bytes()))
    content[100] = 10
    replace(copy, name, gzip.compress(bytes(content)))
    with pytest.raises(DataError, match="label 10"):
        data.load("fashion_mnist", copy)


def test_uncompressed_files_are_read_too(copy):
    for name in FASHION_FILES:
        plain = gzip.decompress((DEBIAN_FOLDER / name).read_bytes())
        (copy / name).unlink()
        (copy / name.removesuffix(".gz")).write_bytes(plain)
    np.testing.assert_array_equal(
        data.load("fashion_mnist", copy).validation_labels,
        data.load("fashion_mnist").validation_labels,
    )
