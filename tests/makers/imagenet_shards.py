"""Shards of small JPEGs in ImageNet's layout, and damage to their records."""

import numpy as np
import tensorflow as tf

from alignment_core.data.pipeline import translating_errors

SHARDS = {"train": 4, "validation": 2}
RECORDS = {"train": 6, "validation": 5}
"""Records in each shard. Labels are 1 to 24, then 25 to 34, in the order of the shards."""


def jpeg(label):
    """Return a JPEG of smooth pixels that depend on the label; every third image is upright."""
    height, width = (60, 45) if label % 3 == 0 else (45, 60)
    y, x = np.mgrid[0:height, 0:width]
    red = np.full_like(x, 7 * label)
    pixels = np.stack([red, x * 4, y * 4], axis=-1).clip(0, 255).astype(np.uint8)
    return tf.io.encode_jpeg(pixels).numpy()


def example(label, image):
    """Return a serialized tf.train.Example."""
    features = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def records_by_shard():
    """Return the records of each shard by the shard's name."""
    label, found = 0, {}
    for split, count in SHARDS.items():
        for number in range(count):
            records = []
            for _ in range(RECORDS[split]):
                label += 1
                records.append(example(label, jpeg(label)))
            found[f"{split}-{number:05d}-of-{count:05d}"] = records
    return found


def write(folder, payloads):
    """Write each shard's records into the folder."""
    for name, records in payloads.items():
        with tf.io.TFRecordWriter(f"{folder}/{name}") as writer:
            for record in records:
                writer.write(record)


def labels_of(batches):
    """Return the labels of all batches in order."""
    return [int(label) for _, labels in translating_errors(batches) for label in labels]


SHARD = "train-00001-of-00004"
"""The shard that is damaged. Its labels from 0 are 6 to 11."""


def offset_of(payloads, number):
    """Return a record's offset: each record has 12 bytes before its payload and 4 behind."""
    return sum(len(payload) + 16 for payload in payloads[SHARD][:number])


def flip(path, at):
    """Flip one bit of a file's byte."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def damage(kind, folder, payloads):
    """Damage the third record of SHARD and return its offset."""
    path, offset = folder / SHARD, offset_of(payloads, 2)
    label = 9
    replaced = {
        "no example": b"\xff\xff\xff",
        "no image": tf.train.Example(
            features=tf.train.Features(
                feature={
                    "image/class/label": tf.train.Feature(
                        int64_list=tf.train.Int64List(value=[label])
                    )
                }
            )
        ).SerializeToString(),
        "label 0": example(0, jpeg(label)),
        "label 1001": example(1001, jpeg(label)),
        "no JPEG": example(label, b"GIF89a and so on"),
        "half a JPEG": example(label, jpeg(label)[:-400]),
    }
    if kind in replaced:
        records = [*payloads[SHARD][:2], replaced[kind], *payloads[SHARD][3:]]
        write(folder, {SHARD: records})
    elif kind == "payload":
        flip(path, offset + 12 + 100)
    elif kind == "payload's checksum":
        flip(path, offset_of(payloads, 3) - 1)
    elif kind == "length":
        flip(path, offset)
    elif kind == "cut in the payload":
        path.write_bytes(path.read_bytes()[: offset + 50])
    elif kind == "cut in the length":
        path.write_bytes(path.read_bytes()[: offset + 5])
    return offset
