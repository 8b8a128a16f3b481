"""Shards of JPEGs: order, sharing among replicas, and what is refused."""

import struct
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from imagenet_shards import SHARD, jpeg, labels_of, offset_of, write

from alignment_core import data
from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.data.preprocessing import PREPROCESSING
from alignment_core.data.throughput import images_per_second
from alignment_core.errors import ConfigurationError, DataError, UnknownNameError
from alignment_core.training.trainer import TrainingConfig


def test_another_number_of_shards_is_counted(sound):
    assert (sound.train_size, sound.validation_size) == (24, 10)
    assert sound.chance_accuracy == 0.1
    assert sound.image_shape == (16, 16, 3)
    assert sound.num_classes == 1000
    assert sound.steps_per_epoch(5) == 4


def test_an_epoch_shows_every_record_once(sound):
    batches = sound.train_batches(8, seed=0, epoch=0)
    images, labels = batches.element_spec
    assert (images.shape, images.dtype) == ((8, 16, 16, 3), tf.float32)
    assert (labels.shape, labels.dtype) == ((8,), tf.int32)
    assert batches.cardinality() == 3
    assert sorted(labels_of(batches)) == list(range(24))


def test_seed_and_epoch_decide_order_and_pixels(sound):
    def epoch(seed, number):
        batches = sound.train_batches(8, seed, number).as_numpy_iterator()
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return images, labels

    images, labels = epoch(3, 1)
    again = epoch(3, 1)
    np.testing.assert_array_equal(labels, again[1])
    np.testing.assert_array_equal(images, again[0])
    for others in (epoch(3, 2), epoch(4, 1)):
        assert not np.array_equal(others[1], labels)
        pairs = zip(images[np.argsort(labels)], others[0][np.argsort(others[1])], strict=True)
        assert not any(np.array_equal(image, other) for image, other in pairs)


def test_the_batch_size_changes_neither_order_nor_pixels(sound):
    small = [image for images, _ in sound.train_batches(4, 0, 0) for image in images]
    large = [image for images, _ in sound.train_batches(12, 0, 0) for image in images]
    np.testing.assert_array_equal(small, large)


def test_every_validation_image_is_evaluated_once(sound):
    batches = list(sound.validation_batches(largest_batch=4).as_numpy_iterator())
    assert [images.shape for images, _ in batches] == [(4, 16, 16, 3)] * 3
    labels = np.concatenate([labels for _, labels in batches])
    assert sorted(labels) == [PADDING_LABEL, PADDING_LABEL, *range(24, 34)]
    images = np.concatenate([images for images, _ in batches])
    for image, label in zip(images, labels, strict=True):
        if label == PADDING_LABEL:
            np.testing.assert_array_equal(image, np.zeros((16, 16, 3)))
        else:
            expected = PREPROCESSING["v1"].evaluate(jpeg(label + 1), 16)
            np.testing.assert_allclose(image, expected, atol=1e-5)


@pytest.mark.parametrize(("pipelines", "replicas"), [(1, 2), (2, 4)])
def test_input_pipelines_share_the_records(sound, pipelines, replicas):
    contexts = [tf.distribute.InputContext(pipelines, n, replicas) for n in range(pipelines)]
    train = [sound.train_batches(8, 0, 0, context) for context in contexts]
    for batches in train:
        assert batches.element_spec[1].shape == (8 // replicas,)
        assert batches.cardinality() == 3 * replicas // pipelines
    assert sorted(label for share in train for label in labels_of(share)) == list(range(24))
    validation = [sound.validation_batches(4, context) for context in contexts]
    assert len({int(batches.cardinality()) for batches in validation}) == 1
    shares = [labels_of(batches) for batches in validation]
    found = [label for share in shares for label in share if label != PADDING_LABEL]
    assert sorted(found) == list(range(24, 34))


def test_pipelines_of_uneven_shares_keep_step(sound):
    """Four shards for three pipelines: those with one show its six records again."""
    contexts = [tf.distribute.InputContext(3, number, 3) for number in range(3)]
    shares = [labels_of(sound.train_batches(24, 0, 0, context)) for context in contexts]
    assert [len(share) for share in shares] == [8, 8, 8]
    assert sorted(len(set(share)) for share in shares) == [6, 6, 8]


def test_what_cannot_be_shared_is_refused(sound):
    five = tf.distribute.InputContext(5, 0, 5)
    with pytest.raises(ConfigurationError, match="4 training shards, too few for 5"):
        sound.train_batches(20, 0, 0, five)
    with pytest.raises(ConfigurationError, match=r"25 is larger than imagenet's .* 24"):
        sound.train_batches(25, 0, 0)


def test_a_sample_is_always_the_same(sound):
    images, labels = sound.sample("validation", 4)
    again, _ = sound.sample("validation", 4)
    assert set(labels.numpy()) < set(range(24, 34))
    np.testing.assert_array_equal(images, again)
    expected = PREPROCESSING["v1"].evaluate(jpeg(int(labels[2]) + 1), 16)
    np.testing.assert_allclose(images[2], expected, atol=1e-5)
    assert sound.sample("train", 100)[0].shape == (24, 16, 16, 3)


def test_v2_is_another_size_and_range(folder):
    loaded = data.load("imagenet", folder, data.InputOptions(preprocessing="v2"))
    assert loaded.image_shape == (299, 299, 3)
    images, _ = next(iter(loaded.train_batches(2, 0, 0)))
    assert images.shape == (2, 299, 299, 3)
    assert np.abs(images).max() <= 1


def test_a_file_system_of_tensorflows_own_is_read(payloads):
    """Nothing goes past tf.io.gfile: this one is in memory, as gs:// is elsewhere."""
    tf.io.gfile.makedirs("ram://imagenet")
    write("ram://imagenet", payloads)
    data.check("imagenet", "ram://imagenet")
    loaded = data.load("imagenet", "ram://imagenet", data.InputOptions(image_size=8))
    assert sorted(labels_of(loaded.train_batches(24, 0, 0))) == list(range(24))
    assert loaded.survey()["validation"].complete


def test_throughput_is_measured_over_epochs(sound):
    assert images_per_second(sound, 16, seconds=0.2) > 1


PLAIN = TrainingConfig(
    dataset="imagenet",
    epochs=1,
    batch_size=8,
    learning_rate=0.1,
    model="convnet",
    width=2,
    schedule_epochs=1,
    image_size=16,
)


def test_networks_see_their_own_preprocessing():
    def seen(**values):
        return replace(PLAIN, image_size=None, **values).input_options

    assert seen(model="resnet18") == data.InputOptions(preprocessing="v1")
    assert seen(model="resnet50v2") == data.InputOptions(preprocessing="v2")
    assert seen(model="resnet50v2", preprocessing="v1").preprocessing == "v1"
    assert seen(model="resnet50v2", dataset="digits") == data.InputOptions()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"dataset": "digits"}, ConfigurationError, "digits's images are used as they are"),
        ({"image_size": 0}, ConfigurationError, "at least 1 pixel, not 0"),
        ({"preprocessing": "v3"}, UnknownNameError, "no preprocessing is named 'v3'"),
        ({"on_corrupt": "ignore"}, UnknownNameError, "no on_corrupt is named 'ignore'"),
    ],
)
def test_images_that_cannot_be_had_are_refused_with_the_configuration(change, error, said):
    with pytest.raises(error, match=said):
        replace(PLAIN, **change)


def test_a_survey_tells_sizes_and_labels(sound):
    surveys = sound.survey()
    train = surveys["train"]
    assert all(survey.complete for survey in surveys.values())
    assert (train.images, train.smallest, train.largest) == (24, (45, 45, 3), (60, 60, 3))
    np.testing.assert_array_equal(np.flatnonzero(train.label_counts), np.arange(24))


def test_the_standard_layout_is_taken_to_be_whole(tmp_path, payloads):
    """1024 and 128 shards are not opened one by one when ImageNet is loaded."""
    record = payloads[SHARD][0]
    write(tmp_path, {"train-00000-of-01024": [record], "validation-00000-of-00128": [record]})
    for number in range(1, 1024):
        (tmp_path / f"train-{number:05d}-of-01024").touch()
    for number in range(1, 128):
        (tmp_path / f"validation-{number:05d}-of-00128").touch()
    data.check("imagenet", tmp_path)
    loaded, info = data.load("imagenet", tmp_path), data.info("imagenet")
    assert (loaded.train_size, loaded.validation_size) == (info.train_size, info.validation_size)
    assert loaded.image_shape == info.image_shape
    assert loaded.chance_accuracy == 0.001
    assert loaded.validation_batches(256).cardinality() == 196


def test_missing_shards_are_named(folder):
    (folder / SHARD).unlink()
    for function in (data.check, data.load):
        with pytest.raises(DataError, match=rf"lacks 1 of 4 train shards, .* {SHARD}; sign up"):
            function("imagenet", folder)
    (folder / "train-00000-of-00007").touch()
    with pytest.raises(DataError, match="several sets of train shards"):
        data.check("imagenet", folder)


def test_absent_and_foreign_files_say_how_to_get_imagenet(tmp_path, folder):
    with pytest.raises(DataError, match="needs a data folder; sign up"):
        data.check("imagenet")
    with pytest.raises(DataError, match=r"nowhere.*sign up"):
        data.check("imagenet", tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"has no train shards; sign up"):
        data.check("imagenet", empty)
    (folder / "train-00000-of-00004").write_bytes(b"no records in here, just text")
    with pytest.raises(DataError, match="train-00000-of-00004 is not a TFRecord file"):
        data.check("imagenet", folder)


def test_options_that_do_not_exist_are_refused(folder):
    for options, words in (
        (data.InputOptions(preprocessing="v3"), "preprocessing is named 'v3'"),
        (data.InputOptions(on_corrupt="ignore"), "'ignore'; known: refuse, skip"),
    ):
        with pytest.raises(UnknownNameError, match=words):
            data.load("imagenet", folder, options)
    with pytest.raises(ConfigurationError, match="at least 1 pixel"):
        data.load("imagenet", folder, data.InputOptions(image_size=0))


def test_records_are_framed_as_tensorflow_frames_them(folder, payloads):
    """The tests' own offsets against the bytes that TensorFlow wrote."""
    content = (folder / SHARD).read_bytes()
    offset = offset_of(payloads, 3)
    (length,) = struct.unpack("<Q", content[offset : offset + 8])
    assert content[offset + 12 : offset + 12 + length] == payloads[SHARD][3]
