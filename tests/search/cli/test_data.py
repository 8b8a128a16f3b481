"""`alignsearch data`: what is there, what is whole, what is wrong, how fast it comes."""

import json

import pytest
import tensorflow as tf


def example(label):
    image = tf.io.encode_jpeg(tf.fill([30, 40, 3], tf.constant(label, tf.uint8))).numpy()
    features = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture(scope="module")
def records():
    return [example(label) for label in range(1, 9)]


@pytest.fixture
def imagenet(tmp_path, records):
    for name in ("train-00000-of-00001", "validation-00000-of-00001"):
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for record in records:
                writer.write(record)
    return tmp_path


def test_data_sets_are_listed_with_what_they_lack(shell):
    listed = {facts["name"]: facts for facts in shell.json("data")}
    assert set(listed) == {"digits", "fashion_mnist", "cifar10", "cifar100", "imagenet"}
    assert listed["digits"]["here"] is True
    assert listed["imagenet"]["here"] is False
    assert "TFRecords" in listed["imagenet"]["problem"]
    assert listed["cifar100"]["image_shape"] == [32, 32, 3]
    printed = shell.ok("data")
    assert "1,281,167 + 50,000" in printed


def test_a_whole_data_set_is_counted_and_timed(shell):
    done = shell.run("data", "digits", "--batch-size", "64", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["complete"] is True
    assert found["batch_size"] == 64
    assert found["images_per_second"] > 100
    assert found["splits"]["train"] == {
        "images": 1437,
        "expected": 1437,
        "classes": 10,
        "labels": [0, 9],
        "smallest": [8, 8, 1],
        "largest": [8, 8, 1],
        "corrupt": [],
    }


def test_a_corrupt_record_is_printed_with_its_place(shell, imagenet, records):
    path = imagenet / "train-00000-of-00001"
    content = bytearray(path.read_bytes())
    offset = len(records[0]) + 16
    content[offset + 50] ^= 1
    path.write_bytes(content)
    done = shell.run("data", "imagenet", "--data-dir", str(imagenet), "--batch-size", "4")
    assert done.returncode == 1, done.stderr
    assert f"corrupt: {path} at byte {offset}: its checksum" in done.stdout
    assert "30 x 40 x 3" in done.stdout
    assert "images a second, 224 x 224 x 3, in batches of 4" in done.stdout


def test_what_cannot_be_checked_is_said(shell, imagenet):
    for arguments, words in (
        (["digit"], ["'digit'", "did you mean digits"]),
        (["imagenet"], ["needs a data folder", "TFRecords"]),
        (["cifar10", "--data-dir", str(imagenet)], ["CIFAR-10 is not in", "binary"]),
        (["digits", "--batch-size", "0"], ["--batch-size"]),
    ):
        said = shell.refused("data", *arguments)
        assert all(word in said for word in words), said
    done = shell.run("data", "imagenet", "--data-dir", str(imagenet), "--batch-size", "9")
    assert done.returncode == 2
    assert "a batch of 9 is larger than imagenet's training split of 8" in done.stderr
