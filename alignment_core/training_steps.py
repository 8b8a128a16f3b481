"""The compiled steps of a training: on R alone, on J alone, on both.

One step is one call on the host. Pieces that don't depend on the rule's operations are
traced once for a network and a batch size, and put together anew for each rule.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.layers import aligned_layers, recording
from alignment_core.optimizers.optimizers import Optimizers

LOSS, ALIGNMENT = 0, 1
"""The order of J and R in `Optimizers` and in each step's rates."""

Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""(images, labels, the noise's seed (2,), rates of J and R (2,)) -> (mean of J, accuracy)."""


class Objectives:
    """J and R of one network, as functions of a batch."""

    def __init__(self, model: Any, weight_decay: tf.Variable) -> None:
        """`weight_decay` is lambda of the penalty lambda/2 |w|^2."""
        self.model = model
        self.layers = aligned_layers(model)
        self.kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
        self.weight_decay = weight_decay
        # Each replica holds its share of the batch, and gradients are summed over replicas.
        self.share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync

    def loss(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """J with its L2 penalty, and (J without it, accuracy), shape (2,).

        The penalty is on forward kernels alone: not on backward kernels, biases or batch
        norm (published code of Kunin et al. 2020).
        """
        logits = self.model(images, training=True)
        loss = tf.reduce_mean(_cross_entropy(labels, logits))
        penalty = tf.add_n([tf.nn.l2_loss(kernel.value) for kernel in self.kernels])
        accuracy = tf.reduce_mean(_right(labels, logits))
        return (
            self.share * (loss + self.weight_decay * penalty),
            self.share * tf.stack([loss, accuracy]),
        )

    @property
    def needs_activations(self) -> bool:
        """Whether R takes the layers' inputs from a forward pass."""
        return any(layer.learning_rule.needs_activations for layer in self.layers)

    def alignment(self, inputs: Sequence[Any], seed: tf.Tensor) -> tf.Tensor:
        """R, the plain sum over layers, each with noise of its own."""
        seeds = tf.unstack(tf.random.split(seed, len(self.layers)))
        terms = [
            layer.alignment_loss(x, layer_seed)
            for layer, x, layer_seed in zip(self.layers, inputs, seeds, strict=True)
        ]
        return self.share * tf.add_n(terms)

    def input_shapes(self, images: tf.Tensor) -> list[tuple[int, ...]]:
        """The layers' input shapes: all that R needs where it needs no activations."""
        return [(images.shape[0], *layer.aligned_input_shape) for layer in self.layers]

    def in_order(self, calls: Sequence[tuple[Any, tf.Tensor]]) -> list[tf.Tensor]:
        """What `recording` collected, in the layers' order."""
        inputs = {id(layer): x for layer, x in calls}
        return [inputs[id(layer)] for layer in self.layers]

    def evaluate(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """(Sum of J, right answers), shape (2,), over the rows with a label of their own."""
        logits = self.model(images, training=False)
        losses = _cross_entropy(tf.maximum(labels, 0), logits)
        total = tf.reduce_sum(tf.where(labels == PADDING_LABEL, 0.0, losses))
        return tf.stack([total, tf.reduce_sum(_right(labels, logits))])


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def _right(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels, tf.float32)


class LossStep:
    """A step on J alone; its gradients are traced once and shared with all rules' steps."""

    def __init__(
        self, objectives: Objectives, optimizers: Optimizers, *, jit_compile: bool
    ) -> None:
        """Nothing is traced before the first step."""
        self._objectives = objectives
        self._optimizers = optimizers
        self.gradients = _traced_once(self._gradients)
        self.step: Step = compiled(self._step, jit_compile=jit_compile)

    def _gradients(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        def losses(_: tf.Tensor, *batch: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
            loss, statistics = self._objectives.loss(*batch)
            return [loss], statistics

        (gradients,), statistics = self._optimizers.gradients(losses, [images, labels], [LOSS])
        return gradients, statistics

    def _step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        gradients, statistics = self.gradients(images, labels)
        self._optimizers.apply(LOSS, gradients, rates[LOSS])
        return statistics


class AlignmentSteps:
    """The steps in which a rule's R takes part: R alone, and R with J.

    With noise in place of activations no step on R alone, and no alternating one, runs
    the network's forward pass for R.
    """

    def __init__(
        self,
        loss_step: LossStep,
        objectives: Objectives,
        optimizers: Optimizers,
        *,
        alternating: bool,
        jit_compile: bool,
    ) -> None:
        """Alternating: a step on R, then a step on J with the same batch.

        Otherwise both gradients are taken at one point, and both steps made together.
        """
        self._loss_step = loss_step
        self._objectives = objectives
        self._optimizers = optimizers
        self._gradients = _traced_once(self._alignment_gradients)
        self.alignment: Step = compiled(self._alignment_step, jit_compile=jit_compile)
        both = self._alternating_step if alternating else self._simultaneous_step
        self.both: Step = compiled(both, jit_compile=jit_compile)

    def _alignment_gradients(self, images: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
        objectives = self._objectives

        def losses(part: tf.Tensor, images: tf.Tensor) -> tuple[list[tf.Tensor], tuple[()]]:
            if objectives.needs_activations:
                with recording() as calls:
                    objectives.model(images, training=True)
                inputs = objectives.in_order(calls)
            else:
                inputs = objectives.input_shapes(images)
            return [objectives.alignment(inputs, _fold(seed, part))], ()

        (gradients,), _ = self._optimizers.gradients(losses, [images], [ALIGNMENT])
        return gradients

    def _gradients_of_both(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor
    ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
        objectives = self._objectives
        if not objectives.needs_activations:
            gradients, statistics = self._loss_step.gradients(images, labels)
            return gradients, self._gradients(images, seed), statistics

        def losses(part: tf.Tensor, *batch: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
            with recording() as calls:
                loss, statistics = objectives.loss(*batch)
            alignment = objectives.alignment(objectives.in_order(calls), _fold(seed, part))
            return [loss, alignment], statistics

        found, statistics = self._optimizers.gradients(losses, [images, labels], [LOSS, ALIGNMENT])
        return *found, statistics

    def _alignment_step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        gradients = self._gradients(images, _seed_of_replica(seed))
        self._optimizers.apply(ALIGNMENT, gradients, rates[ALIGNMENT])
        return tf.zeros((2,))

    def _alternating_step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        self._alignment_step(images, labels, seed, rates)
        gradients, statistics = self._loss_step.gradients(images, labels)
        self._optimizers.apply(LOSS, gradients, rates[LOSS])
        return statistics

    def _simultaneous_step(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, rates: tf.Tensor
    ) -> tf.Tensor:
        *gradients, statistics = self._gradients_of_both(images, labels, _seed_of_replica(seed))
        for index in (LOSS, ALIGNMENT):
            self._optimizers.apply(index, gradients[index], rates[index])
        return statistics


def compiled(step: Callable[..., tf.Tensor], *, jit_compile: bool = False) -> Step:
    """One graph that runs `step` on every replica and sums what comes back."""
    strategy = tf.distribute.get_strategy()

    @tf.function(jit_compile=jit_compile, autograph=False)
    def on_replicas(*arguments: tf.Tensor) -> tf.Tensor:
        results = strategy.run(step, args=arguments)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, results, axis=None)

    return on_replicas


def _traced_once(function: Callable[..., Any]) -> Callable[..., Any]:
    # Replicas meet inside (batch norm's moving moments), which a nested graph can't do.
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        return function
    return tf.function(function, autograph=False)


def _seed_of_replica(seed: tf.Tensor) -> tf.Tensor:
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return _fold(seed, replica)


def _fold(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    return tf.random.fold_in(seed, number)
