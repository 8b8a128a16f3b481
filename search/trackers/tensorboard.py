"""TensorBoard: an event file a trial, with its scalars, its hyperparameters and its end.

The files are written without TensorFlow. A file tells by itself what it has: a process that takes
over reads it, cuts off a record that was broken off, and goes on behind it.
"""

import fcntl
import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from alignment_core.errors import ConfigurationError
from alignment_core.files import is_address
from alignsearch.search.trackers.runs import (
    Run,
    RunGroup,
    TrackerAwayError,
    TrackerKind,
    missing,
)

FILE_VERSION = "brain.Event:2"
"""Version that the first record of every event file names."""
STATUSES = {
    "completed": "STATUS_SUCCESS",
    "pruned": "STATUS_SUCCESS",
    "failed": "STATUS_FAILURE",
    "diverged": "STATUS_FAILURE",
}
"""Statuses of the plug-in for hyperparameters by a trial's state; others have none that fits."""
LARGEST = 3.4e38
"""The largest number of an event file, whose numbers have 32 bits; a larger one is infinite."""
START_TAG, END_TAG = "_hparams_/session_start_info", "_hparams_/session_end_info"
"""Tags by which the plug-in for hyperparameters finds a session's start and end."""
_DT_STRING = 7
"""TensorFlow's number of the type of texts."""
_TO_FRAME = 16
"""Bytes of a record beside its data: length, and two checksums."""
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


def check(folder: str) -> str:
    """Return the folder as a whole path; refuse an address."""
    if is_address(folder):
        raise ConfigurationError(f"--tensorboard takes a folder of this machine, not {folder!r}")
    try:
        return str(Path(folder).expanduser().resolve())
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(f"--tensorboard {folder!r} can't be used ({error})") from error


class EventFiles:
    """A search's event files: a folder below `place` for the search, and one in it a trial."""

    def __init__(self, place: str, group: RunGroup) -> None:
        try:
            # They import no TensorFlow, unlike TensorBoard's own writers.
            from tensorboard.compat.proto import event_pb2
            from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
            from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
        except ImportError as error:
            raise TrackerAwayError(missing("tensorboard", error)) from error
        self._events = event_pb2
        self._crc = masked_crc32c
        self._api, self._metadata, self._plugin = api_pb2, metadata, plugin_data_pb2
        self._folder = _folder_of(Path(place), group)
        self._open: dict[int, _EventFile] = {}

    def write(self, run: Run) -> None:
        """Append what the trial's file lacks."""
        try:
            self._append(run)
        except OSError as error:
            raise TrackerAwayError(f"{self._folder} can't be written: {error.strerror}") from error

    def _append(self, run: Run) -> None:
        file = self._open.get(run.tid)
        if file is None:
            file = self._open[run.tid] = _EventFile(
                self._folder / f"{run.tid:05d}", run, self._crc, self._events.Event
            )
        events = list(self._lacking(run, file))
        file.append(events, durable=run.ended)
        if run.ended:
            self._open.pop(run.tid).close()

    def _lacking(self, run: Run, file: "_EventFile") -> Iterator[Any]:
        """Yield the events that the file lacks, and note them as there."""
        if not file.begun:
            yield self._events.Event(wall_time=run.started.timestamp(), file_version=FILE_VERSION)
            start = self._plugin.SessionStartInfo(
                group_name=run.name, start_time_secs=run.started.timestamp()
            )
            for name, value in run.params.items():
                kind = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
                setattr(start.hparams[name], kind, value)
            event = self._events.Event(wall_time=run.started.timestamp())
            self._add(event, START_TAG, session_start_info=start)
            yield event
        for point in run.points:
            if point.step not in file.steps:
                yield self._scalars(point.at.timestamp(), point.step, point.values)
        if run.ended and not file.ended:
            yield self._end(run)

    def _end(self, run: Run) -> Any:
        """Return one event with the result, the state and the session's end: all of it or none."""
        at = (run.finished or run.started).timestamp()
        event = self._scalars(at, max((it.step for it in run.points), default=0), run.result)
        value = event.summary.value.add(tag="state")
        value.metadata.plugin_data.plugin_name = "text"
        value.tensor.dtype = _DT_STRING
        value.tensor.tensor_shape.dim.add(size=1)
        text = f"{run.state}: {run.why}" if run.why else run.state
        value.tensor.string_val.append(text.encode(errors="replace"))
        status = self._api.Status.Value(STATUSES.get(run.state, "STATUS_UNKNOWN"))
        end = self._plugin.SessionEndInfo(status=status, end_time_secs=at)
        self._add(event, END_TAG, session_end_info=end)
        return event

    def _scalars(self, at: float, step: int, values: Mapping[str, float]) -> Any:
        event = self._events.Event(wall_time=at, step=step)
        for name, number in values.items():
            value = event.summary.value.add(tag=name, simple_value=_as_float32(number))
            value.metadata.plugin_data.plugin_name = "scalars"
        return event

    def _add(self, event: Any, tag: str, **about: Any) -> None:
        """Add facts for the plug-in for hyperparameters to an event."""
        event.summary.value.add(
            tag=tag,
            metadata=self._metadata.create_summary_metadata(
                self._plugin.HParamsPluginData(**about)
            ),
            tensor=self._metadata.NULL_TENSOR,
        )

    def close(self) -> None:
        """Close the files of trials that run."""
        while self._open:
            self._open.popitem()[1].close()


class _EventFile:
    """One trial's event file, open to append, by one process at a time.

    Attributes:
        begun: whether it has its first records.
        ended: whether it has its last one.
        steps: the steps that it has.
    """

    def __init__(self, folder: Path, run: Run, crc: Callable[[bytes], int], event: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # The name is the same for whoever writes it.
        usual = f"events.out.tfevents.{int(run.started.timestamp())}.alignsearch"
        found = sorted(folder.glob("events.out.tfevents.*.alignsearch"))
        self._crc = crc
        self.begun = self.ended = False
        self.steps: set[int] = set()
        self._file: BinaryIO = (found[0] if found else folder / usual).open("ab+")
        try:
            self._lock()
            self._read(event)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrackerAwayError(f"another process writes {self._file.name}") from error
        except OSError:
            # Some network folders have no locks; the search's lease in the store is there, too.
            pass

    def _read(self, event: Any) -> None:
        self._file.seek(0)
        whole = 0
        for record in _records(self._file.read(), self._crc):
            read = event.FromString(record)
            whole += len(record) + _TO_FRAME
            tags = _tags_of(read)
            if START_TAG in tags:
                self.begun = True
            elif END_TAG in tags:
                self.ended = True
            elif tags:
                self.steps.add(read.step)
        # A record that was broken off would hide all that follow it.
        self._file.truncate(whole if self.begun else 0)

    def append(self, events: list[Any], *, durable: bool) -> None:
        """Write events at the end of the file; `durable` waits until they are on the disk."""
        self._file.write(b"".join(map(self._framed, events)))
        self._file.flush()
        if durable:
            os.fsync(self._file.fileno())
        self.begun = self.begun or bool(events)
        # A session's start is at step 0 by default, which is none of its points.
        self.steps.update(event.step for event in events if _tags_of(event) - {START_TAG})

    def _framed(self, event: Any) -> bytes:
        data = event.SerializeToString()
        length = _LENGTH.pack(len(data))
        return b"".join((length, _CRC.pack(self._crc(length)), data, _CRC.pack(self._crc(data))))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _records(content: bytes, crc: Callable[[bytes], int]) -> Iterator[bytes]:
    """Yield the data of each whole record, up to the first that is broken."""
    at = 0
    while at + _TO_FRAME <= len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        data = content[at + 12 : at + 12 + length]
        end = at + 12 + length
        if len(data) < length or end + 4 > len(content):
            return
        if _CRC.unpack_from(content, end)[0] != crc(data):
            return
        yield data
        at = end + 4


def _tags_of(event: Any) -> set[str]:
    return {value.tag for value in event.summary.value}


def _as_float32(number: float) -> float:
    return math.copysign(math.inf, number) if abs(number) > LARGEST else float(number)


def _folder_of(place: Path, group: RunGroup) -> Path:
    """Return the search's folder, which keeps its name when the search gets another one."""
    known = sorted(place.glob(f"*-{group.key}")) if place.is_dir() else []
    return known[0] if known else place / group.identity


TENSORBOARD = TrackerKind(
    label="TensorBoard",
    takes="DIR",
    packages=("tensorboard",),
    check=check,
    open=EventFiles,
)
"""TensorBoard's event files."""
