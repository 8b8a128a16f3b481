"""One training without a store; checkpoints, TensorBoard scalars and results go to a folder."""

import importlib.metadata
import platform
import socket
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tensorflow as tf

from alignment_core.training.accelerators import describe_strategy
from alignment_core.training.checkpoints import config_as_json
from alignment_core.training.results import EpochResult, TrainingResult
from alignment_core.training.tensorboard import TensorBoardLog
from alignment_core.training.trainer import Trainer, TrainingConfig
from alignsearch.workers.results_file import Results

CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
"""Names of the folders inside the training's folder."""

PACKAGES = ("alignsearch", "tensorflow", "keras", "numpy")
"""Packages whose versions are recorded with each attempt, because they can change a result."""


def settings(rule: str, preset: str, config: TrainingConfig) -> dict[str, Any]:
    """Return all that determines a training's results, by key of `results.json`."""
    return {"rule": rule, "preset": preset, "config": config_as_json(config)}


def train(
    config: TrainingConfig,
    folder: Path,
    results: Results,
    on_begin: Callable[[int], None],
    on_epoch: Callable[[EpochResult], None],
    on_step: Callable[[], None],
    should_stop: Callable[[], bool],
) -> TrainingResult:
    """Train, or resume a training, under the `tf.distribute` strategy in scope.

    The folder gets the last two checkpoints, scalars for TensorBoard, and the results. A training
    that is killed at any moment and started again ends with the same weights and values, bit by
    bit on a CPU; only seconds and the list of attempts differ. On other accelerators TensorFlow's
    kernels may add numbers in another order each time, and another number of replicas gives other
    batch statistics.

    Args:
        config: the training's configuration.
        folder: the training's folder, locked by `results_file.exclusive`.
        results: the folder's results, made with the `settings` of this training.
        on_begin: called with the number of steps of an epoch, once the images are found.
        on_epoch: called with each new epoch once it is in the results.
        on_step: called before each step.
        should_stop: called before each step; True ends the training with a checkpoint.

    Raises:
        ConfigurationError: the network can't be built, its batches are larger than the training
            split or can't be shared by the replicas, or the checkpoints are another training's.
        DataError: the images or all of the checkpoints can't be read.
    """

    def before_step() -> bool:
        on_step()
        return should_stop()

    def after_epoch(report: EpochResult) -> None:
        tensorboard.write(report)
        results.add_epoch(asdict(report))
        on_epoch(report)

    trainer = Trainer(config)
    on_begin(trainer.steps_per_epoch)
    results.begin(
        {
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": socket.gethostname(),
            "devices": [device.device_type for device in tf.config.list_logical_devices()],
            "strategy": describe_strategy(tf.distribute.get_strategy()),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in PACKAGES},
            },
        }
    )
    try:
        with TensorBoardLog(folder / TENSORBOARD) as tensorboard:
            outcome = trainer.fit(after_epoch, before_step, checkpoint_dir=folder / CHECKPOINTS)
    except BaseException:
        results.stop("failed")
        raise
    if outcome.status == "interrupted":
        results.stop(outcome.status)
        return outcome
    final = {key: value for key, value in asdict(outcome).items() if key != "epochs"}
    results.finish(outcome.status, [asdict(epoch) for epoch in outcome.epochs], final)
    return outcome
