"""`alignsearch data`: what is there, what is whole, what is wrong, how fast it comes."""

import json
import struct


def test_data_sets_are_listed_with_what_they_lack(shell):
    listed = {facts["name"]: facts for facts in shell.json("data")}
    assert set(listed) == {
        *("digits", "fashion_mnist", "fashion_mnist_32", "cifar10", "cifar100", "imagenet")
    }
    assert listed["digits"]["here"] is True
    assert listed["imagenet"]["here"] is False
    assert "TFRecords" in listed["imagenet"]["problem"]
    assert listed["cifar100"]["image_shape"] == [32, 32, 3]
    printed = shell.ok("data")
    assert "1,281,167 + 50,000" in printed


def test_a_whole_data_set_is_counted_and_timed(shell):
    done = shell.run("data", "digits", "--batch-size", "64", "--json")
    assert (done.returncode, done.stderr) == (0, "")
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


def test_a_corrupt_record_is_printed_with_its_place(shell, imagenet):
    path = imagenet / "train-00000-of-00001"
    content = bytearray(path.read_bytes())
    offset = struct.unpack("<Q", content[:8])[0] + 16
    content[offset + 50] ^= 1
    path.write_bytes(content)
    where = ("data", "imagenet", "--data-dir", str(imagenet))
    done = shell.run(*where, "--batch-size", "4", "--preprocessing", "v2", "--image-size", "64")
    assert done.returncode == 1, done.stderr
    assert all("skipped the corrupt record" in line for line in done.stderr.splitlines())
    assert f"corrupt: {path} at byte {offset}: its checksum" in done.stdout
    assert "30 x 40 x 3" in done.stdout
    assert "images a second, 64 x 64 x 3, in batches of 4" in done.stdout


def test_what_cannot_be_checked_is_said(shell, imagenet):
    for arguments, words in (
        (["digit"], ["'digit'", "did you mean digits"]),
        (["imagenet"], ["needs a data folder", "TFRecords"]),
        (["cifar10", "--data-dir", str(imagenet)], ["CIFAR-10 is not in", "binary"]),
        (["digits", "--batch-size", "0"], ["--batch-size"]),
        (["digits", "--image-size", "32"], ["digits", "imagenet only"]),
    ):
        said = shell.refused("data", *arguments)
        assert all(word in said for word in words), said
    done = shell.run("data", "imagenet", "--data-dir", str(imagenet), "--batch-size", "9")
    assert done.returncode == 2
    assert "a batch of 9 is larger than imagenet's training split of 8" in done.stderr
