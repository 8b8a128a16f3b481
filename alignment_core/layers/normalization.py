"""Batch normalization as one fused kernel."""

from typing import Any

import keras
import tensorflow as tf


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer over channels-last images, by TensorFlow's fused kernel.

    One operation forward and one backward instead of some twenty: on small networks
    that is a good part of a step. As in TensorFlow 1's fused kernel the moving variance
    takes the batch's unbiased variance, where Keras's takes the biased one.

    Defaults are the residual networks': momentum 0.9, epsilon 1e-5 (published code of
    Kunin et al. 2020).
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def add_weight(self, *args: Any, trainable: bool = True, **kwargs: Any) -> Any:
        """Keras's; replicas keep one moving moment, the mean of what their shares give."""
        aggregation = "none" if trainable else "mean"
        return super().add_weight(*args, trainable=trainable, aggregation=aggregation, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Normalize (batch, height, width, channels) by the batch's or the moving moments."""
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum if training else 1.0,
            is_training=bool(training),
        )
        if training:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        return outputs
