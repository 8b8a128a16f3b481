"""The objectives of a training: J and R of one network on a batch."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.layers.aligned import Call, aligned_layers, recording
from alignment_core.layers.direct import send_error
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.draws import drawing
from alignment_core.training.weight_metrics import gradient_angles

LayerInputs = dict[str, Any]
"""Arguments of one layer's `AlignedLayer.alignment_loss` by name."""

MEASURING_SEED = (0, 0)
"""Seed of the backward kernels that a rule draws anew, where metrics are measured: metrics of the
same weights are then the same numbers."""


class Objectives:
    """J and R of one network, as functions of a batch."""

    def __init__(
        self, model: Any, weight_decay: tf.Variable, *, decays_biases: bool = False
    ) -> None:
        """Collect the layers and kernels of a Keras model.

        Args:
            model: a network from images to logits.
            weight_decay: lambda of the L2 penalty lambda/2 |w|^2.
            decays_biases: whether the biases of layers with a kernel are penalized, too.
        """
        self.model = model
        self.layers = aligned_layers(model)
        self.tied = [
            layer
            for layer in self.layers
            if layer.learning_rule is not None and layer.learning_rule.tie_gradients
        ]
        with_kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
        self.penalized = [layer.kernel for layer in with_kernels]
        if decays_biases:
            self.penalized += [layer.bias for layer in with_kernels if layer.bias is not None]
        self.weight_decay = weight_decay
        # Each replica computes on its share of the batch, and gradients are summed over replicas.
        self.share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync

    def loss(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        *,
        draws: Any = MEASURING_SEED,
        training: bool = True,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return J with its L2 penalty, and the statistics (2,): J without it, and accuracy.

        The penalty is on forward kernels, and on biases if wanted, but not on backward kernels or
        batch norm. (In the published code of Kunin et al. 2020 it is on forward kernels and on the
        last layer's bias, the only one there.) A rule that ties gradients adds its R to J, so that
        J's optimizer moves the backward kernels by both gradients.

        Args:
            images: (batch, height, width, channels).
            labels: (batch,).
            draws: seed (2,) of the backward kernels that a rule draws anew, the same on all
                replicas and for all minibatches.
            training: whether batch norm uses the batch's moments or the moving ones.
        """
        logits = self._logits(images, draws, training=training)
        loss = tf.reduce_mean(_cross_entropy(labels, logits))
        penalty = tf.add_n([tf.nn.l2_loss(each.value) for each in self.penalized])
        total = loss + self.weight_decay * penalty
        if self.tied:
            total += tf.add_n([layer.alignment_loss(None) for layer in self.tied])
        accuracy = tf.reduce_mean(_right(labels, logits))
        return self.share * total, self.share * tf.stack([loss, accuracy])

    def loss_and_inputs(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        seed: tf.Tensor,
        variables: Sequence[Any] = (),
        *,
        draws: Any = MEASURING_SEED,
        training: bool = True,
    ) -> tuple[list[tf.Tensor], list[LayerInputs], tf.Tensor]:
        """Run one forward and backward pass for both J and R.

        Returns:
            J's gradients for `variables`; the arguments of each layer's term of R, with
            pseudogradients if R needs them; and the statistics of `loss`.
        """
        with recording() as calls, tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            if self.needs_pseudogradients:
                tape.watch([layer.kernel.value for layer in self.layers])
            loss, statistics = self.loss(images, labels, draws=draws, training=training)
        calls = self._in_order(calls)
        products = [call.product for call in calls] if self.needs_pseudogradients else []
        gradients, found = tape.gradient(loss, [list(variables), products])
        # R is multiplied by the share itself.
        pseudogradients = [gradient / self.share for gradient in found]
        return gradients, self._inputs(calls, seed, pseudogradients), statistics

    @property
    def needs_activations(self) -> bool:
        """Whether R is computed from the layers' inputs in a forward pass."""
        return any(rule.needs_activations for rule in self._rules)

    @property
    def needs_pseudogradients(self) -> bool:
        """Whether R is computed from the pseudogradients of J's backward pass."""
        return any(rule.needs_pseudogradients for rule in self._rules)

    @property
    def _rules(self) -> list[Alignment]:
        return [layer.learning_rule for layer in self.layers if layer.learning_rule is not None]

    def alignment_gradients(self, inputs: Sequence[LayerInputs]) -> list[tf.Tensor]:
        """Return R's gradient for each layer's backward kernel. R is the plain sum over layers."""
        gradients: list[tf.Tensor] = []
        for layer, given in zip(self.layers, inputs, strict=True):
            kernel = layer.backward_kernel.value
            # One layer after the other saves memory, as each layer's outputs are freed before the
            # next. With pseudogradients this order isn't enforced: TensorFlow reuses a kernel
            # gradient that J has computed only if the operation has no control dependency.
            before = [] if self.needs_pseudogradients else gradients[-1:]
            with tf.control_dependencies(before):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(kernel)
                    term = self.share * layer.alignment_loss(**given)
                gradients.append(tape.gradient(term, kernel))
        return gradients

    def alignment_value(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return this replica's share of R at the current weights.

        Batch norm uses its moving moments and doesn't update them.
        """
        if self.needs_pseudogradients:
            inputs = self.loss_and_inputs(images, labels, seed, training=False)[1]
        else:
            inputs = self.alignment_inputs(images, seed, training=False)
        terms = [
            layer.alignment_loss(**given) for layer, given in zip(self.layers, inputs, strict=True)
        ]
        return self.share * tf.add_n(terms)

    def gradient_angles(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the angles (layers,) in degrees between J's pseudogradients and true gradients.

        J is without the L2 penalty here. Batch norm uses its moving moments and doesn't update
        them. See `weight_metrics.gradient_angles`.
        """

        def loss() -> tf.Tensor:
            logits = self._logits(images, MEASURING_SEED, training=False)
            return tf.reduce_mean(_cross_entropy(labels, logits))

        return self.share * gradient_angles(loss, self.layers)

    def alignment_inputs(
        self, images: tf.Tensor, seed: tf.Tensor, *, training: bool
    ) -> list[LayerInputs]:
        """Return the arguments of each layer's term of R.

        If R doesn't need activations, no forward pass runs, and only the inputs' shapes are given.

        Args:
            images: (batch, height, width, channels).
            seed: seed of the noise (2,).
            training: whether batch norm uses the batch's moments or the moving ones.
        """
        if self.needs_activations:
            with recording() as calls:
                self.model(images, training=training)
            return self._inputs(self._in_order(calls), seed)
        shapes = [(images.shape[0], *layer.aligned_input_shape) for layer in self.layers]
        return self._with_noise([{"x_or_shape": shape} for shape in shapes], seed)

    def _inputs(
        self, calls: Sequence[Call], seed: tf.Tensor, pseudogradients: Sequence[Any] = ()
    ) -> list[LayerInputs]:
        inputs = [{"x_or_shape": call.x, "product": call.product} for call in calls]
        for given, pseudogradient in zip(inputs, pseudogradients, strict=False):
            given["pseudogradient"] = pseudogradient
        return self._with_noise(inputs, seed)

    def _with_noise(self, inputs: list[LayerInputs], seed: tf.Tensor) -> list[LayerInputs]:
        """Add noise for each layer whose rule draws noise.

        All layers of a rule share one block of numbers, because drawing noise for each layer costs
        more than a convolution. Each layer's term is distributed as with its own noise; the terms
        of different layers are correlated.
        """
        noisy = [pair for pair in zip(self._rules, inputs, strict=True) if pair[0].draws_noise]
        sizes: dict[Alignment, int] = {}
        for rule, given in noisy:
            sizes[rule] = max(sizes.get(rule, 0), _size(given["x_or_shape"]))
        dtype = self.layers[0].backward_kernel.dtype
        blocks = {rule: rule.draw_noise(size, seed, dtype) for rule, size in sizes.items()}
        for rule, given in noisy:
            given["noise"] = blocks[rule]
        return inputs

    def _logits(self, images: tf.Tensor, draws: Any, *, training: bool) -> tf.Tensor:
        """Return the network's outputs, with the random numbers and the error that rules need."""
        # Noise in R's inputs folds 0 into the same seed first.
        with drawing(tf.random.fold_in(draws, 1)), recording() as calls:
            outputs = self.model(images, training=training)
        return send_error(tf.cast(outputs, tf.float32), calls)

    def _in_order(self, calls: Sequence[Call]) -> list[Call]:
        by_layer = {id(call.layer): call for call in calls}
        return [by_layer[id(layer)] for layer in self.layers]

    def evaluate(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the sum of J and the number of right answers (2,), without padding rows."""
        logits = self._logits(images, MEASURING_SEED, training=False)
        losses = _cross_entropy(tf.maximum(labels, 0), logits)
        total = tf.reduce_sum(tf.where(labels == PADDING_LABEL, 0.0, losses))
        return tf.stack([total, tf.reduce_sum(_right(labels, logits))])


def _size(x_or_shape: Any) -> int:
    return math.prod(getattr(x_or_shape, "shape", x_or_shape))


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def _right(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels, tf.float32)
