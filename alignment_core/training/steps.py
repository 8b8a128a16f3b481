"""The compiled steps of a training: a step on R alone, on J alone, or on both."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from alignment_core.optimizers.optimizers import Optimizers, dense_gradients
from alignment_core.training.objectives import Objectives
from alignment_core.training.regularization import minibatch_seed

LOSS, ALIGNMENT = 0, 1
"""Index of J and of R in `Optimizers` and in each step's learning rates."""

Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""Function (images, labels, noise seed (2,), learning rates of J and R (2,)) of a step.

It returns the mean of J and the accuracy, shape (2,)."""


class LossSteps:
    """Steps on J alone: backpropagation, feedback alignment, and J's part of all other rules."""

    def __init__(
        self, objectives: Objectives, optimizers: Optimizers, *, jit_compile: bool
    ) -> None:
        """Prepare the graph, which is traced at the first step."""
        self._objectives = objectives
        self._optimizers = optimizers
        self._loss = on_replicas(self._loss_of_replica, add_up=True, jit_compile=jit_compile)
        self._coast = on_replicas(self._coast_of_replica, jit_compile=jit_compile)

    @property
    def traces(self) -> int:
        """Number of graphs traced so far."""
        return sum(
            int(graph.experimental_get_tracing_count()) for graph in (self._loss, self._coast)
        )

    def step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        """Make one step on J: update J's variables; see `Step`."""
        return self._loss(images, labels, seed, rates)

    def coast(self, seed: tf.Tensor, rates: tf.Tensor) -> None:
        """Make a step of J's optimizer with a zero gradient: momentum alone moves J's variables."""
        self._coast(seed, rates)

    def _coast_of_replica(self, seed: tf.Tensor, rates: tf.Tensor) -> None:
        self._optimizers.apply(LOSS, self._optimizers.zeros(LOSS), rates[LOSS], seed)

    def _loss_of_replica(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        def losses(_: tf.Tensor, *batch: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
            loss, statistics = self._objectives.loss(*batch, draws=seed)
            return [loss], statistics

        (gradients,), statistics = self._optimizers.gradients(losses, [images, labels], [LOSS])
        self._optimizers.apply(LOSS, gradients, rates[LOSS], seed)
        return statistics


class AlignmentUpdate:
    """The update of the backward kernels by R's gradients, one graph for all rules."""

    def __init__(self, optimizers: Optimizers, *, jit_compile: bool) -> None:
        """Prepare the graph, which is traced at the first update."""
        self._optimizers = optimizers
        self.apply = on_replicas(self._apply, jit_compile=jit_compile)

    def _apply(self, gradients: list[tf.Tensor], seed: tf.Tensor, rates: tf.Tensor) -> None:
        self._optimizers.apply(ALIGNMENT, gradients, rates[ALIGNMENT], seed)


class AlignmentSteps:
    """The steps of one rule whose R has its own optimizer.

    The host runs them as three graphs: R's gradients, R's update and the step on J. Only the first
    depends on the rule and its operations, so another rule compiles that graph alone.

    Attributes:
        alternating: whether `step` makes a step on R and then one on J, instead of both at once.
        coasting: whether, alternating, the other optimizer also steps, with a zero gradient.
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
        """Prepare the graphs, which are traced at the first step."""
        self._loss_steps = loss_steps
        self._update = update
        self._objectives = objectives
        self._optimizers = optimizers
        self.alternating = True
        self.coasting = False
        self._coast = on_replicas(self._coast_of_replica, jit_compile=jit_compile)
        self._gradients = on_replicas(self._gradients_of_replica, jit_compile=jit_compile)
        self._both = on_replicas(self._both_of_replica, jit_compile=jit_compile)
        self._value = on_replicas(objectives.alignment_value, add_up=True, jit_compile=jit_compile)
        self._strategy = tf.distribute.get_strategy()

    @property
    def traces(self) -> int:
        """Number of graphs traced so far."""
        graphs = (self._gradients, self._both, self._value, self._coast, self._update.apply)
        return self._loss_steps.traces + sum(
            int(graph.experimental_get_tracing_count()) for graph in graphs
        )

    def alignment_step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> None:
        """Make one step on R: update the backward kernels only.

        With noise in place of activations, the network's forward pass isn't computed.
        """
        self._update.apply(self._gradients(images, seed), seed, rates)

    def value(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return R at the current weights, which stay as they are."""
        return self._value(images, labels, seed)

    def step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        """Make one step on R and J: update the variables of both; see `Step`.

        Alternating: a step on R, then a step on J with the same batch. Simultaneous: both gradients
        are computed at the same weights, with the activations of J's forward pass.
        """
        if self.alternating:
            self.alignment_step(images, labels, seed, rates)
            if self.coasting:
                self._loss_steps.coast(seed, rates)
            statistics = self._loss_steps.step(images, labels, seed, rates)
            if self.coasting:
                self._coast(seed, rates)
            return statistics
        if self._objectives.regularization.needs_activations:
            # A graph that updated the backward kernels as well might read them too late: ops.py.
            gradients, statistics = self._both(images, labels, seed, rates)
            self._update.apply(gradients, seed, rates)
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, statistics, None)
        # The step on J doesn't change the backward kernels. R's gradients are computed before it,
        # so both gradients are taken at the same forward kernels.
        gradients = self._gradients(images, seed)
        statistics = self._loss_steps.step(images, labels, seed, rates)
        self._update.apply(gradients, seed, rates)
        return statistics

    def _coast_of_replica(self, seed: tf.Tensor, rates: tf.Tensor) -> None:
        zeros = self._optimizers.zeros(ALIGNMENT)
        self._optimizers.apply(ALIGNMENT, zeros, rates[ALIGNMENT], seed)

    def _gradients_of_replica(self, images: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
        regularization = self._objectives.regularization

        def gradients(part: tf.Tensor, images: tf.Tensor) -> list[tf.Tensor]:
            calls = regularization.calls(images, self._seed_of(part, seed), training=True)
            return self._dense(regularization.gradients(calls))

        return self._optimizers.mean_over_minibatches(gradients, [images])

    def _both_of_replica(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Return R's gradients and the statistics of a step on J, which updates J's variables."""
        (variables,) = self._optimizers.values([LOSS])

        def both(
            part: tf.Tensor, images: tf.Tensor, labels: tf.Tensor
        ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
            gradients, calls, statistics = self._objectives.gradients_and_calls(
                images, labels, self._seed_of(part, seed), variables, draws=seed
            )
            alignment = self._dense(self._objectives.regularization.gradients(calls))
            return gradients, alignment, statistics

        gradients, alignment_gradients, statistics = self._optimizers.mean_over_minibatches(
            both, [images, labels]
        )
        self._optimizers.apply(LOSS, gradients, rates[LOSS], seed)
        return alignment_gradients, statistics

    def _dense(self, gradients: Any) -> list[tf.Tensor]:
        (kernels,) = self._optimizers.values([ALIGNMENT])
        return dense_gradients(gradients, kernels)

    def _seed_of(self, part: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return minibatch_seed(seed, part, self._optimizers.minibatches)


def on_replicas(
    function: Callable[..., Any], *, add_up: bool = False, jit_compile: bool = False
) -> Any:
    """Return a compiled function that runs `function` on every replica of the strategy in scope.

    Args:
        function: function of tensors.
        add_up: whether the replicas' results are summed; otherwise each replica keeps its own.
        jit_compile: whether XLA compiles the graph.
    """
    strategy = tf.distribute.get_strategy()

    @tf.function(jit_compile=jit_compile, autograph=False)
    def graph(*arguments: Any) -> Any:
        results = strategy.run(function, args=arguments)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, results, None) if add_up else results

    return graph
