"""Sign-concordant feedback: backward kernels that share the forward kernels' signs alone.

B = M sign(W), elementwise, in the layout of B. The rules differ in the magnitudes M: one number
for a layer (uSF), drawn once (frSF), or drawn anew for each batch (brSF). They have no R.

Source: Liao et al. 2016 ("How Important Is Weight Symmetry in Backpropagation?", arXiv
1510.05067), who name the three rules. Its magnitudes are of order one, which needs batch norm or
updates by the gradient's sign. Here they have the size of Glorot's initial weights, after Xiao et
al. 2019 (arXiv 1811.03567). The published version of BioTorch does the same.
"""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from alignment_core.rules.alignment import Alignment
from alignment_core.rules.draws import draw_uniform
from alignment_core.rules.layer_call import ProjectingLayer


class UniformSignFeedback(Alignment):
    """Uniform sign-concordant feedback (uSF): B = s sign(W).

    s is the standard deviation of Glorot's initial weights, sqrt(2 / (fan in + fan out)).

        >>> layer = Dense(4, learning_rule=UniformSignFeedback())
        >>> layer.build((None, 4))
        >>> sorted(set(tf.reshape(tf.abs(layer.propagating_kernel()), -1).numpy().tolist()))
        [0.5]

    Source: Liao et al. 2016; the scale is that of Xiao et al. 2019.
    """

    def propagating_kernel(self, layer: ProjectingLayer) -> Any:
        """Return s sign(W) in the backward kernel's layout."""
        deviation = glorot_limit(layer.kernel.shape) / math.sqrt(3)
        return deviation * _signs(layer)


class FixedRandomSignFeedback(Alignment):
    """Fixed random-magnitude sign-concordant feedback (frSF): B = |M| sign(W).

    M is drawn once, uniformly between Glorot's limits: it is the layer's `backward_kernel`.

        >>> FixedRandomSignFeedback().needs_activations
        False

    Source: Liao et al. 2016.
    """

    backward_initializer = "glorot_uniform"

    def propagating_kernel(self, layer: ProjectingLayer) -> Any:
        """Return |M| sign(W) in the backward kernel's layout."""
        magnitudes = tf.abs(tf.convert_to_tensor(layer.backward_kernel))
        return magnitudes * _signs(layer)


class BatchwiseRandomSignFeedback(Alignment):
    """Batchwise random-magnitude sign-concordant feedback (brSF): B = |M| sign(W).

    M is drawn anew for each batch, uniformly between Glorot's limits. Under `Trainer` and
    `AlignedModel` it follows from the seed, and the minibatches and the replicas of one batch share
    it. Elsewhere each call draws from TensorFlow's global generator. The layer's `backward_kernel`
    isn't used.

        >>> BatchwiseRandomSignFeedback().needs_activations
        False

    Source: Liao et al. 2016.
    """

    def propagating_kernel(self, layer: ProjectingLayer) -> Any:
        """Return |M| sign(W) in the backward kernel's layout, with another M at each call."""
        return self.magnitudes(layer) * _signs(layer)

    def magnitudes(self, layer: ProjectingLayer) -> Any:
        """Return a new |M|."""
        kernel = layer.backward_kernel
        return glorot_limit(layer.kernel.shape) * draw_uniform(kernel.shape, kernel.dtype)


class BatchwiseRandomFeedback(BatchwiseRandomSignFeedback):
    """Batchwise random feedback: B = M sign(W), where M keeps the signs that it was drawn with.

    M is symmetric about zero, so half of the signs of B differ from those of W. It is brSF as an
    early version of BioTorch had it, which its published figures may come from.

        >>> BatchwiseRandomFeedback().needs_activations
        False
    """

    def magnitudes(self, layer: ProjectingLayer) -> Any:
        """Return a new M."""
        return 2 * super().magnitudes(layer) - glorot_limit(layer.kernel.shape)


def _signs(layer: ProjectingLayer) -> Any:
    return tf.sign(layer.as_backward(tf.convert_to_tensor(layer.kernel)))


def glorot_limit(kernel_shape: Sequence[int]) -> float:
    """Return the limit of Glorot's uniform initial weights, sqrt(6 / (fan in + fan out)).

    Args:
        kernel_shape: shape of a forward kernel (..., inputs, units).

        >>> glorot_limit((3, 3, 2, 4)) == (6 / (9 * 6)) ** 0.5
        True
    """
    *positions, inputs, units = kernel_shape
    return math.sqrt(6 / (math.prod(positions) * (inputs + units)))
