"""The state of a training on disk, so that an interrupted one can go on.

A folder holds the last two states, `epoch-N`, of one configuration. A state is written
beside its place and renamed into it: whatever kills the process in between, the folder
holds a whole one. The one before it is for a disk or a machine that fails.
"""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tensorflow as tf

from alignment_core.errors import ConfigurationError, DataError
from alignment_core.metrics import LayerMetrics
from alignment_core.training_config import EpochReport, TrainingConfig

logger = logging.getLogger(__name__)


def save(
    folder: Path, state: tf.train.Checkpoint, config: TrainingConfig, reports: Sequence[EpochReport]
) -> None:
    """Leave the state after `len(reports)` epochs in `folder`, beside the one before it alone."""
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    state.write(str(unfinished / "state"))
    training = {"config": described(config), "reports": [asdict(report) for report in reports]}
    (unfinished / "training.json").write_text(json.dumps(training))
    # What is as late as this one, or later, was found damaged.
    earlier = [path for path in _states(folder) if _epochs(path) < len(reports)]
    for path in {*_states(folder)} - {*earlier[-1:]}:
        shutil.rmtree(path)
    unfinished.rename(folder / f"epoch-{len(reports)}")


def restore(folder: Path, state: tf.train.Checkpoint, config: TrainingConfig) -> list[EpochReport]:
    """Read the latest state in `folder` into `state`; the reports of the epochs it has behind it.

    Nothing there: nothing done, no reports. A state that can't be read is passed over for
    the one before it, with a warning in the log.

    Raises ConfigurationError if a state is another configuration's, and DataError if
    there are states and none can be read.
    """
    damages = []
    for path in reversed(_states(folder)):
        try:
            reports = _read(path, state, config)
        except _DamagedError as damage:
            damages.append(str(damage))
            continue
        if damages:
            logger.warning("%s; going on from %s instead", "; ".join(damages), path.name)
        return reports
    if damages:
        raise DataError(
            f"no state in {folder} can be read ({'; '.join(damages)}): remove the folder to train "
            "from the start"
        )
    return []


class _DamagedError(Exception):
    """A state that can't be read."""


def _read(path: Path, state: tf.train.Checkpoint, config: TrainingConfig) -> list[EpochReport]:
    try:
        training = json.loads((path / "training.json").read_text())
        theirs = training["config"]
        reports = [_report(values) for values in training["reports"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path / "training.json", error) from error
    mine = described(config)
    if mine != theirs:
        different = sorted(key for key in mine if mine[key] != theirs.get(key))
        raise ConfigurationError(
            f"{path.parent} holds the state of another training: {', '.join(different)} differ; "
            "give this one a folder of its own"
        )
    try:
        # TensorFlow checks the sums that it has written beside the values.
        state.read(str(path / "state")).assert_consumed()
    except (tf.errors.OpError, IndexError, ValueError) as error:
        raise _damaged(path / "state", error) from error
    except AssertionError as error:
        raise ConfigurationError(
            f"{path} holds other variables than this network's, from another version of "
            "alignsearch: give this training a folder of its own"
        ) from error
    return reports


def _damaged(path: Path, error: Exception) -> _DamagedError:
    reason = getattr(error, "message", None) or str(error)
    return _DamagedError(f"{path} is damaged ({reason.splitlines()[0]})")


def _states(folder: Path) -> list[Path]:
    """Complete states, the latest last."""
    return sorted(folder.glob("epoch-*"), key=_epochs)


def _epochs(path: Path) -> int:
    return int(path.name.removeprefix("epoch-"))


def described(config: TrainingConfig) -> dict[str, Any]:
    """The configuration as it is after a way through JSON, with lists for tuples."""
    description: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return description


def _report(values: dict[str, Any]) -> EpochReport:
    layers = tuple(LayerMetrics(**layer) for layer in values.pop("layers"))
    return EpochReport(**values, layers=layers)
