"""The cost of a training step: its time beside a reference's, and the memory of its variables."""

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from alignment_core import data
from alignment_core.data.preprocessing import get_preprocessing
from alignment_core.errors import ConfigurationError
from alignment_core.training.compiled_network import CompiledNetwork
from alignment_core.training.config import TrainingConfig

ROUNDS = 11
"""Usual number of rounds: the interval then covers the median ratio in 98.8 % of measurements."""
STEPS = 5
"""Usual number of steps between two looks at the clock, in which waiting for the device is lost."""
CONFIDENCE = 0.95
"""Least probability that the interval of a ratio covers its median."""


@dataclass(frozen=True)
class StepCost:
    """The cost of one training step.

    Attributes:
        seconds: median duration of a step over the rounds.
        ratio: median over the rounds of the duration over the reference's of the same round; 1 for
            the reference.
        ratio_low: lower end of the interval of the ratio.
        ratio_high: upper end.
        network_bytes: memory of the network's variables that it also has under backpropagation.
        feedback_bytes: memory of the backward kernels and of a rule's further fixed kernels.
        optimizer_bytes: memory of all optimizers' variables: slots, step counts, learning rates.
        peak_bytes: the variables, and the most that the device's allocator has handed out beyond
            them during a step; None if the device doesn't tell. A CPU's allocator counts blocks
            from 256 KiB upwards only.
    """

    seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    network_bytes: int
    feedback_bytes: int
    optimizer_bytes: int
    peak_bytes: int | None

    @property
    def variable_bytes(self) -> int:
        """Memory of all variables."""
        return self.network_bytes + self.feedback_bytes + self.optimizer_bytes


def step_costs(
    configs: Mapping[str, TrainingConfig], *, rounds: int = ROUNDS, steps: int = STEPS
) -> dict[str, StepCost]:
    """Measure the training steps of several configurations in turn, in this process.

    In each round every configuration makes its steps once, every second round in reverse order, so
    that other load on the machine affects all alike. Images are random numbers of the data set's
    shape, and reading images isn't measured. Learning rates are zero, so that weights stay finite;
    the arithmetic is that of any rate. Steps are those after a delay. Under alternating
    minimization a step is one on R and one on J.

    The interval of a ratio is that of the sign test, with at least 95 % confidence that it covers
    the median; fewer than 6 rounds don't suffice for this, and give their least and largest ratio.

        >>> config = TrainingConfig(
        ...     dataset="digits", epochs=1, batch_size=64, learning_rate=0.1, model="dense", width=8
        ... )
        >>> fixed = replace(config, learning_rule="feedback_alignment")
        >>> found = step_costs({"BP": config, "FA": fixed}, rounds=3)
        >>> found["BP"].feedback_bytes, found["FA"].feedback_bytes
        (0, 2624)

    Args:
        configs: trainings by name. The first one is the reference; equal batches make equal work.
        rounds: number of rounds.
        steps: steps of each configuration in a round.

    Raises:
        ConfigurationError: there is no configuration, a number is below 1, a network can't be
            built, or a `tf.distribute` strategy is in scope, whose replicas would share the batch.
    """
    if not configs:
        raise ConfigurationError("there is no step to measure: name at least one configuration")
    for label, number in (("rounds", rounds), ("steps", steps)):
        if number < 1:
            raise ConfigurationError(f"{label} must be at least 1, not {number}")
    if tf.distribute.has_strategy():
        raise ConfigurationError(
            "steps are measured on one device: call step_costs outside of a strategy's scope"
        )
    measured = {name: _Step(config) for name, config in configs.items()}
    peaks = {name: step.peak_bytes() for name, step in measured.items()}
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(rounds):
        for name in list(measured)[:: -1 if number % 2 else 1]:
            seconds[name].append(measured[name].seconds(steps))
    reference = seconds[next(iter(measured))]
    return {
        name: _cost(step, seconds[name], reference, peaks[name]) for name, step in measured.items()
    }


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval of the sign test for the median, with a confidence of 95 % or more.

        >>> interval_of_median([5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
        (1.0, 6.0)

    Args:
        values: independent values, at least one. Fewer than 6 give the least and the largest.
    """
    ordered, count = sorted(values), len(values)
    end = 0
    # The value of index k lies above the median if at most k values lie below it: as many heads.
    while 2 * _tail(count, end + 1) <= 1 - CONFIDENCE:
        end += 1
    return ordered[end], ordered[-1 - end]


def _tail(count: int, most: int) -> float:
    """Return the probability of at most `most` heads among `count` fair coins."""
    return sum(math.comb(count, each) for each in range(most + 1)) / float(2**count)


class _Step:
    """The step of one configuration, traced, with a batch of random images."""

    def __init__(self, config: TrainingConfig) -> None:
        facts = data.info(config.dataset)
        self.network = CompiledNetwork(config, _image_shape(config), facts.num_classes)
        shape = (config.batch_size, *_image_shape(config))
        self._batch = (
            tf.random.stateless_normal(shape, (0, 0)),
            tf.random.stateless_uniform(
                (config.batch_size,), (0, 1), 0, facts.num_classes, dtype=tf.int32
            ),
            tf.constant([0, 0]),
            tf.zeros(2),
        )
        self._steps = self.network.alignment_steps or self.network.loss_steps
        # The first step traces the graphs, and the second one may still choose a GPU's kernels.
        self.seconds(2)

    def seconds(self, steps: int) -> float:
        """Make steps, wait for the device, and return the seconds of one."""
        started = time.perf_counter()
        for _ in range(steps):
            self._steps.step(*self._batch)
        tf.test.experimental.sync_devices()
        return (time.perf_counter() - started) / steps

    def variables(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return the variables of the network, of the feedback, and of the optimizers."""
        layers = self.network.objectives.layers
        kernels = [each for one in layers for each in (one.backward_kernel, one.feedback_kernel)]
        feedback = {id(each) for each in kernels if each is not None}
        variables = self.network.model.variables
        return (
            [each for each in variables if id(each) not in feedback],
            [each for each in variables if id(each) in feedback],
            [each for one in self.network.optimizers.optimizers for each in one.variables],
        )

    def peak_bytes(self) -> int | None:
        """Return the memory of the variables and of a step at its peak; None if nobody tells."""
        device = "GPU:0" if tf.config.list_logical_devices("GPU") else "CPU:0"
        memory = tf.config.experimental
        try:
            memory.reset_memory_stats(device)
            before = memory.get_memory_info(device)["current"]
            self.seconds(1)
            peak = memory.get_memory_info(device)["peak"]
        except (ValueError, tf.errors.OpError):
            return None
        return int(peak - before) + sum(map(_bytes, self.variables()))


def _cost(
    step: _Step, seconds: Sequence[float], reference: Sequence[float], peak: int | None
) -> StepCost:
    ratios = [own / other for own, other in zip(seconds, reference, strict=True)]
    low, high = interval_of_median(ratios)
    network, feedback, optimizers = map(_bytes, step.variables())
    return StepCost(
        seconds=statistics.median(seconds),
        ratio=statistics.median(ratios),
        ratio_low=low,
        ratio_high=high,
        network_bytes=network,
        feedback_bytes=feedback,
        optimizer_bytes=optimizers,
        peak_bytes=peak,
    )


def _bytes(variables: Sequence[Any]) -> int:
    """Return the memory of variables' values."""
    return sum(math.prod(each.shape) * each.value.dtype.size for each in variables)


def _image_shape(config: TrainingConfig) -> tuple[int, int, int]:
    facts = data.info(config.dataset)
    if not facts.streamed:
        return facts.image_shape
    options = config.input_options
    _, side = get_preprocessing(options.preprocessing, options.image_size)
    return side, side, facts.image_shape[2]
