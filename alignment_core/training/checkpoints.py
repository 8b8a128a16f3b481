"""The state of a training on disk, so that an interrupted one can go on.

A folder holds the last two states of one configuration: `epoch-N` after N epochs, or
`epoch-N-step-S` where a training was asked to stop in the next one. A state is written
beside its place and renamed into it: whatever kills the process in between, the folder
holds a whole one. The one before it is for a disk or a machine that fails. Where folders
can't be renamed (gs://), the file that is written last makes a state whole.

The values lie in one of TensorFlow's tensor bundles, with the sums that it checks, under the
variables' own names. A `tf.train.Checkpoint` writes the same files with the graph of objects
beside them, and takes twice as long for it.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core import files
from alignment_core.errors import CheckpointError
from alignment_core.training.config import TrainingConfig
from alignment_core.training.results import EpochReport, LayerMetrics

logger = logging.getLogger(__name__)

STATE, TRAINING = "state", "training.json"

State = Mapping[str, Any]
"""Variables by the names that they have on disk."""


@dataclass(frozen=True)
class Progress:
    """What a state has behind it: whole epochs, then steps of the next, with J and accuracy."""

    reports: tuple[EpochReport, ...] = ()
    step: int = 0
    statistics: tuple[NDArray[np.float32], ...] = ()

    @property
    def name(self) -> str:
        """The state's folder."""
        return f"epoch-{len(self.reports)}" + (f"-step-{self.step}" if self.step else "")


def variables(model: Any, optimizers: Sequence[Any] = ()) -> State:
    """All variables of a network and of what trains it."""
    named = [(f"model/{variable.path}", variable.value) for variable in model.variables]
    for number, optimizer in enumerate(optimizers):
        for variable in optimizer.variables:
            # A second Adam of one process is called adam_1.
            path = variable.path.removeprefix(f"{optimizer.name}/")
            named.append((f"optimizer{number}/{path}", variable.value))
    state = dict(named)
    assert len(state) == len(named), "two variables have one name"
    return state


def save(folder: str, state: State, config: TrainingConfig, progress: Progress) -> None:
    """Leave the state in `folder`, beside the one before it alone.

    Raises:
        OSError: it can't be written; the folder then holds the states that it held.
    """
    place = _join(folder, progress.name)
    written = place if files.is_address(folder) else _join(folder, "unfinished")
    training = {
        "config": described(config),
        "reports": [asdict(report) for report in progress.reports],
        "statistics": [values.tolist() for values in progress.statistics],
    }
    try:
        files.remove(written)
        tf.io.gfile.makedirs(written)
        # Files are written by the host, wherever the variables are.
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
        raise OSError(f"{place} can't be written ({_words(error)})") from error
    # What is as late as this one, or later, was found damaged.
    earlier = [name for name in _states(folder) if _order(name) < _order(progress.name)]
    for name in {*_states(folder)} - {*earlier[-1:]} - {Path(written).name}:
        files.remove(_join(folder, name))
    if written != place:
        Path(written).rename(place)


def restore(folders: Sequence[str], state: State, config: TrainingConfig) -> Progress:
    """Read the latest state in any of the `folders` into `state`; what it has behind it.

    Nothing there: nothing done. A state that can't be read is passed over for the one
    before it, with a warning in the log.

    Raises:
        CheckpointError: a state is another configuration's, or there are states and none
            can be read.
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
            logger.warning("%s; going on from %s instead", "; ".join(damages), progress.name)
        return progress
    if damages:
        raise CheckpointError(
            f"no state in {' or '.join(folders)} can be read ({'; '.join(damages)}): remove the "
            "folder to train from the start"
        )
    return Progress()


class _DamagedError(Exception):
    """A state that can't be read."""


def read(path: str) -> dict[str, NDArray[Any]]:
    """The values of the state in the folder `path`, by name.

    Raises:
        tf.errors.OpError, IndexError, ValueError: it can't be read, or is damaged.
    """
    reader = tf.compat.v1.train.NewCheckpointReader(_join(path, STATE))
    names = reader.get_variable_to_shape_map()
    return {name: np.asarray(reader.get_tensor(name)) for name in names}


def _read(path: str, state: State, config: TrainingConfig) -> Progress:
    try:
        with tf.io.gfile.GFile(_join(path, TRAINING)) as file:
            training = json.loads(file.read())
        theirs = training["config"]
        progress = Progress(
            reports=tuple(_report(values) for values in training["reports"]),
            step=_order(Path(path).name)[1],
            statistics=tuple(np.asarray(v, np.float32) for v in training.get("statistics", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, tf.errors.OpError) as error:
        raise _damaged(_join(path, TRAINING), error) from error
    mine = described(config)
    if mine != theirs:
        different = sorted(key for key in mine if mine[key] != theirs.get(key))
        raise CheckpointError(
            f"{path} holds the state of another training: {', '.join(different)} differ; "
            "give this one a folder of its own"
        )
    try:
        values = read(path)
    except (tf.errors.OpError, IndexError, ValueError) as error:
        raise _damaged(_join(path, STATE), error) from error
    shapes = {name: tuple(variable.shape) for name, variable in state.items()}
    if shapes != {name: value.shape for name, value in values.items()}:
        raise CheckpointError(
            f"{path} holds other variables than this network's, from another version of "
            "alignsearch: give this training a folder of its own"
        )
    for name, variable in state.items():
        variable.assign(values[name])
    return progress


def _damaged(path: str, error: Exception) -> _DamagedError:
    return _DamagedError(f"{path} is damaged ({_words(error)})")


def _words(error: Exception) -> str:
    words = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(words).splitlines()[0]


def _states(folder: str) -> list[str]:
    """Names of whole states, the latest last."""
    found = [name for name in files.names(folder) if name.startswith("epoch-")]
    if files.is_address(folder):
        found = [n for n in found if tf.io.gfile.exists(_join(_join(folder, n), TRAINING))]
    return sorted(found, key=_order)


def _order(name: str) -> tuple[int, int]:
    """The epochs that a state has behind it, and the steps."""
    epochs, _, step = name.removeprefix("epoch-").partition("-step-")
    return int(epochs), int(step or 0)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}"


def described(config: TrainingConfig) -> dict[str, Any]:
    """The configuration as it is after a way through JSON, with lists for tuples."""
    description: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return description


def _report(values: dict[str, Any]) -> EpochReport:
    layers = tuple(LayerMetrics(**layer) for layer in values.pop("layers"))
    return EpochReport(**values, layers=layers)
