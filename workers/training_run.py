"""One training in this process, with all that it leaves in its folder."""

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
from alignsearch.workers.training_results import Results

CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"

PACKAGES = ("alignsearch", "tensorflow", "keras", "numpy")


def asked(rule: str, preset: str, config: TrainingConfig) -> dict[str, Any]:
    """What decides what comes out of a training, as `Results` takes it."""
    return {"rule": rule, "preset": preset, "config": config_as_json(config)}


def run(
    config: TrainingConfig,
    folder: Path,
    results: Results,
    on_begin: Callable[[int], None],
    on_epoch: Callable[[EpochResult], None],
    on_step: Callable[[], None],
    should_stop: Callable[[], bool],
) -> TrainingResult:
    """Train, or go on, under the strategy in scope; everything is left in `folder`.

    There: the last two `checkpoints`, scalars for TensorBoard, and the results. Killed at any
    moment and started again, a training ends with the same weights and values, bit by bit
    on a CPU; what differs are seconds, and the list of attempts. On other accelerators
    TensorFlow's kernels need not add up in the same order each time, and another number of
    replicas gives other batch statistics.

    `on_begin` is told the steps of an epoch, once the images have been found;
    `on_epoch` is told of each new epoch once it is in the results; `on_step` before each step,
    and `should_stop` is asked then.

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
