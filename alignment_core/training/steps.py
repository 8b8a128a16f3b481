"""The compiled steps of a training: on R alone, on J alone, on both."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from alignment_core.optimizers.optimizers import Optimizers
from alignment_core.training.objectives import Objectives

LOSS, ALIGNMENT = 0, 1
"""The order of J and R in `Optimizers` and in each step's rates."""

Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, labels, the noise's seed (2,), rates of J and R (2,)) -> (mean of J, accuracy)."""


class LossSteps:
    """Steps on J alone: backpropagation's, feedback alignment's, and J's part of every other."""

    def __init__(
        self, objectives: Objectives, optimizers: Optimizers, *, jit_compile: bool
    ) -> None:
        """Nothing is traced before the first step."""
        self._objectives = objectives
        self._optimizers = optimizers
        self._loss = on_replicas(self._loss_of_replica, add_up=True, jit_compile=jit_compile)

    @property
    def traces(self) -> int:
        """How many graphs have been traced so far."""
        return int(self._loss.experimental_get_tracing_count())

    def step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        """Move J's variables; see `Step`."""
        return self._loss(images, labels, seed, rates)

    def _loss_of_replica(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        def losses(_: tf.Tensor, *batch: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
            loss, statistics = self._objectives.loss(*batch)
            return [loss], statistics

        (gradients,), statistics = self._optimizers.gradients(losses, [images, labels], [LOSS])
        self._optimizers.apply(LOSS, gradients, rates[LOSS], seed)
        return statistics


class AlignmentUpdate:
    """The update of the backward kernels by R's gradients, whatever the rule."""

    def __init__(self, optimizers: Optimizers, *, jit_compile: bool) -> None:
        """Nothing is traced before the first update."""
        self._optimizers = optimizers
        self.apply = on_replicas(self._apply, jit_compile=jit_compile)

    def _apply(self, gradients: list[tf.Tensor], seed: tf.Tensor, rates: tf.Tensor) -> None:
        self._optimizers.apply(ALIGNMENT, gradients, rates[ALIGNMENT], seed)


class AlignmentSteps:
    """The steps in which one rule's R takes part.

    They are put together on the host from three graphs: R's gradients, R's update, and
    the step on J. Only the first depends on the rule and its operations, so that the next
    trial of a search compiles that one alone.

    Attributes:
        alternating: whether `step` moves R's variables before it looks at J.
    """

    def __init__(
        self,
        loss_steps: LossSteps,
        update: AlignmentUpdate,
        objectives: Objectives,
        optimizers: Optimizers,
        *,
        jit_compile: bool,
    ) -> None:
        """Nothing is traced before the first step."""
        self._loss_steps = loss_steps
        self._update = update
        self._objectives = objectives
        self._optimizers = optimizers
        self.alternating = True
        self._gradients = on_replicas(self._gradients_of_replica, jit_compile=jit_compile)
        self._both = on_replicas(self._both_of_replica, jit_compile=jit_compile)
        self._value = on_replicas(objectives.alignment_value, add_up=True, jit_compile=jit_compile)
        self._strategy = tf.distribute.get_strategy()

    @property
    def traces(self) -> int:
        """How many graphs have been traced so far."""
        graphs = (self._gradients, self._both, self._value, self._update.apply)
        return self._loss_steps.traces + sum(
            int(graph.experimental_get_tracing_count()) for graph in graphs
        )

    def alignment_step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> None:
        """Move R's variables only.

        With noise in place of activations there is no forward pass of the network.
        """
        self._update.apply(self._gradients(images, seed), seed, rates)

    def value(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """R as it stands; nothing moves."""
        return self._value(images, labels, seed)

    def step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        """Move the variables of both; see `Step`.

        Alternating: a step on R, then a step on J with the same batch. Simultaneous: both
        gradients at one point; activations are then those of J's own forward pass.
        """
        if self.alternating:
            self.alignment_step(images, labels, seed, rates)
            return self._loss_steps.step(images, labels, seed, rates)
        if self._objectives.needs_activations:
            # A graph that moved the backward kernels as well might read them too late: ops.py.
            gradients, statistics = self._both(images, labels, seed, rates)
            self._update.apply(gradients, seed, rates)
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, statistics, None)
        # The step on J leaves the backward kernels alone, and R's gradients, taken
        # before it, have seen the forward kernels that J's gradients see.
        gradients = self._gradients(images, seed)
        statistics = self._loss_steps.step(images, labels, seed, rates)
        self._update.apply(gradients, seed, rates)
        return statistics

    def _gradients_of_replica(self, images: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
        objectives = self._objectives

        def gradients(part: tf.Tensor, images: tf.Tensor) -> list[tf.Tensor]:
            inputs = objectives.alignment_inputs(images, self._seed_of(part, seed), training=True)
            return objectives.alignment_gradients(inputs)

        return self._optimizers.mean_over_minibatches(gradients, [images])

    def _both_of_replica(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """R's gradients, and what J's step returns; J's variables are moved."""
        (variables,) = self._optimizers.values([LOSS])

        def both(
            part: tf.Tensor, images: tf.Tensor, labels: tf.Tensor
        ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
            gradients, inputs, statistics = self._objectives.loss_and_inputs(
                images, labels, self._seed_of(part, seed), variables
            )
            return gradients, self._objectives.alignment_gradients(inputs), statistics

        gradients, alignment_gradients, statistics = self._optimizers.mean_over_minibatches(
            both, [images, labels]
        )
        self._optimizers.apply(LOSS, gradients, rates[LOSS], seed)
        return alignment_gradients, statistics

    def _seed_of(self, part: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Of the noise for one part of this replica's share: replicas are minibatches too."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        number = replica * self._optimizers.minibatches + part
        return tf.random.fold_in(tf.random.fold_in(seed, 0), number)


def on_replicas(
    function: Callable[..., Any], *, add_up: bool = False, jit_compile: bool = False
) -> Any:
    """One graph that runs `function` on every replica of the strategy in scope.

    `add_up` sums what the replicas return; otherwise each keeps its own.
    """
    strategy = tf.distribute.get_strategy()

    @tf.function(jit_compile=jit_compile, autograph=False)
    def graph(*arguments: Any) -> Any:
        results = strategy.run(function, args=arguments)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, results, None) if add_up else results

    return graph
