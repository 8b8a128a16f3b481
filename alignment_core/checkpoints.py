"""The state of a training on disk, so that an interrupted one can go on.

A folder holds one state, `epoch-N`, of one configuration. A state is written beside
its place and renamed into it: whatever dies in between, the folder holds a whole one.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.metrics import LayerMetrics
from alignment_core.training_config import EpochReport, TrainingConfig


def save(
    folder: Path, state: tf.train.Checkpoint, config: TrainingConfig, reports: Sequence[EpochReport]
) -> None:
    """Leave the state after `len(reports)` epochs in `folder`, and remove older ones."""
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    state.write(str(unfinished / "state"))
    training = {"config": _described(config), "reports": [asdict(report) for report in reports]}
    (unfinished / "training.json").write_text(json.dumps(training))
    older = _states(folder)
    unfinished.rename(folder / f"epoch-{len(reports)}")
    for path in older:
        shutil.rmtree(path)


def restore(folder: Path, state: tf.train.Checkpoint, config: TrainingConfig) -> list[EpochReport]:
    """Read the latest state in `folder` into `state`; the reports of the epochs it has behind it.

    Nothing there: nothing done, no reports. Raises ConfigurationError if it is the state
    of another configuration.
    """
    states = _states(folder)
    if not states:
        return []
    training = json.loads((states[-1] / "training.json").read_text())
    mine, theirs = _described(config), training["config"]
    if mine != theirs:
        different = sorted(key for key in mine if mine[key] != theirs.get(key))
        raise ConfigurationError(
            f"{folder} holds the state of another training: {', '.join(different)} differ; "
            "give this one a folder of its own"
        )
    state.read(str(states[-1] / "state")).assert_consumed()
    return [_report(values) for values in training["reports"]]


def _states(folder: Path) -> list[Path]:
    """Complete states, the latest last."""
    return sorted(folder.glob("epoch-*"), key=lambda path: int(path.name.removeprefix("epoch-")))


def _described(config: TrainingConfig) -> dict[str, Any]:
    # Through JSON and back, so that tuples and paths compare equal to what was read.
    description: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return description


def _report(values: dict[str, Any]) -> EpochReport:
    layers = tuple(LayerMetrics(**layer) for layer in values.pop("layers"))
    return EpochReport(**values, layers=layers)
