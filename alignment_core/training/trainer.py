"""Training one network under one learning rule.

Alternating minimization (Kunin et al. 2020, App. B.1.2): an iteration is one step of
R's optimizer, then one step of J's on the same batch, and an epoch is one pass of J
over the training split. The published code instead alternates whole iterations, lets
the idle optimizer step with a zero gradient, so that momentum coasts, and doubles all
its epochs to make up for it. Here the idle optimizer stands still: cheaper, and each
optimizer sees the steps it would see alone.
"""

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core import data
from alignment_core.data.pipeline import one_by_one, readable
from alignment_core.errors import ConfigurationError
from alignment_core.optimizers.rate_scheduler import rate
from alignment_core.training import accelerators, checkpoints
from alignment_core.training.compiled_network import CompiledNetwork, structure
from alignment_core.training.config import TrainingConfig
from alignment_core.training.results import EpochReport, LayerMetrics, TrainingResult
from alignment_core.training.steps import ALIGNMENT, LOSS
from alignment_core.training.weight_metrics import weight_metrics

__all__ = ["Trainer", "TrainingConfig", "trainer_for"]

logger = logging.getLogger(__name__)

CHECK_EVERY = 50
"""Steps between two looks at the loss, so that a diverged training ends within its epoch."""

PHASES = ("trace", "input", "train", "validate", "measure", "save")
"""Of a training's time, beside the network's building: `TrainingResult.timings`."""

KEPT_TRAINERS = 2
"""Networks whose compiled steps `trainer_for` keeps: two searches may take turns."""

HELD_IMAGES = 32
"""Images for what is measured once an epoch: R's value, and on those of validation the angles
between pseudogradients and true gradients. Few, so that a short epoch is no longer for it."""


class _DivergedError(Exception):
    """A training whose loss became infinite or no number."""


class _InterruptedError(Exception):
    """A training that was asked to stop, after some steps of an epoch."""

    def __init__(self, step: int, statistics: Sequence[NDArray[np.float32]]) -> None:
        super().__init__()
        self.step = step
        self.statistics = statistics


class Trainer:
    """A network, its optimizers and their compiled steps, for one configuration at a time.

    Everything continuous (rates, weights, noise, times, seed) is a variable or an
    argument, so that trainings of one structure share what is compiled; `reconfigure`
    takes the next one. A training on a used trainer is bit-identical to one on a new
    trainer, and one configuration always gives the same weights on a CPU.

    Made within a `tf.distribute` strategy's scope it trains under that strategy
    (`accelerators.get_strategy`), and `fit` belongs there too; `batch_size` is then the
    batch of all replicas together.
    """

    def __init__(self, config: TrainingConfig) -> None:
        """Build the network.

        Raises what `data.load` raises for data that can't be read, and
        ConfigurationError for a network that can't be built, or a batch that is larger than
        the training split or that the strategy's replicas can't share evenly.
        """
        started = time.perf_counter()
        self._strategy = tf.distribute.get_strategy()
        self._distributed = tf.distribute.has_strategy()
        if config.jit_compile and self._distributed:
            raise ConfigurationError(
                "jit_compile is for one device: leave it out under a strategy (what runs on "
                "a TPU is compiled by XLA anyway)"
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
        self._held_batch = self._dataset.sample("validation", HELD_IMAGES)
        self._validation = self._strategy.distribute_datasets_from_function(
            lambda context: self._dataset.validation_batches(context=context)
        )
        self._timings = {"build": time.perf_counter() - started}

    def reconfigure(self, config: TrainingConfig) -> bool:
        """Take `config` for the next `fit`; False, and nothing done, if it needs another trainer.

        Another batch size or another rule is traced when it is first met; what has
        been compiled is kept.

        Raises ConfigurationError for a batch that the replicas can't share evenly, or one
        larger than the training split.
        """
        if structure(config) != self._structure:
            return False
        accelerators.check_shares(self._strategy, config.batch_size, config.minibatches)
        self._dataset.steps_per_epoch(config.batch_size)
        self._config = config
        self._network.take(config)
        return True

    @property
    def steps_per_epoch(self) -> int:
        """Steps on J in one pass over the training split as it was found."""
        return self._dataset.steps_per_epoch(self._config.batch_size)

    def fit(
        self,
        on_epoch: Callable[[EpochReport], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        checkpoint_dir: Path | str | None = None,
        checkpoint_every: int = 1,
        resume_from: Sequence[str] = (),
        on_resume: Callable[[Sequence[EpochReport]], None] | None = None,
        on_warning: Callable[[str], None] = logger.warning,
    ) -> TrainingResult:
        """Train from the seed's initial weights to the last epoch.

        `on_epoch` is told of each epoch as it ends; `should_stop` is asked before each
        step, and ends the training as "interrupted". A loss that is infinite or no
        number ends it as "diverged"; neither is an exception.

        With `checkpoint_dir` a state is left there after every `checkpoint_every`
        epochs and at an interruption, and a training that finds one there, or in the folders
        `resume_from`, goes on from the latest, to the same weights, bit by bit, as if it had
        never been interrupted. Epochs done before are in the result, but `on_epoch` is not told
        of them again; `on_resume` is told of them all at once. `on_epoch` is told before the
        state is left: an epoch may be told twice after a sudden death, and none is lost. Of two
        states the earlier one is gone on from if the later one is damaged. A state that can't
        be written, to a full disk say, is done without: `on_warning` is told once.

        Raises CheckpointError if the folders hold another training's state, or states none of
        which can be read.
        """
        config = self._config
        self._timings.update(dict.fromkeys(PHASES, 0.0))
        self._network.start(config.seed)
        folder = None if checkpoint_dir is None else str(checkpoint_dir)
        folders = [*resume_from, *([] if folder is None else [folder])]
        begun = checkpoints.restore(folders, self._network.state, config)
        saved, warned = begun.name, False
        reports = [*begun.reports]
        if reports and on_resume is not None:
            on_resume(begun.reports)

        def save(progress: checkpoints.Progress) -> None:
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
            for epoch in range(len(reports), config.epochs):
                reports.append(self._epoch(epoch, should_stop, begun))
                if on_epoch is not None:
                    on_epoch(reports[-1])
                if (epoch + 1) % checkpoint_every == 0:
                    save(checkpoints.Progress(tuple(reports)))
        except _DivergedError as diverged:
            status, reason = "diverged", str(diverged)
        except _InterruptedError as stopped:
            status, reason = "interrupted", f"asked to stop in epoch {len(reports) + 1}"
            statistics = tuple(stopped.statistics)
            save(checkpoints.Progress(tuple(reports), stopped.step, statistics))
        timings, self._timings = self._timings, {"build": 0.0}
        errors = [1.0 - report.validation_accuracy for report in reports]
        return TrainingResult(
            status=status,
            reason=reason,
            epochs_done=len(reports),
            validation_error=errors[-1] if errors else None,
            best_epoch=int(np.argmin(errors)) + 1 if errors else None,
            best_validation_error=min(errors, default=None),
            chance_error=1.0 - self._dataset.chance_accuracy,
            reports=tuple(reports),
            timings=timings,
        )

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._timings[phase] += time.perf_counter() - started

    def _epoch(
        self,
        epoch: int,
        should_stop: Callable[[], bool] | None,
        begun: checkpoints.Progress,
    ) -> EpochReport:
        started = time.perf_counter()
        config = self._config
        steps = self.steps_per_epoch
        rates = self._rates(epoch, steps)
        if epoch > len(begun.reports):
            begun = checkpoints.Progress()
        statistics = self._train(epoch, steps, rates, should_stop, begun)
        loss, accuracy = np.mean(statistics, axis=0) if statistics else (None, None)
        with self._timed("validate"):
            validation_loss, validation_accuracy = self._validate()
        alignment_loss, layers = self._measure(epoch)
        report = EpochReport(
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
            value = getattr(report, name)
            if value is not None and not math.isfinite(value):
                raise _diverged(name.replace("_", " "), value, epoch)
        return report

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
        begun: checkpoints.Progress,
    ) -> list[NDArray[np.float32]]:
        """One pass over the training split, or its rest; (J, accuracy) of each step on J."""
        config = self._config
        delay_steps = round(config.schedule().delay_epochs * steps)
        on_loss, on_alignment = self._network.loss_steps, self._network.alignment_steps
        steps_of = on_alignment or on_loss
        statistics: list[Any] = [*begun.statistics]
        with self._timed("input"):
            batches = self._train_batches(epoch)
        noise_seed = self._noise_seed
        for step in range(steps):
            with self._timed("input"):
                images, labels = next(batches)
            if step < begun.step:
                continue
            if should_stop is not None and should_stop():
                raise _InterruptedError(step, [np.asarray(found) for found in statistics])
            number = epoch * steps + step
            arguments = images, labels, tf.constant([noise_seed, number]), tf.constant(rates[step])
            started, traces = time.perf_counter(), steps_of.traces
            if on_alignment and number < delay_steps:
                on_alignment.alignment_step(*arguments)
            else:
                # An accelerator is waited for where its values are read, and so seldom.
                statistics.append(steps_of.step(*arguments))
                if step % CHECK_EVERY == 0 and not np.isfinite(loss := float(statistics[-1][0])):
                    raise _diverged("loss", loss, epoch)
            phase = "trace" if steps_of.traces > traces else "train"
            self._timings[phase] += time.perf_counter() - started
        with self._timed("train"):
            return [np.asarray(found) for found in statistics]

    def _train_batches(self, epoch: int) -> Iterator[Any]:
        config = self._config

        def batches(context: tf.distribute.InputContext) -> tf.data.Dataset:
            return self._dataset.train_batches(config.batch_size, config.seed, epoch, context)

        if self._distributed:
            return readable(self._strategy.distribute_datasets_from_function(batches))
        return one_by_one(batches(tf.distribute.InputContext()))

    def _validate(self) -> tuple[float, float]:
        """J and the accuracy over the whole validation split."""
        found = [self._network.evaluate(*batch) for batch in readable(self._validation)]
        sums = np.array([each.numpy() for each in found], np.float64)
        loss, right = sums.sum(axis=0) / self._dataset.validation_size
        return float(loss), float(right)

    def _measure(self, epoch: int) -> tuple[float | None, tuple[LayerMetrics, ...]]:
        """R, if there is one, and the metrics of each layer under a rule."""
        network = self._network
        if not network.objectives.layers:
            return None, ()
        started, traces = time.perf_counter(), network.measuring_traces
        loss = None
        if network.alignment_steps:
            # R at the weights as they stand, for images from all over the training split.
            seed = tf.constant([self._noise_seed, -1 - epoch])
            sample = self._dataset.sample("train", HELD_IMAGES)
            loss = float(network.alignment_steps.value(*sample, seed))
        angles = network.gradient_angles(*self._held_batch).numpy()
        layers = tuple(weight_metrics(network.objectives.layers, angles))
        phase = "trace" if network.measuring_traces > traces else "measure"
        self._timings[phase] += time.perf_counter() - started
        return loss, layers

    @property
    def _noise_seed(self) -> int:
        # Apart from the seeds of the weights and the order, which come from the same number.
        return int(np.random.SeedSequence([self._config.seed, 1]).generate_state(1)[0] >> 1)


_trainers: OrderedDict[Hashable, Trainer] = OrderedDict()


def trainer_for(config: TrainingConfig) -> Trainer:
    """A trainer ready for `config`: one that has compiled its steps before, if there is one.

    The last few networks are kept; not for several threads at once.
    """
    key = (tf.distribute.get_strategy(), structure(config))
    if key in _trainers:
        _trainers.move_to_end(key)
        _trainers[key].reconfigure(config)
        return _trainers[key]
    trainer = Trainer(config)
    _trainers[key] = trainer
    if len(_trainers) > KEPT_TRAINERS:
        _trainers.popitem(last=False)
    return trainer


@lru_cache(maxsize=1)
def _load(name: str, data_dir: Path | str | None, options: data.InputOptions) -> data.DataSet:
    return data.load(name, data_dir, options)


def _diverged(loss: str, value: float, epoch: int) -> _DivergedError:
    return _DivergedError(f"the {loss} became {value} in epoch {epoch + 1}")
