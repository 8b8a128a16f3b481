"""What a training minimizes: J and R of one network, on a batch."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.layers.aligned import Call, aligned_layers, recording
from alignment_core.rules.alignment import Alignment
from alignment_core.training.weight_metrics import gradient_angles

LayerInputs = dict[str, Any]
"""What one layer's term of R takes, by its name in `AlignedLayer.alignment_loss`."""


class Objectives:
    """J and R of one network, as functions of a batch."""

    def __init__(self, model: Any, weight_decay: tf.Variable) -> None:
        """`weight_decay` is lambda of the penalty lambda/2 |w|^2."""
        self.model = model
        self.layers = aligned_layers(model)
        self.tied = [
            layer
            for layer in self.layers
            if layer.learning_rule is not None and layer.learning_rule.tie_gradients
        ]
        self.kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
        self.weight_decay = weight_decay
        # Each replica holds its share of the batch, and gradients are summed over replicas.
        self.share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync

    def loss(
        self, images: tf.Tensor, labels: tf.Tensor, *, training: bool = True
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """J with its L2 penalty, and (J without it, accuracy), shape (2,).

        The penalty is on forward kernels alone: not on backward kernels, biases or batch
        norm (published code of Kunin et al. 2020). A rule that ties gradients adds its R,
        so that J's optimizer moves its backward kernels by all of their gradient.
        `training` says by which moments batch norm normalizes.
        """
        logits = self._logits(images, training=training)
        loss = tf.reduce_mean(_cross_entropy(labels, logits))
        penalty = tf.add_n([tf.nn.l2_loss(kernel.value) for kernel in self.kernels])
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
        training: bool = True,
    ) -> tuple[list[tf.Tensor], list[LayerInputs], tf.Tensor]:
        """J's gradients for `variables`, what R needs of the same forward pass, `loss`'s extra.

        J's pseudogradients are of the same backward pass, if R needs them.
        """
        with recording() as calls, tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            if self.needs_pseudogradients:
                tape.watch([layer.kernel.value for layer in self.layers])
            loss, statistics = self.loss(images, labels, training=training)
        calls = self._in_order(calls)
        products = [call.product for call in calls] if self.needs_pseudogradients else []
        gradients, found = tape.gradient(loss, [list(variables), products])
        # R has its own share taken of it.
        pseudogradients = [gradient / self.share for gradient in found]
        return gradients, self._inputs(calls, seed, pseudogradients), statistics

    @property
    def needs_activations(self) -> bool:
        """Whether R takes the layers' inputs from a forward pass."""
        return any(rule.needs_activations for rule in self._rules)

    @property
    def needs_pseudogradients(self) -> bool:
        """Whether R takes pseudogradients from J's backward pass."""
        return any(rule.needs_pseudogradients for rule in self._rules)

    @property
    def _rules(self) -> list[Alignment]:
        return [layer.learning_rule for layer in self.layers if layer.learning_rule is not None]

    def alignment_gradients(self, inputs: Sequence[LayerInputs]) -> list[tf.Tensor]:
        """R's gradient for each layer's backward kernel: R is the plain sum over layers."""
        gradients: list[tf.Tensor] = []
        for layer, given in zip(self.layers, inputs, strict=True):
            kernel = layer.backward_kernel.value
            # Layer after layer, for the memory's sake: each has its outputs to itself. But a
            # kernel's gradient that J has formed is found again only where it waits for nothing.
            before = [] if self.needs_pseudogradients else gradients[-1:]
            with tf.control_dependencies(before):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(kernel)
                    term = self.share * layer.alignment_loss(**given)
                gradients.append(tape.gradient(term, kernel))
        return gradients

    def alignment_value(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """This replica's share of R as it stands.

        Batch norm normalizes by its moving moments, so that nothing moves.
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
        """Degrees between pseudogradient and true gradient of J, layer by layer: metrics.py.

        Without the L2 penalty, and by batch norm's moving moments, so that nothing moves.
        """

        def loss() -> tf.Tensor:
            return tf.reduce_mean(_cross_entropy(labels, self._logits(images, training=False)))

        return self.share * gradient_angles(loss, self.layers)

    def alignment_inputs(
        self, images: tf.Tensor, seed: tf.Tensor, *, training: bool
    ) -> list[LayerInputs]:
        """What R needs of each layer: its input, or the mere shape of it, without any forward pass.

        `training` says by which moments batch norm normalizes in that forward pass.
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
        """Add the noise of the layers that want it: the first numbers of one block.

        Each layer's term is what it would be with noise of its own, which costs more than
        a convolution; over the steps, terms of several layers are correlated.
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

    def _logits(self, images: tf.Tensor, *, training: bool) -> tf.Tensor:
        return tf.cast(self.model(images, training=training), tf.float32)

    def _in_order(self, calls: Sequence[Call]) -> list[Call]:
        by_layer = {id(call.layer): call for call in calls}
        return [by_layer[id(layer)] for layer in self.layers]

    def evaluate(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """(Sum of J, right answers), shape (2,), over the rows with a label of their own."""
        logits = self._logits(images, training=False)
        losses = _cross_entropy(tf.maximum(labels, 0), logits)
        total = tf.reduce_sum(tf.where(labels == PADDING_LABEL, 0.0, losses))
        return tf.stack([total, tf.reduce_sum(_right(labels, logits))])


def _size(x_or_shape: Any) -> int:
    return math.prod(getattr(x_or_shape, "shape", x_or_shape))


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def _right(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels, tf.float32)
