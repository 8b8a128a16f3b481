"""The file `results.json` with the results of one training, for programs and people."""

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError

RESULTS = "results.json"


class Results:
    """The file `results.json` in a folder: one JSON document, replaced as a whole at each write.

    Its keys are the training's settings (`rule`, `preset`, `config`), `attempts` (time, host and
    versions of each start), `status` (running, ok, diverged, interrupted, failed), `epochs` (the
    values of each epoch) and `final`. Numbers that aren't finite are written as null.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Read the folder's file, if there is one; nothing is written yet.

        Args:
            folder: the folder of the training.
            settings: the training's settings, as `alignsearch.workers.train.settings` returns
                them.

        Raises:
            ConfigurationError: the file belongs to a training with other settings, or isn't a
                file of results.
        """
        self._path = folder / RESULTS
        self._document: dict[str, Any] = {
            **settings,
            "status": "running",
            "attempts": [],
            "epochs": [],
            "final": None,
        }
        before = self._read()
        if before is None:
            return
        different = _differences(settings, before)
        if different:
            raise ConfigurationError(
                f"{folder} holds the results of another training: {', '.join(different)} differ; "
                "name another folder with --out"
            )
        self._document |= {key: before[key] for key in ("attempts", "epochs")}

    @property
    def epochs(self) -> Sequence[Mapping[str, Any]]:
        """Values of each epoch so far."""
        epochs: Sequence[Mapping[str, Any]] = self._document["epochs"]
        return epochs

    def begin(self, attempt: Mapping[str, Any]) -> None:
        """Add an attempt: a process has started or resumed the training."""
        self._document["attempts"].append(dict(attempt))
        self._write()

    def stop(self, status: str) -> None:
        """Record that the training has ended early, with this status."""
        self._document["status"] = status
        self._write()

    def add_epoch(self, epoch: Mapping[str, Any]) -> None:
        """Record an epoch; it replaces what an earlier attempt recorded for it and later epochs."""
        earlier = [each for each in self.epochs if each["epoch"] < epoch["epoch"]]
        self._document["epochs"] = [*earlier, dict(epoch)]
        self._write()

    def finish(
        self, status: str, epochs: Sequence[Mapping[str, Any]], final: Mapping[str, Any]
    ) -> None:
        """Record the end of the training.

        Args:
            status: "ok" or "diverged".
            epochs: values of all epochs.
            final: results of the whole training.
        """
        self._document |= {"status": status, "epochs": list(epochs), "final": dict(final)}
        self._write()

    def _read(self) -> dict[str, Any] | None:
        if not self._path.exists():
            return None
        try:
            document: dict[str, Any] = json.loads(self._path.read_text())
            missing = {"config", "attempts", "epochs"} - document.keys()
        except (OSError, ValueError, AttributeError) as error:
            raise self._foreign() from error
        if missing:
            raise self._foreign()
        return document

    def _foreign(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self._path} is no file of results: move it away, or name another folder with --out"
        )

    def _write(self) -> None:
        unfinished = self._path.with_suffix(".unfinished")
        text = json.dumps(_finite(self._document), indent=1, default=str, allow_nan=False)
        unfinished.write_text(text + "\n")
        os.replace(unfinished, self._path)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Make the folder if needed, and lock it against other processes that train in it.

    Raises:
        ConfigurationError: another process has locked it, or it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise ConfigurationError(
            f"{folder} can't hold results ({error.strerror}); name another folder with --out"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"another process is training in {folder}: wait for it, or name another folder "
                "with --out"
            ) from None
        yield


def _differences(settings: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    mine, theirs = ({**each, **each["config"]} for each in (settings, before))
    keys = {*settings, *settings["config"], *before["config"]} - {"config"}
    return sorted(key for key in keys if mine.get(key) != theirs.get(key))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
