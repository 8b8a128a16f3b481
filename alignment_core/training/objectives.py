"""The objectives of a training: J and R of one network on a batch."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from alignment_core.data.pipeline import PADDING_LABEL
from alignment_core.layers.contexts import exact_gradients, recording
from alignment_core.layers.direct import send_error
from alignment_core.layers.walk import all_layers
from alignment_core.rules.draws import drawing
from alignment_core.training.regularization import Calls, Regularization
from alignment_core.training.weight_metrics import gradient_angles

MEASURING_SEED = (0, 0)
"""Seed of the backward kernels that a rule draws anew, where metrics are measured: metrics of the
same weights are then the same numbers."""


class Objectives:
    """J and R of one network, as functions of a batch.

    Attributes:
        model: the network, from images to logits.
        regularization: R of the network.
        layers: all layers with a rule.
        penalized: the variables that the L2 penalty is on.
        weight_decay: lambda of the L2 penalty.
    """

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
        self.regularization = Regularization(model)
        self.layers = self.regularization.layers
        self.penalized = forward_kernels(model)
        if decays_biases:
            self.penalized += biases(model)
        self.weight_decay = weight_decay

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
        return self._loss(self._logits(images, draws, training=training), labels)

    def _loss(self, logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss = tf.reduce_mean(_cross_entropy(labels, logits))
        total = loss
        if self.penalized:
            penalty = tf.add_n([tf.nn.l2_loss(each.value) for each in self.penalized])
            total += self.weight_decay * penalty
        if self.model.losses:
            # Regularizers of a network of one's own.
            total += tf.add_n(self.model.losses)
        if self.regularization.tied:
            total += self.regularization.tied_term()
        accuracy = tf.reduce_mean(_right(labels, logits))
        share = self.regularization.share
        return share * total, share * tf.stack([loss, accuracy])

    def gradients_and_calls(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        seed: tf.Tensor,
        variables: Sequence[Any] = (),
        *,
        draws: Any = MEASURING_SEED,
        training: bool = True,
    ) -> tuple[list[tf.Tensor], Calls, tf.Tensor]:
        """Run one forward and backward pass for both J and R.

        Returns:
            J's gradients for `variables`; the layers' calls; and the statistics of `loss`.
        """

        def loss() -> tuple[tf.Tensor, tf.Tensor]:
            return self._loss(self._logits(images, draws, training=training), labels)

        return self.regularization.gradients_and_calls(loss, variables, seed, training=training)

    def alignment_value(self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return this replica's share of R at the current weights.

        Batch norm uses its moving moments and doesn't update them.
        """
        if self.regularization.needs_pseudogradients:
            calls = self.gradients_and_calls(images, labels, seed, training=False)[1]
        else:
            calls = self.regularization.calls(images, seed, training=False)
        return self.regularization.value(calls)

    def gradient_angles(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the angles (layers,) in degrees between J's pseudogradients and true gradients.

        J is without the L2 penalty here. Batch norm uses its moving moments and doesn't update
        them. See `weight_metrics.gradient_angles`.
        """

        def loss() -> tf.Tensor:
            logits = self._logits(images, MEASURING_SEED, training=False)
            return tf.reduce_mean(_cross_entropy(labels, logits))

        return self.regularization.share * gradient_angles(loss, self.layers)

    def attack_direction(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the signs (batch, ...) of J's true gradient for the images.

        A step in this direction is an attack by the fast gradient sign method (Goodfellow, Shlens
        and Szegedy 2015, arXiv 1412.6572). Batch norm uses its moving moments. Rows of padding have
        no direction of their own and are to be ignored.
        """
        with exact_gradients(), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            logits = self._logits(images, MEASURING_SEED, training=False)
            loss = tf.reduce_sum(_cross_entropy(tf.maximum(labels, 0), logits))
        return tf.sign(tape.gradient(loss, images))

    def _logits(self, images: tf.Tensor, draws: Any, *, training: bool) -> tf.Tensor:
        """Return the network's outputs, with the random numbers and the error that rules need."""
        # Layers that are recorded leave their term of R to the regularization. Noise in R's inputs
        # folds 0 into the same seed first.
        with drawing(tf.random.fold_in(draws, 1)), recording() as calls:
            outputs = self.model(images, training=training)
        return tf.cast(send_error(outputs, calls, self.model), tf.float32)

    def evaluate(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the sum of J and the number of right answers (2,), without padding rows."""
        logits = self._logits(images, MEASURING_SEED, training=False)
        losses = _cross_entropy(tf.maximum(labels, 0), logits)
        total = tf.reduce_sum(tf.where(labels == PADDING_LABEL, 0.0, losses))
        return tf.stack([total, tf.reduce_sum(_right(labels, logits))])


def forward_kernels(model: Any) -> list[Any]:
    """Return the forward kernels of all layers, nested to any depth, each once."""
    return [
        layer.kernel
        for layer in all_layers(model)
        if isinstance(getattr(layer, "kernel", None), keras.Variable)
    ]


def biases(model: Any) -> list[Any]:
    """Return the biases of all layers that have a forward kernel, each once."""
    return [
        layer.bias
        for layer in all_layers(model)
        if isinstance(getattr(layer, "kernel", None), keras.Variable)
        and isinstance(getattr(layer, "bias", None), keras.Variable)
    ]


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def _right(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.argmax(logits, axis=-1, output_type=tf.int32) == labels, tf.float32)
