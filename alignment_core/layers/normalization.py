"""Batch normalization as one fused TensorFlow kernel."""

from typing import Any

import keras
import tensorflow as tf

from alignment_core.errors import ConfigurationError


@keras.saving.register_keras_serializable("alignment_core")
class BatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization for channels-last images, as one fused kernel.

    It runs one operation forward and one backward instead of about twenty, which saves much of a
    small network's step. The moving variance averages the batch's unbiased variance, as
    TensorFlow 1's fused kernel does, and not the biased one, as Keras does.

    Args:
        momentum: share of the old moving moments that each batch keeps.
        epsilon: added to the variance.
        **kwargs: keyword arguments of Keras's layer.

    The defaults are those of ResNet v1 in the published code of Kunin et al. 2020.

        >>> layer = BatchNormalization()
        >>> layer(tf.zeros((2, 4, 4, 3)), training=True).shape
        TensorShape([2, 4, 4, 3])

    Raises:
        ConfigurationError: the input isn't a channels-last image, or `axis` isn't the last one,
            or `scale`, `center` or `renorm` is set to another value than Keras's default.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def build(self, input_shape: Any) -> None:
        """Create the moments, scale and offset of each channel."""
        if len(input_shape) != 4 or self.axis not in (-1, 3):
            raise ConfigurationError(
                f"layer {self.name!r} normalizes channels-last images (batch, height, width, "
                f"channels) on their last axis, not axis {self.axis} of {tuple(input_shape)}; use "
                "keras.layers.BatchNormalization"
            )
        for name, usual in (("scale", True), ("center", True), ("renorm", False)):
            if getattr(self, name, usual) is not usual:
                raise ConfigurationError(
                    f"layer {self.name!r}: the fused kernel works with {name}={usual} only; use "
                    "keras.layers.BatchNormalization"
                )
        super().build(input_shape)

    def add_weight(self, *args: Any, trainable: bool = True, **kwargs: Any) -> Any:
        """Add a Keras weight; replicas share one moving moment, the mean of their own moments."""
        aggregation = "none" if trainable else "mean"
        return super().add_weight(*args, trainable=trainable, aggregation=aggregation, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return normalized inputs (batch, height, width, channels).

        In training by the batch's moments, otherwise, and if the layer is frozen, by the moving
        moments.
        """
        training = bool(training) and self.trainable
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum if training else 1.0,
            is_training=training,
        )
        if training:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        return outputs
