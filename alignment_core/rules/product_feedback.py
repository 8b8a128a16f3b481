"""Product feedback alignment (Li and Benna 2024): two backward kernels in a row."""

from typing import Any, ClassVar

import keras
import tensorflow as tf

from alignment_core.rules.alignment import Alignment


class ProductFeedbackAlignment(Alignment):
    """Product feedback alignment (PFA): the gradient passes through F, then through B.

    F (units, expansion * units) is fixed and random, B (expansion * units, inputs) learns as under
    Kolen-Pollack. For the gradient g at a dense layer's output and plain gradient descent at
    learning rate eta

        dx = g F B,  Delta W = -eta (x^T g + weight_decay W),  Delta B = -eta ((g F)^T x + decay B)

    With `decay` equal to J's weight decay, B - F^T W^T follows a linear recursion that doesn't
    depend on the data, and goes to zero. F B then goes to F F^T W^T, which is nearly W^T: F's
    variance is 1 / (expansion * units), so F F^T is the identity on average. No entry of F or B
    belongs to an entry of W, so no single connection mirrors another one. In a convolution B is a
    convolution and F mixes its channels. (The paper calls F and B "B" and "R".)

    B is the layer's `backward_kernel`, F its `feedback_kernel`. R is decay, and is added to J, as
    under `KolenPollack`.

        >>> layer = Dense(2, learning_rule=ProductFeedbackAlignment(decay=1e-3))
        >>> layer.build((None, 3))
        >>> tuple(layer.feedback_kernel.shape), tuple(layer.backward_kernel.shape)
        ((2, 20), (20, 3))

    Attributes:
        expansion: units between F and B for each unit of the layer; 10 is the paper's. A subclass
            may set another number.

    Source: Li and Benna 2024 (arXiv 2405.20594) and its authors' published code.
    """

    primitives = ("decay",)
    tie_gradients = True
    backward_initializer = "glorot_uniform"
    expansion: ClassVar[int] = 10

    def backward_units(self, units: int) -> int:
        """Return the number of units between F and B."""
        return self.expansion * units

    def add_variables(self, layer: Any) -> None:
        """Add F, the layer's `feedback_kernel`."""
        units = layer.kernel.shape[-1]
        # F F^T is the identity on average. A network is drawn anew by its layers' initializers.
        layer.feedback_kernel_initializer = keras.initializers.VarianceScaling(
            1.0, "fan_out", "uniform"
        )
        layer.feedback_kernel = layer.add_weight(
            name="feedback_kernel",
            shape=(units, self.backward_units(units)),
            initializer=layer.feedback_kernel_initializer,
            trainable=False,
        )

    def propagating_kernel(self, layer: Any) -> Any:
        """Return the product F B in the layout and shape of a backward kernel of W's shape."""
        second = layer.as_backward(tf.convert_to_tensor(layer.backward_kernel))
        first = tf.convert_to_tensor(layer.feedback_kernel)
        return layer.as_backward(tf.tensordot(second, first, [[-1], [1]]))
