"""The trainer: trains one network under one learning rule.

With alternating minimization (Kunin et al. 2020, App. B.1.2), an iteration is one step of R's
optimizer and then one step of J's optimizer on the same batch. An epoch is one pass of J over the
training split. The published code alternates whole iterations instead, steps the idle optimizer
with a zero gradient, so that its momentum coasts, and doubles all epochs. Here the idle optimizer
makes no step. This is cheaper, and each optimizer makes the steps that it would make alone.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core import data
from alignment_core.data.pipeline import one_by_one, translating_errors
from alignment_core.errors import ConfigurationError
from alignment_core.optimizers.rate_scheduler import rate
from alignment_core.training import accelerators, checkpoints
from alignment_core.training.compiled_network import CompiledNetwork, structure
from alignment_core.training.config import TrainingConfig
from alignment_core.training.regularization import noise_seed
from alignment_core.training.results import EpochResult, LayerMetrics, TrainingResult
from alignment_core.training.robustness import Robustness
from alignment_core.training.steps import ALIGNMENT, LOSS
from alignment_core.training.weight_metrics import weight_metrics

__all__ = ["Trainer", "TrainingConfig"]

logger = logging.getLogger(__name__)

CHECK_EVERY = 50
"""Steps between two checks of the loss for divergence. Each check waits for the device, so there
are few; a diverged training still ends within its epoch."""

PHASES = ("trace", "input", "train", "validate", "measure", "save")
"""Phases of a training, the keys of `TrainingResult.timings` beside "build"."""

MEASURED_IMAGES = 32
"""Images of the batches on which R and the gradient angles are measured after each epoch. Few, so
that measuring takes a small part of a short epoch."""


class _DivergedError(Exception):
    """A loss of the training became infinite or NaN."""


class _InterruptedError(Exception):
    """The training was asked to stop, after some steps of an epoch."""

    def __init__(self, step: int, statistics: Sequence[NDArray[np.float32]]) -> None:
        super().__init__()
        self.step = step
        self.statistics = statistics


class Trainer:
    """A network with its optimizers and compiled steps, which trains one configuration at a time.

        >>> config = TrainingConfig(
        ...     dataset="digits", epochs=1, batch_size=64, learning_rate=0.1, model="dense", width=8
        ... )
        >>> result = Trainer(config).fit()
        >>> result.status, result.epochs_done
        ('ok', 1)

    Learning rates, weights, noise, times and seed are variables or arguments of the compiled
    graphs. Trainings of one structure therefore share their graphs, and `reconfigure` sets the
    next configuration. A training on a used trainer is bit-identical to one on a new trainer. On a
    CPU, one configuration always gives the same weights.

    A trainer that is made in a `tf.distribute` strategy's scope (`get_strategy`) trains under this
    strategy. Call `fit` in the scope, too. `batch_size` is then the batch of all replicas together.
    """

    def __init__(self, config: TrainingConfig) -> None:
        """Load the data set and build the network.

        Raises:
            ConfigurationError: the network can't be built, the batch is larger than the training
                split, or the strategy's replicas can't share it evenly.
            DataError: the data set is missing or damaged.
        """
        started = time.perf_counter()
        self._strategy = tf.distribute.get_strategy()
        self._distributed = tf.distribute.has_strategy()
        if config.jit_compile and self._distributed:
            raise ConfigurationError(
                "jit_compile works on one device only: set it to False under a strategy (XLA "
                "compiles every graph of a TPU anyway)"
            )
        accelerators.check_shares(self._strategy, config.batch_size, config.minibatches)
        self._dataset = _load(config.dataset, config.data_dir, config.input_options)
        # Shards may hold fewer images than the data set is known to have.
        self._dataset.steps_per_epoch(config.batch_size)
        self._structure = structure(config)
        self._config = config
        self._network = CompiledNetwork(
            config, self._dataset.image_shape, self._dataset.num_classes
        )
        self.model = self._network.model
        self._measured_batch = self._dataset.sample("validation", MEASURED_IMAGES)
        self._validation = self._strategy.distribute_datasets_from_function(
            lambda context: self._dataset.validation_batches(context=context)
        )
        self._robustness: Robustness | None = None
        self._timings = {"build": time.perf_counter() - started}

    def reconfigure(self, config: TrainingConfig) -> bool:
        """Set the configuration of the next `fit`.

        Compiled graphs are kept. Another batch size or rule is traced at its first step.

        Returns:
            Whether it was set: False if the configuration needs another network or data set, and
            so another trainer.

        Raises:
            ConfigurationError: the batch is larger than the training split, or the replicas can't
                share it evenly.
        """
        if structure(config) != self._structure:
            return False
        accelerators.check_shares(self._strategy, config.batch_size, config.minibatches)
        self._dataset.steps_per_epoch(config.batch_size)
        self._config = config
        self._network.configure(config)
        return True

    @property
    def steps_per_epoch(self) -> int:
        """Number of full batches in the training split."""
        return self._dataset.steps_per_epoch(self._config.batch_size)

    def fit(
        self,
        on_epoch: Callable[[EpochResult], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        checkpoint_dir: Path | str | None = None,
        checkpoint_every: int = 1,
        resume_from: Sequence[str] = (),
        on_resume: Callable[[Sequence[EpochResult]], None] | None = None,
        on_warning: Callable[[str], None] = logger.warning,
    ) -> TrainingResult:
        """Train from the seed's initial weights, or the latest checkpoint, to the last epoch.

        A resumed training ends with the same weights, bit by bit, as one that wasn't interrupted.
        If the latest checkpoint is damaged, the one before it is used.

        Args:
            on_epoch: called with each epoch's result when the epoch ends, before its checkpoint is
                written. After a crash an epoch may therefore be trained and passed on twice.
            should_stop: called before each step; if it returns True, the training ends with status
                "interrupted" and a checkpoint.
            checkpoint_dir: path or gs:// address of the folder of checkpoints; None writes none.
            checkpoint_every: epochs between two checkpoints.
            resume_from: further folders in which the latest checkpoint is looked for.
            on_resume: called once with the results of the epochs before the checkpoint.
            on_warning: called with a message when a checkpoint can't be written, for example
                because the disk is full. It is called for the first failure only, and the training
                continues without the checkpoint.

        Returns:
            The result with all epochs, those before a resume included. A loss that became infinite
            or NaN ends the training with status "diverged", not with an exception.

        Raises:
            CheckpointError: the folders hold checkpoints of another training, or none of theirs
                can be read.
        """
        config = self._config
        self._timings.update(dict.fromkeys(PHASES, 0.0))
        self._network.start(config.seed)
        folder = None if checkpoint_dir is None else str(checkpoint_dir)
        folders = [*resume_from, *([] if folder is None else [folder])]
        resumed = checkpoints.restore(folders, self._network.state, config)
        saved, warned = resumed.name, False
        epochs = [*resumed.epochs]
        if epochs and on_resume is not None:
            on_resume(resumed.epochs)

        def save(progress: checkpoints.TrainingProgress) -> None:
            nonlocal saved, warned
            if folder is None or progress.name == saved:
                return
            try:
                with self._timed("save"):
                    checkpoints.save(folder, self._network.state, config, progress)
                saved = progress.name
            except OSError as error:
                if not warned:
                    on_warning(f"training goes on without a checkpoint: {error}")
                warned = True

        status: Literal["ok", "diverged", "interrupted"] = "ok"
        reason = None
        try:
            for epoch in range(len(epochs), config.epochs):
                epochs.append(self._epoch(epoch, should_stop, resumed))
                if on_epoch is not None:
                    on_epoch(epochs[-1])
                if (epoch + 1) % checkpoint_every == 0:
                    save(checkpoints.TrainingProgress(tuple(epochs)))
        except _DivergedError as diverged:
            status, reason = "diverged", str(diverged)
        except _InterruptedError as stopped:
            status, reason = "interrupted", f"asked to stop in epoch {len(epochs) + 1}"
            statistics = tuple(stopped.statistics)
            save(checkpoints.TrainingProgress(tuple(epochs), stopped.step, statistics))
        timings, self._timings = self._timings, {"build": 0.0}
        errors = [1.0 - epoch.validation_accuracy for epoch in epochs]
        return TrainingResult(
            status=status,
            reason=reason,
            epochs_done=len(epochs),
            validation_error=errors[-1] if errors else None,
            best_epoch=int(np.argmin(errors)) + 1 if errors else None,
            best_validation_error=min(errors, default=None),
            chance_error=1.0 - self._dataset.chance_accuracy,
            epochs=tuple(epochs),
            timings=timings,
        )

    def robustness(
        self, should_stop: Callable[[], bool] = lambda: False
    ) -> dict[str, float] | None:
        """Return the validation error under each of `DISTURBANCES` by name, from 0 to 1.

        The network is the one that the last `fit` has trained, and stays as it is (`Robustness`).
        The noise follows from the configuration's seed.

        Args:
            should_stop: called before each batch; if it returns True, None is returned.

        Raises:
            DataError: the images can't be read.
        """
        if self._robustness is None:
            with self._strategy.scope():
                self._robustness = Robustness(
                    self._network,
                    self._validation,
                    self._dataset.validation_size,
                    jit_compile=self._config.jit_compile,
                )
        return self._robustness.errors(self._config.seed, should_stop=should_stop)

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._timings[phase] += time.perf_counter() - started

    def _epoch(
        self,
        epoch: int,
        should_stop: Callable[[], bool] | None,
        resumed: checkpoints.TrainingProgress,
    ) -> EpochResult:
        started = time.perf_counter()
        config = self._config
        steps = self.steps_per_epoch
        rates = self._rates(epoch, steps)
        if epoch > len(resumed.epochs):
            resumed = checkpoints.TrainingProgress()
        statistics = self._train(epoch, steps, rates, should_stop, resumed)
        loss, accuracy = np.mean(statistics, axis=0) if statistics else (None, None)
        with self._timed("validate"):
            validation_loss, validation_accuracy = self._validate()
        alignment_loss, layers = self._measure(epoch)
        result = EpochResult(
            epoch=epoch + 1,
            epochs=config.epochs,
            loss=None if loss is None else float(loss),
            train_accuracy=None if accuracy is None else float(accuracy),
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
            learning_rate=float(rates[-1, LOSS]),
            alignment_learning_rate=float(rates[-1, ALIGNMENT]),
            alignment_loss=alignment_loss,
            layers=layers,
            seconds=time.perf_counter() - started,
        )
        for name in ("loss", "validation_loss", "alignment_loss"):
            value = getattr(result, name)
            if value is not None and not math.isfinite(value):
                raise _diverged(name.replace("_", " "), value, epoch)
        return result

    def _rates(self, epoch: int, steps: int) -> NDArray[np.float32]:
        starts = epoch + np.arange(steps) / steps
        rates = np.zeros((steps, 2), np.float32)
        rates[:, LOSS] = rate(self._config.schedule(), starts, 1 / steps)
        if self._config.has_alignment_loss:
            rates[:, ALIGNMENT] = rate(self._config.alignment_schedule(), starts, 1 / steps)
        return rates

    def _train(
        self,
        epoch: int,
        steps: int,
        rates: NDArray[np.float32],
        should_stop: Callable[[], bool] | None,
        resumed: checkpoints.TrainingProgress,
    ) -> list[NDArray[np.float32]]:
        """Train one epoch, or the rest of it; return J and accuracy (2,) of each step on J."""
        config = self._config
        delay_steps = round(config.schedule().delay_epochs * steps)
        alignment_steps = self._network.alignment_steps
        compiled = alignment_steps or self._network.loss_steps
        statistics: list[Any] = [*resumed.statistics]
        with self._timed("input"):
            batches = self._train_batches(epoch)
        seed = self._noise_seed
        for step in range(steps):
            with self._timed("input"):
                images, labels = next(batches)
            if step < resumed.step:
                continue
            if should_stop is not None and should_stop():
                raise _InterruptedError(step, [np.asarray(found) for found in statistics])
            number = epoch * steps + step
            arguments = images, labels, tf.constant([seed, number]), tf.constant(rates[step])
            started, traces = time.perf_counter(), compiled.traces
            if alignment_steps and number < delay_steps:
                alignment_steps.alignment_step(*arguments)
            else:
                # Reading a value waits for the accelerator, so it is done seldom.
                statistics.append(compiled.step(*arguments))
                if step % CHECK_EVERY == 0 and not np.isfinite(loss := float(statistics[-1][0])):
                    raise _diverged("loss", loss, epoch)
            phase = "trace" if compiled.traces > traces else "train"
            self._timings[phase] += time.perf_counter() - started
        with self._timed("train"):
            return [np.asarray(found) for found in statistics]

    def _train_batches(self, epoch: int) -> Iterator[Any]:
        config = self._config

        def batches(context: tf.distribute.InputContext) -> tf.data.Dataset:
            return self._dataset.train_batches(config.batch_size, config.seed, epoch, context)

        if self._distributed:
            distributed = self._strategy.distribute_datasets_from_function(batches)
            return translating_errors(distributed)
        return one_by_one(batches(tf.distribute.InputContext()))

    def _validate(self) -> tuple[float, float]:
        """Return J and the accuracy over the whole validation split."""
        found = [self._network.evaluate(*batch) for batch in translating_errors(self._validation)]
        sums = np.array([each.numpy() for each in found], np.float64)
        loss, right = sums.sum(axis=0) / self._dataset.validation_size
        return float(loss), float(right)

    def _measure(self, epoch: int) -> tuple[float | None, tuple[LayerMetrics, ...]]:
        """Return R, if it has its own optimizer, and the metrics of each layer with a rule."""
        network = self._network
        if not network.objectives.layers:
            return None, ()
        started, traces = time.perf_counter(), network.measuring_traces
        loss = None
        if network.alignment_steps:
            # Steps count their noise from 0 upwards, so these seeds are different ones.
            seed = tf.constant([self._noise_seed, -1 - epoch])
            sample = self._dataset.sample("train", MEASURED_IMAGES)
            loss = float(network.alignment_steps.value(*sample, seed))
        angles = network.gradient_angles(*self._measured_batch).numpy()
        layers = tuple(weight_metrics(network.objectives.layers, angles))
        phase = "trace" if network.measuring_traces > traces else "measure"
        self._timings[phase] += time.perf_counter() - started
        return loss, layers

    @property
    def _noise_seed(self) -> int:
        return noise_seed(self._config.seed)


@lru_cache(maxsize=1)
def _load(name: str, data_dir: Path | str | None, options: data.InputOptions) -> data.DataSet:
    return data.load(name, data_dir, options)


def _diverged(loss: str, value: float, epoch: int) -> _DivergedError:
    return _DivergedError(f"the {loss} became {value} in epoch {epoch + 1}")
