"""Checkpoints: the state of a training on disk, from which an interrupted training resumes.

A folder holds the last two checkpoints of one configuration. A checkpoint is the folder `epoch-N`
after N epochs, or `epoch-N-step-S` if the training was interrupted in the epoch after. It is
written under another name and then renamed, so the folder holds a complete checkpoint whenever the
process is killed. The checkpoint before it is kept in case that a disk or machine fails. On file
systems without renaming (gs://), a checkpoint is complete once its last file exists.

Variables are stored in TensorFlow's tensor bundle format, with checksums, under their own names. A
`tf.train.Checkpoint` would write the object graph as well and take twice as long.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core import files
from alignment_core.errors import CheckpointError
from alignment_core.training.config import TrainingConfig
from alignment_core.training.results import EpochResult, LayerMetrics

logger = logging.getLogger(__name__)

STATE, TRAINING = "state", "training.json"
"""Names of a checkpoint's files: prefix of the variables' files, and the training's progress."""

State = Mapping[str, Any]
"""Variables by their names in a checkpoint."""


@dataclass(frozen=True)
class TrainingProgress:
    """The part of a training that is done.

    Attributes:
        epochs: results of the completed epochs.
        step: number of steps done in the epoch after them.
        statistics: J and accuracy (2,) of each of these steps on J.
    """

    epochs: tuple[EpochResult, ...] = ()
    step: int = 0
    statistics: tuple[NDArray[np.float32], ...] = ()

    @property
    def name(self) -> str:
        """Name of the checkpoint's folder."""
        return f"epoch-{len(self.epochs)}" + (f"-step-{self.step}" if self.step else "")


def variables(model: Any, optimizers: Sequence[Any] = ()) -> State:
    """Return all variables of a Keras model and of its optimizers by their checkpoint names."""
    named = [(f"model/{variable.path}", variable.value) for variable in model.variables]
    for number, optimizer in enumerate(optimizers):
        for variable in optimizer.variables:
            # Keras calls the second Adam of a process adam_1: the name isn't part of the path.
            path = variable.path.removeprefix(f"{optimizer.name}/")
            named.append((f"optimizer{number}/{path}", variable.value))
    state: dict[str, Any] = {}
    for name, value in named:
        # Layers of two nested models may have one path: the second is counted.
        same = sum(other.split("#")[0] == name for other in state) if name in state else 0
        state[f"{name}#{same}" if same else name] = value
    return state


def save(folder: str, state: State, config: TrainingConfig, progress: TrainingProgress) -> None:
    """Write a checkpoint into `folder` and remove all but the one before it.

    Args:
        folder: path or gs:// address of the folder of checkpoints.
        state: variables to save, as returned by `variables`.
        config: configuration of the training.
        progress: completed epochs and steps.

    Raises:
        OSError: the checkpoint can't be written. The folder then holds the same checkpoints as
            before.
    """
    place = _join(folder, progress.name)
    written = place if files.is_address(folder) else _join(folder, "unfinished")
    # The key "reports" keeps its name, so that checkpoints of earlier versions stay readable.
    training = {
        "config": config_as_json(config),
        "reports": [asdict(epoch) for epoch in progress.epochs],
        "statistics": [values.tolist() for values in progress.statistics],
    }
    try:
        files.remove(written)
        tf.io.gfile.makedirs(written)
        # The host writes the files, also if the variables are on an accelerator.
        with tf.device("CPU:0"):
            tf.raw_ops.SaveV2(
                prefix=_join(written, STATE),
                tensor_names=[*state],
                shape_and_slices=[""] * len(state),
                tensors=[tf.convert_to_tensor(variable) for variable in state.values()],
            )
        with tf.io.gfile.GFile(_join(written, TRAINING), "w") as file:
            file.write(json.dumps(training))
    except (OSError, tf.errors.OpError) as error:
        files.remove(written)
        raise OSError(f"{place} can't be written ({_first_line(error)})") from error
    # A checkpoint of the same epoch, or a later one, was found damaged when training began.
    earlier = [name for name in _states(folder) if _order(name) < _order(progress.name)]
    for name in {*_states(folder)} - {*earlier[-1:]} - {Path(written).name}:
        files.remove(_join(folder, name))
    if written != place:
        Path(written).rename(place)


def restore(folders: Sequence[str], state: State, config: TrainingConfig) -> TrainingProgress:
    """Read the latest checkpoint in any of the `folders` into `state` and return its progress.

    Without any checkpoint, `state` stays as it is. If a checkpoint can't be read, the one before
    it is read instead, and a warning is logged.

    Args:
        folders: paths or gs:// addresses of folders of checkpoints.
        state: variables to assign, as returned by `variables`.
        config: configuration of the training that resumes.

    Raises:
        CheckpointError: a checkpoint belongs to another configuration or network, or there are
            checkpoints and none can be read.
    """
    found = [(_order(name), _join(folder, name)) for folder in folders for name in _states(folder)]
    damages = []
    for _, path in sorted(found, reverse=True):
        try:
            progress = _read(path, state, config)
        except _DamagedError as damage:
            damages.append(str(damage))
            continue
        if damages:
            logger.warning("%s; resuming from %s instead", "; ".join(damages), progress.name)
        return progress
    if damages:
        raise CheckpointError(
            f"no checkpoint in {' or '.join(folders)} can be read ({'; '.join(damages)}): remove "
            "the folder to train from the start"
        )
    return TrainingProgress()


class _DamagedError(Exception):
    """A checkpoint can't be read."""


def read(path: str) -> dict[str, NDArray[Any]]:
    """Return the variables' values in the checkpoint `path` by name.

    Raises:
        tf.errors.OpError, IndexError, ValueError: the checkpoint can't be read or is damaged.
    """
    reader = tf.compat.v1.train.NewCheckpointReader(_join(path, STATE))
    names = reader.get_variable_to_shape_map()
    return {name: np.asarray(reader.get_tensor(name)) for name in names}


def _read(path: str, state: State, config: TrainingConfig) -> TrainingProgress:
    try:
        with tf.io.gfile.GFile(_join(path, TRAINING)) as file:
            training = json.loads(file.read())
        theirs = training["config"]
        progress = TrainingProgress(
            epochs=tuple(_epoch_result(values) for values in training["reports"]),
            step=_order(Path(path).name)[1],
            statistics=tuple(np.asarray(v, np.float32) for v in training.get("statistics", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError) as error:
        raise _damaged(_join(path, TRAINING), error) from error
    mine = config_as_json(config)
    # A setting that is newer than the checkpoint has its default there.
    theirs = {**_newer_defaults(theirs), **theirs}
    if mine != theirs:
        different = sorted(key for key in mine if mine[key] != theirs.get(key))
        raise CheckpointError(
            f"{path} is a checkpoint of another training: {', '.join(different)} differ; "
            "give this training a folder of its own"
        )
    try:
        values = read(path)
    except (tf.errors.OpError, IndexError, ValueError) as error:
        raise _damaged(_join(path, STATE), error) from error
    shapes = {name: tuple(variable.shape) for name, variable in state.items()}
    if shapes != {name: value.shape for name, value in values.items()}:
        raise CheckpointError(
            f"{path} has other variables than this network, perhaps from another version of "
            "alignsearch: give this training a folder of its own"
        )
    for name, variable in state.items():
        variable.assign(values[name])
    return progress


def _damaged(path: str, error: Exception) -> _DamagedError:
    return _DamagedError(f"{path} is damaged ({_first_line(error)})")


def _first_line(error: Exception) -> str:
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(message).splitlines()[0]


def _states(folder: str) -> list[str]:
    """Return the names of complete checkpoints, the latest last."""
    found = [name for name in files.names(folder) if name.startswith("epoch-")]
    if files.is_address(folder):
        found = [n for n in found if tf.io.gfile.exists(_join(_join(folder, n), TRAINING))]
    return sorted(found, key=_order)


def _order(name: str) -> tuple[int, int]:
    """Return the number of epochs and of further steps in a checkpoint's name."""
    epochs, _, step = name.removeprefix("epoch-").partition("-step-")
    return int(epochs), int(step or 0)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}"


def config_as_json(config: TrainingConfig) -> dict[str, Any]:
    """Return the configuration as JSON types: lists for tuples, text for paths."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return values


def _newer_defaults(theirs: Mapping[str, Any]) -> dict[str, Any]:
    newer = {field.name: field.default for field in fields(TrainingConfig)}
    return {
        name: default
        for name, default in newer.items()
        if name not in theirs and default is not MISSING
    }


def _epoch_result(values: dict[str, Any]) -> EpochResult:
    layers = tuple(LayerMetrics(**layer) for layer in values.pop("layers"))
    return EpochResult(**values, layers=layers)
