"""Dense and convolutional layers with Keras's arguments and a learning rule.

Kunin et al. 2020, App. A.1. Under a rule a layer owns a second kernel, drawn from the same
initializer, which takes the forward kernel's place when gradients are propagated. Without
a rule the layer is Keras's own, backpropagation, at Keras's own cost.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers import ops
from alignment_core.rules.alignment import Alignment


class Call(NamedTuple):
    """One call of a layer: its input, and its product with the forward kernel, before the bias."""

    layer: "AlignedLayer"
    x: Any
    product: Any


_recorded: ContextVar[list[Call] | None] = ContextVar("recorded", default=None)
_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def recording() -> Iterator[list[Call]]:
    """Collect each call of a layer under a rule, in order.

    Rules that need activations take their inputs from here. Inside a tf.function the
    inputs are that function's symbolic tensors and are of use there only.
    """
    calls: list[Call] = []
    token = _recorded.set(calls)
    try:
        yield calls
    finally:
        _recorded.reset(token)


@contextmanager
def exact_gradients() -> Iterator[None]:
    """Let each layer called in here propagate through its forward kernel: true gradients."""
    token = _exact.set(True)
    try:
        yield
    finally:
        _exact.reset(token)


def aligned_layers(model: Any) -> list["AlignedLayer"]:
    """Return the model's layers that have a learning rule, nested models' included."""
    found: list[AlignedLayer] = []
    for layer in model.layers:
        if isinstance(layer, AlignedLayer):
            if layer.learning_rule is not None:
                found.append(layer)
        elif hasattr(layer, "layers"):
            found.extend(aligned_layers(layer))
    return found


class AlignedLayer(keras.layers.Layer):
    """What `Dense` and `Conv2D` share: a learning rule and the backward kernel that it trains.

    Attributes:
        learning_rule: the rule, or None for backpropagation.
        relu_follows: whether a ReLU follows directly; FO ReLU and BO ReLU act only then.
        backward_kernel: under a rule, the second kernel. It is not trainable, so that
            `model.trainable_variables` stays the list that the cost J trains.
        aligned_input_shape: once built, the input's shape without the batch.
    """

    def __init__(
        self,
        *args: Any,
        learning_rule: Alignment | None = None,
        relu_follows: bool = False,
        **kwargs: Any,
    ) -> None:
        """Take Keras's arguments, the rule, and whether a ReLU follows.

        `activation="relu"` says already that a ReLU follows.

        Raises:
            ConfigurationError: a rule together with something that it can't handle.
        """
        super().__init__(*args, **kwargs)
        self.learning_rule = learning_rule
        self.relu_follows = relu_follows or self.activation is keras.activations.relu
        if learning_rule is not None:
            self._refuse(self._unsupported())

    def build(self, input_shape: Any) -> None:
        """Create Keras's weights and, under a rule, the backward kernel.

        Raises:
            ConfigurationError: an input shape that a rule can't handle.
        """
        if self.learning_rule is not None:
            self._refuse(self._unsupported_input(len(input_shape)))
        super().build(input_shape)
        self.aligned_input_shape = tuple(input_shape[1:])
        if self.learning_rule is not None:
            kernel_shape = tuple(self.kernel.shape)
            initializer = _other_draw(self.kernel_initializer)
            self.backward_kernel = self.add_weight(
                name="backward_kernel",
                shape=self._backward_shape(kernel_shape),
                # Drawn in the forward kernel's shape, from which the fan-in is read.
                initializer=lambda _, dtype: self.as_backward(initializer(kernel_shape, dtype)),
                trainable=False,
            )

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the layer as Keras does.

        Raises:
            ConfigurationError: an input whose shape is not what the layer was built for.
        """
        if self.built and self.learning_rule is not None:
            self._refuse_other_shape(inputs.shape)
        return super().__call__(inputs, *args, **kwargs)

    def alignment_loss(
        self, x_or_shape: Any, noise: Any = None, pseudogradient: Any = None, product: Any = None
    ) -> Any:
        """Return this layer's term of R (see Alignment.__call__).

        Raises:
            ConfigurationError: the layer has no learning rule, or `x_or_shape` is of a shape
                that the layer wasn't built for.
        """
        if self.learning_rule is None:
            raise ConfigurationError(
                f"layer {self.name!r} has no learning rule and so no alignment loss; "
                "give it a learning_rule"
            )
        if x_or_shape is not None:
            self._refuse_other_shape(getattr(x_or_shape, "shape", x_or_shape))
        return self.learning_rule(self, x_or_shape, noise, pseudogradient, product)

    def get_config(self) -> dict[str, Any]:
        """Return Keras's configuration with the rule and whether a ReLU follows."""
        rule = self.learning_rule
        return {
            **super().get_config(),
            "learning_rule": rule and keras.saving.serialize_keras_object(rule),
            "relu_follows": self.relu_follows,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make the layer that `get_config` described; its rule is the layer's own copy."""
        rule = config["learning_rule"]
        if isinstance(rule, Mapping):
            rule = keras.saving.deserialize_keras_object(rule)
        return super().from_config({**config, "learning_rule": rule})

    def save_own_variables(self, store: Any) -> None:
        """Write Keras's weights and the backward kernel."""
        super().save_own_variables(store)
        if self.built and self.learning_rule is not None:
            store["backward_kernel"] = self.backward_kernel

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote."""
        super().load_own_variables(store)
        if self.built and self.learning_rule is not None:
            self.backward_kernel.assign(store["backward_kernel"])

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the forward kernel in the backward kernel's layout."""
        return forward_kernel

    def _backward_shape(self, kernel_shape: tuple[int, ...]) -> tuple[int, ...]:
        return kernel_shape

    def _product(self, multiply: Callable[..., Any], *operands: Any) -> Any:
        """Multiply in the dtype that the layer computes in; the operands' own otherwise."""
        narrow = [tf.cast(operand, self.compute_dtype) for operand in operands]
        return tf.cast(multiply(*narrow), self.variable_dtype)

    def _propagating_kernel(self) -> Any:
        if _exact.get():
            return tf.stop_gradient(self.as_backward(tf.convert_to_tensor(self.kernel)))
        return tf.convert_to_tensor(self.backward_kernel)

    def _record(self, inputs: Any, product: Any) -> None:
        calls = _recorded.get()
        if calls is not None:
            calls.append(Call(self, inputs, product))

    def _refuse_other_shape(self, shape: Any) -> None:
        built = self.aligned_input_shape
        if len(shape) == len(built) + 1 and shape[-1] == built[-1]:
            return
        wanted, given = (", ".join(map(str, each)) for each in (built, shape[1:]))
        raise ConfigurationError(
            f"layer {self.name!r} was built for inputs of shape (batch, {wanted}) and can't take "
            f"(batch, {given}): give it the former, or build another layer"
        )

    def _refuse(self, problems: Mapping[str, bool]) -> None:
        found = [problem for problem, present in problems.items() if present]
        if found:
            raise ConfigurationError(
                f"layer {self.name!r}: a learning rule does not work with {' and '.join(found)}; "
                "change that, or set learning_rule=None"
            )

    def _unsupported(self) -> dict[str, bool]:
        raise NotImplementedError

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        raise NotImplementedError


@keras.saving.register_keras_serializable("alignment_core")
class Dense(AlignedLayer, keras.layers.Dense):
    """keras.layers.Dense with a learning rule; its backward kernel is (units, inputs)."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Map (batch, inputs) to (batch, units)."""
        if self.learning_rule is None:
            return super().call(inputs, training=training)
        outputs = ops.matmul(
            inputs,
            tf.convert_to_tensor(self.kernel),
            self._propagating_kernel(),
            tie_gradients=self.learning_rule.tie_gradients,
        )
        self._record(inputs, outputs)
        if self.bias is not None:
            outputs += tf.convert_to_tensor(self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the linear output (batch, units) of the forward kernel."""
        return self._product(tf.matmul, x, forward_kernel)

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the linear output (batch, units) of the backward kernel."""
        return self._product(partial(tf.matmul, transpose_b=True), x, backward_kernel)

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the (batch, inputs) that the backward kernel makes of (batch, units)."""
        return self._product(tf.matmul, output, backward_kernel)

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return what `upstream` (batch, units) gives the kernel, (units, inputs)."""
        return self.as_backward(self._product(ops.matmul_gradient, x, upstream))

    def as_backward(self, forward_kernel: Any) -> Any:
        """Return the forward kernel transposed."""
        return tf.transpose(forward_kernel)

    def _backward_shape(self, kernel_shape: tuple[int, ...]) -> tuple[int, ...]:
        return kernel_shape[::-1]

    def _unsupported(self) -> dict[str, bool]:
        return {"lora_rank": self.lora_rank is not None}

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        return {f"an input of rank {rank} (flatten it to (batch, features))": rank != 2}


@keras.saving.register_keras_serializable("alignment_core")
class Conv2D(AlignedLayer, keras.layers.Conv2D):
    """keras.layers.Conv2D with a learning rule; both kernels have one shape.

    oneDNN in TensorFlow 2.21 writes past its memory in the filter gradient of a 1x1 convolution
    with strides, fewer than 16 channels in, and some 500 positions out or more: the process dies.
    Such a convolution is one without strides over the pixels that the strides meet, and is
    computed so: the same numbers, at such widths at the same cost.
    """

    def build(self, input_shape: Any) -> None:
        """See AlignedLayer."""
        super().build(input_shape)
        thins = (
            self.kernel_size == (1, 1)
            and self.kernel.shape[2] < ops.ONEDNN_CHANNELS
            and self.data_format == "channels_last"
        )
        self._thinning = self.strides if thins else (1, 1)
        self._steps = (1, 1) if thins else self.strides

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve (batch, height, width, channels) with `kernel`."""
        if self.learning_rule is None:
            if self._thinning == (1, 1):
                return super().convolution_op(inputs, kernel)
            thinned = ops.thin(inputs, self._thinning)
            return keras.ops.conv(thinned, kernel, strides=1, padding=self.padding)
        outputs = ops.conv2d(
            ops.thin(inputs, self._thinning),
            tf.convert_to_tensor(kernel),
            self._propagating_kernel(),
            strides=self._steps,
            padding=self.padding.upper(),
            tie_gradients=self.learning_rule.tie_gradients,
        )
        self._record(inputs, outputs)
        return outputs

    def project(self, x: Any, forward_kernel: Any) -> Any:
        """Return the convolution of (batch, height, width, channels) with the forward kernel."""
        convolve = partial(tf.nn.conv2d, strides=self._steps, padding=self.padding.upper())
        return self._product(convolve, ops.thin(x, self._thinning), forward_kernel)

    def project_backward(self, x: Any, backward_kernel: Any) -> Any:
        """Return the same convolution with the backward kernel."""
        return self.project(x, backward_kernel)

    def reconstruct(self, output: Any, backward_kernel: Any, input_shape: Any) -> Any:
        """Return the transposed convolution of an output with the backward kernel."""
        if self._thinning != (1, 1):
            pixels = self._product(ops.transposed_pixelwise, output, backward_kernel)
            return ops.spread(pixels, self._thinning, input_shape)
        transposed = partial(
            tf.nn.conv2d_transpose,
            output_shape=input_shape,
            strides=self.strides,
            padding=self.padding.upper(),
        )
        return self._product(transposed, output, backward_kernel)

    def kernel_gradient(self, x: Any, upstream: Any) -> Any:
        """Return what `upstream`, of the convolution's output, gives the kernel."""
        gradient = partial(ops.conv2d_gradient, strides=self._steps, padding=self.padding.upper())
        shape = self.kernel.shape
        thinned = ops.thin(x, self._thinning)
        return self._product(lambda x, g: gradient(x, shape, g), thinned, upstream)

    def _unsupported(self) -> dict[str, bool]:
        return {
            f"groups={self.groups}": self.groups != 1,
            f"dilation_rate={self.dilation_rate}": self.dilation_rate != (1, 1),
            f"data_format={self.data_format!r}": self.data_format != "channels_last",
            "lora_rank": self.lora_rank is not None,
        }

    def _unsupported_input(self, rank: int) -> dict[str, bool]:
        return {f"an input of rank {rank}": rank != 4}


def _other_draw(initializer: Any) -> Callable[..., Any]:
    # A Keras initializer seeded by an integer, given or drawn, repeats itself at every call. One
    # without a seed is constant; one with a SeedGenerator goes on to other numbers by itself.
    seed = getattr(initializer, "seed", None)
    if not isinstance(seed, int):
        return initializer
    other = int(np.random.SeedSequence((seed, 1)).generate_state(1)[0])
    return type(initializer).from_config({**initializer.get_config(), "seed": other})
