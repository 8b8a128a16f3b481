"""A two-dimensional convolution with Keras's arguments and a learning rule."""

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from alignment_core.layers import ops
from alignment_core.layers.aligned import AlignedLayer
from alignment_core.layers.direct import activated, refuse_other_outputs
from alignment_core.rules.layer_call import LayerCall


@keras.saving.register_keras_serializable("alignment_core")
class Conv2D(AlignedLayer, keras.layers.Conv2D):
    """keras.layers.Conv2D with a learning rule.

    Takes the arguments of keras.layers.Conv2D, `learning_rule` and `relu_follows`
    (`AlignedLayer`). Both kernels have the shape (height, width, channels in, channels out).

        >>> layer = Conv2D(8, 3, padding="same", learning_rule=FeedbackAlignment())
        >>> layer.build((None, 6, 6, 2))
        >>> tuple(layer.backward_kernel.shape)
        (3, 3, 2, 8)

    Raises:
        ConfigurationError: a rule together with groups, dilation, channels first or LoRA.

    Source: Kunin et al. 2020, App. A.1.

    A strided 1x1 convolution with fewer than 16 input channels is computed without strides, on the
    subsampled pixels. The results and the cost are the same. oneDNN in TensorFlow 2.21 writes
    past its memory in the filter gradient of the strided form and crashes the process, from about
    500 output positions on. A kernel that covers the whole image is multiplied as a matrix.
    """

    def build(self, input_shape: Any) -> None:
        """Create the weights (`AlignedLayer.build`) and choose the strided or subsampled form."""
        super().build(input_shape)
        subsamples = (
            self.kernel_size == (1, 1)
            and self.kernel.shape[2] < ops.ONEDNN_CHANNELS
            and self.data_format == "channels_last"
        )
        self._subsampling = self.strides if subsamples else (1, 1)
        self._steps = (1, 1) if subsamples else self.strides
        self._is_plain = not any(self._unsupported().values())

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return outputs (batch, height, width, filters) of inputs (batch, height, width, ...)."""
        if self.learning_rule is None:
            return super().call(inputs)
        outputs = self._aligned_product(self._multiply, inputs, training)
        if self.use_bias:
            outputs = keras.ops.add(outputs, keras.ops.reshape(self.bias, (1, 1, 1, -1)))
        return activated(self, outputs)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return the convolution of inputs (batch, height, width, channels) without a rule."""
        if self._is_plain and ops.covers_image(inputs, kernel, self.padding.upper()):
            return ops.whole_product(inputs, tf.convert_to_tensor(kernel))
        if self._subsampling == (1, 1):
            return super().convolution_op(inputs, kernel)
        subsampled = ops.subsample(inputs, self._subsampling)
        return keras.ops.conv(subsampled, kernel, strides=1, padding=self.padding)

    def _multiply(self, inputs: Any, forward: Any, propagating: Any, **learning: Any) -> Any:
        return ops.conv2d(
            ops.subsample(inputs, self._subsampling),
            forward,
            propagating,
            strides=self._steps,
            padding=self.padding.upper(),
            **learning,
        )

    def project_error(self, error: Any, call: LayerCall) -> Any:
        """Return the transposed convolution of `error`, repeated at each position, with B.

        Raises:
            ConfigurationError: the network's outputs aren't vectors.
        """
        kernel = tf.convert_to_tensor(self.backward_kernel)
        refuse_other_outputs(error, 2, kernel.shape[-1], self.name)
        _, height, width, _ = tf.unstack(tf.shape(call.product))
        repeated = tf.tile(error[:, None, None, :], [1, height, width, 1])
        return self.reconstruct(repeated, kernel, tf.shape(call.x))

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the convolution of x (batch, height, width, channels) and the forward kernel."""
        convolve = partial(tf.nn.conv2d, strides=self._steps, padding=self.padding.upper())
        return self._product(convolve, ops.subsample(x, self._subsampling), forward_kernel)

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the convolution of x (batch, height, width, channels) and the backward kernel."""
        return self.project(x, backward_kernel)

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the transposed convolution, of shape `input_shape`, with the backward kernel."""
        if self._subsampling != (1, 1):
            pixels = self._product(ops.transposed_pixelwise, output, backward_kernel)
            return ops.spread(pixels, self._subsampling, input_shape)
        transposed = partial(
            tf.nn.conv2d_transpose,
            output_shape=input_shape,
            strides=self.strides,
            padding=self.padding.upper(),
        )
        return self._product(transposed, output, backward_kernel)

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return the backward kernel's gradient of <output, upstream>, in the kernel's shape."""
        gradient = partial(ops.conv2d_gradient, strides=self._steps, padding=self.padding.upper())
        shape = self.kernel.shape
        subsampled = ops.subsample(x, self._subsampling)
        return self._product(lambda x, g: gradient(x, shape, g), subsampled, upstream)

    def _unsupported(self) -> dict[str, bool]:
        return {
            f"groups={self.groups}": self.groups != 1,
            f"dilation_rate={self.dilation_rate}": self.dilation_rate != (1, 1),
            f"data_format={self.data_format!r}": self.data_format != "channels_last",
            "lora_rank": self.lora_rank is not None,
            "a quantized dtype": self.quantization_mode is not None,
        }

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        return {f"an input of rank {rank}": rank != 4}
