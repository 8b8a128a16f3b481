"""Reader of TFRecord shards that locates damaged records.

A TFRecord file is a sequence of records. Each is the length of its payload (8 bytes, little
endian), a checksum of these 8 bytes (4), the payload, and a checksum of the payload (4).
TensorFlow's reader verifies both checksums. At a damaged record it reports the byte but not the
shard, and gives up the rest of the shard.

`located_records` reads with TensorFlow's reader, counts the offset in the graph, and compares it
with the file's size where the reader stops. Only then Python code examines the damage. Records
after a damaged payload can still be read. After a damaged length, the next record's position is
unknown.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.data.dataset import CorruptRecord
from alignment_core.errors import DataError

OnCorrupt = Callable[[CorruptRecord], None]
"""Function that is called with a corrupt record. Unless it raises, the record is left out."""

READ_BUFFER = 8 << 20
"""Bytes of a shard that are read at once. Large, because each read of a remote file takes long."""

ATTEMPTS = 4096
"""Read attempts between two checks that the shard still exists. Many, because a check opens the
file."""

HEADER = 12
"""Bytes of a record before its payload."""

FRAME = 16
"""Bytes of a record in addition to its payload."""


class _FramingError(Exception):
    """The end of a record is unknown."""


def located_records(shard: tf.Tensor, on_corrupt: OnCorrupt) -> tf.data.Dataset:
    """Return (payload, shard, offset) of the records of one shard (scalar string), in order."""

    def advance(
        offset: tf.Tensor, element: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        payload, is_end = element
        length = tf.cast(tf.strings.length(payload), tf.int64)
        return offset + FRAME + length, (payload, offset, is_end)

    def rest(shard: bytes, end: np.int64) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        records = list(_records_after(shard.decode(), int(end), on_corrupt))
        offsets = np.array([offset for _, offset in records], np.int64)
        return np.array([payload for payload, _ in records], object), offsets

    def with_rest(
        payload: tf.Tensor, offset: tf.Tensor, is_end: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        payloads, offsets = tf.cond(
            is_end,
            lambda: tf.numpy_function(rest, [shard, offset], [tf.string, tf.int64]),
            lambda: [payload[None], offset[None]],
        )
        payloads.set_shape([None])
        offsets.set_shape([None])
        return payloads, tf.fill(tf.shape(offsets), shard), offsets

    def readable(attempt: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            attempt % ATTEMPTS == 0,
            lambda: tf.ensure_shape(tf.numpy_function(_readable, [shard], tf.bool), []),
            lambda: True,
        )

    # ignore_errors would try a shard that has been deleted again for ever. So attempts are counted,
    # and `rest` raises the reason when they end.
    attempts = tf.data.Dataset.counter().take_while(readable)
    end = tf.data.Dataset.from_tensors((b"", True))
    return (
        tf.data.Dataset.zip((tf.data.TFRecordDataset(shard, buffer_size=READ_BUFFER), attempts))
        .ignore_errors()
        .map(lambda payload, _: (payload, False))
        .concatenate(end)
        .scan(tf.constant(0, tf.int64), advance)
        .map(with_rest)
        .unbatch()
    )


def _readable(shard: bytes) -> np.bool_:
    try:
        opened(shard.decode()).close()
    except DataError:
        return np.False_
    return np.True_


def _records_after(shard: str, offset: int, on_corrupt: OnCorrupt) -> Iterator[tuple[bytes, int]]:
    """Yield (payload, offset) of the records after `offset`; none in an undamaged shard.

    A record of 110 kB takes about 7 ms, because its checksum is computed in Python.
    """
    with opened(shard) as file:
        size = file.size()
        while offset < size:
            try:
                end = end_of_record(file, offset, size)
            except _FramingError as error:
                on_corrupt(_lost(shard, offset, error))
                return
            payload = file.read(end - offset - FRAME)
            if struct.pack("<I", _masked_crc32c(payload)) == file.read(FRAME - HEADER):
                yield payload, offset
            else:
                reason = "its checksum doesn't fit its content"
                on_corrupt(CorruptRecord(shard, offset, reason))
            offset = end


def _lost(shard: str, offset: int, error: _FramingError) -> CorruptRecord:
    return CorruptRecord(shard, offset, f"{error}; the rest of the shard is lost")


def opened(shard: str) -> Any:
    """Open a shard, local or remote, for reading.

    Raises:
        DataError: the shard doesn't exist or can't be read.
    """
    try:
        file = tf.io.gfile.GFile(shard, "rb")
        file.read(1)
        file.seek(0)
    except tf.errors.OpError as error:
        raise DataError(f"{shard} can't be read: {error.message}") from error
    return file


def count_records(shard: str, on_corrupt: OnCorrupt) -> int:
    """Return the number of records in a shard, without reading their payloads."""
    count, offset = 0, 0
    with opened(shard) as file:
        size = file.size()
        while offset < size:
            try:
                offset = end_of_record(file, offset, size)
            except _FramingError as error:
                on_corrupt(_lost(shard, offset, error))
                break
            count += 1
    return count


def check_first_record(shard: str) -> None:
    """Raise DataError if the file doesn't begin with a record."""
    with opened(shard) as file:
        try:
            end_of_record(file, 0, file.size())
        except _FramingError as error:
            raise DataError(f"{shard} is not a TFRecord file: {error}") from error


def end_of_record(file: Any, offset: int, size: int) -> int:
    """Return the end of the record at `offset`, and move `file` to its payload.

    Raises:
        _FramingError: the record's length is damaged, or the file is cut short.
    """
    file.seek(offset)
    header = file.read(HEADER)
    if len(header) < HEADER:
        raise _FramingError(f"{len(header)} bytes are left, too few for a record")
    length, checksum = struct.unpack("<QI", header)
    if _masked_crc32c(header[:8]) != checksum:
        raise _FramingError("the checksum of its length doesn't fit")
    end = offset + FRAME + length
    if end > size:
        raise _FramingError(f"it is cut short: {end - size:,} of its bytes are missing")
    return int(end)


def _masked_crc32c(content: bytes) -> int:
    """Return the CRC-32C (Castagnoli) checksum, masked as in TFRecord files."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CRC32C = [_crc32c_of_byte(byte) for byte in range(256)]
