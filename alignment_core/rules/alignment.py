"""The parent class of all learning rules: a weighted sum of primitives at each layer.

A learning rule is defined by the regularization R that it adds to the cost J (Kunin et al. 2020,
App. A.2). R is the plain sum of one term a layer. A term's weights are named by primitive and
not by Greek letter, because the paper and its published code give the same letters to different
primitives.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.rules.backward_pass import (
    BackwardPass,
    BackwardPassOperations,
    ProjectingLayer,
)
from alignment_core.rules.primitives import PRIMITIVES, Primitive

_NO_OPERATIONS = BackwardPassOperations()

_NEEDS: dict[str, tuple[str, ...]] = {
    "decay": ("backward_kernel",),
    "amp": ("forward_output", "backward_output"),
    "null": ("forward_reconstruction",),
    "sparse": ("backward_output",),
    "self": ("forward_kernel", "backward_kernel"),
    "angle": ("backward_output", "pseudogradient"),
}
"""The arguments of each primitive, as the names of attributes of BackwardPass."""

_OWN_NEEDS: dict[str, tuple[str, ...]] = {
    "kernels": ("forward_kernel", "backward_kernel"),
    "input": ("backward_output",),
    "pseudogradient": ("backward_output", "pseudogradient"),
}
"""The arguments that stand for the needs of a `Primitive` of one's own."""

_KERNELS = {"forward_kernel", "backward_kernel"}
"""The arguments that can be computed without the layer's input."""


class Alignment:
    """Parent of the learning rules: computes a layer's term of the regularization R.

    A subclass names the primitives that it sums, and nothing else:

        >>> class SparseMirror(Alignment):
        ...     primitives = ("amp", "sparse", "decay")
        >>> rule = SparseMirror({"amp": 1.0, "sparse": 0.5, "decay": 0.1})
        >>> rule.needs_activations
        True

    Attributes:
        primitives: names of the summed primitives, keys of `primitives.PRIMITIVES`.
        tie_gradients: whether the backward kernel also receives the forward kernel's gradient
            of the cost J. If so, J's optimizer moves the backward kernel, R is added to J, and
            R may use kernels only.
        direct: whether the error at the network's output, and not the gradient at the layer's
            output, is propagated through the backward kernel (`layers.direct`).
        backward_initializer: name of the Keras initializer of backward kernels; None is each
            layer's initializer of the forward kernel.
        weights: weight of each primitive by its name, a float or a tf.Variable.
        operations: switches of the backward pass (BackwardPassOperations).
        noise_stddev: standard deviation of the Gaussian noise that replaces the layer's input,
            or None to use the input itself.
    """

    primitives: ClassVar[tuple[str, ...]] = ()
    tie_gradients: ClassVar[bool] = False
    direct: ClassVar[bool] = False
    backward_initializer: ClassVar[str | None] = None

    def __init__(
        self,
        weights: Mapping[str, Any],
        operations: BackwardPassOperations = _NO_OPERATIONS,
        noise_stddev: Any = None,
    ) -> None:
        """Set the rule's weights, operations and noise.

        Args:
            weights: one weight for each of the rule's primitives, by name. The value of a
                tf.Variable can change later without tracing a graph again.
            operations: switches of the backward pass; all are off by default.
            noise_stddev: standard deviation of the noise that replaces the layer's input, a
                float or a tf.Variable; None uses the input itself.

        Raises:
            ConfigurationError: `weights` has other names than the rule's primitives, a weight
                isn't finite, or `noise_stddev` isn't positive.
            UnknownNameError: the class names a primitive that isn't in the table.
        """
        rule = type(self).__name__
        for name in self.primitives:
            if name not in PRIMITIVES:
                raise UnknownNameError(f"primitive of {rule}", name, PRIMITIVES)
        if set(weights) != set(self.primitives):
            raise ConfigurationError(
                f"{rule} takes weights for {_names(self.primitives)}, not for {_names(weights)}; "
                "give exactly those"
            )
        for name, weight in weights.items():
            if not isinstance(weight, tf.Variable) and not math.isfinite(weight):
                raise ConfigurationError(
                    f"{rule}: the weight of {name!r} is {weight}; give a finite number"
                )
        if (
            noise_stddev is not None
            and not isinstance(noise_stddev, tf.Variable)
            and not 0 < noise_stddev < math.inf
        ):
            raise ConfigurationError(
                f"{rule}: noise_stddev is {noise_stddev}; give a positive number, or None to "
                "align on the layer's own input"
            )
        if self.tie_gradients and self._needs_input:
            raise ConfigurationError(
                f"{rule} ties gradients, so its R is a part of J and may use kernels only "
                f"(self, decay), not {_names(self.primitives)}"
            )
        if noise_stddev is not None and self.needs_pseudogradients:
            raise ConfigurationError(
                f"{rule} multiplies pseudogradients with the inputs that they belong to, so noise "
                "can't replace the inputs; set noise_stddev to None"
            )
        self.weights = dict(weights)
        self.operations = operations
        self.noise_stddev = noise_stddev

    def backward_units(self, units: int) -> int:
        """Return the size of the backward kernel's axis that stands for the layer's units.

        Args:
            units: units of a dense layer, or channels out of a convolution.
        """
        return units

    @property
    def feedback_initializer(self) -> Any:
        """The Keras initializer of a layer's `feedback_kernel`, if the rule adds one."""
        return None

    def add_variables(self, layer: Any) -> None:
        """Add further variables of the rule to a layer that is being built; none by default."""

    def propagating_kernel(self, layer: ProjectingLayer) -> Any:
        """Return the kernel, in the backward kernel's layout, through which gradients propagate.

        With `tie_gradients`, its gradient flows on to the backward kernel.

        Args:
            layer: a built layer with this rule.
        """
        return tf.convert_to_tensor(layer.backward_kernel)

    @property
    def needs_activations(self) -> bool:
        """Whether R is computed from the layer's input, and not from noise or kernels alone."""
        return self.noise_stddev is None and self._needs_input

    @property
    def needs_pseudogradients(self) -> bool:
        """Whether R is computed from J's pseudogradient of the layer's linear output."""
        return any("pseudogradient" in _needs(name) for name in self.primitives)

    @property
    def _needs_input(self) -> bool:
        return any(set(_needs(name)) - _KERNELS for name in self.primitives)

    def __call__(
        self,
        layer: ProjectingLayer,
        x: Any,
        noise: Any = None,
        pseudogradient: Any = None,
        product: Any = None,
    ) -> Any:
        """Return the layer's term of R, a scalar that depends on the backward kernel alone.

        All other arguments of the term are behind tf.stop_gradient. The backward kernel isn't a
        trainable variable, since those belong to the cost J, so a tf.GradientTape has to watch
        it: `tape.watch(layer.backward_kernel.value)`.

        Args:
            layer: a built `Dense` or `Conv2D` of this library.
            x: the layer's input (batch, ...). Its shape must be static, so that a compiled
                graph skips an output whose value isn't fetched. If the rule draws noise, the
                shape alone is enough. If R uses kernels only, `x` may be None.
            noise: numbers from `draw_noise`, at least as many as the input has. The first ones
                replace the input. Several layers may share them.
            pseudogradient: J's pseudogradient (batch, ...) of the layer's linear output,
                averaged over the batch; required if `needs_pseudogradients`.
            product: product (batch, ...) of the input and the forward kernel, if the network
                has computed it already; saves computing it again.

        Raises:
            ConfigurationError: the rule needs noise or pseudogradients and was given none.
        """
        dtype = layer.backward_kernel.dtype
        if self.draws_noise:
            if noise is None:
                raise ConfigurationError(
                    f"layer {layer.name!r}: {type(self).__name__} aligns on noise and needs "
                    "the numbers that draw_noise returns; pass them as noise"
                )
            shape = getattr(x, "shape", x)
            x, product = tf.reshape(noise[: math.prod(shape)], shape), None
        if self.needs_pseudogradients and pseudogradient is None:
            raise ConfigurationError(
                f"layer {layer.name!r}: {type(self).__name__} needs the pseudogradient of the "
                "layer's output, which a step on R alone doesn't have; minimize J and R "
                "simultaneously"
            )
        backward_pass = BackwardPass(layer, x, self.operations, pseudogradient, product)
        terms = [
            _in_dtype(self.weights[name], dtype) * self._value(name, backward_pass)
            for name in self.primitives
        ]
        return tf.add_n(terms) if terms else tf.zeros(())

    def _value(self, name: str, backward_pass: BackwardPass) -> Any:
        primitive = PRIMITIVES[name]
        if isinstance(primitive, Primitive):
            return primitive.function(backward_pass)
        return primitive(*self._arguments(name, backward_pass))

    def _arguments(self, name: str, backward_pass: BackwardPass) -> tuple[Any, ...]:
        if name == "amp":
            return backward_pass.correlated(reconstructed="null" in self.primitives)
        if name == "angle":
            return backward_pass.propagated()
        return tuple(getattr(backward_pass, need) for need in _NEEDS[name])

    @property
    def draws_noise(self) -> bool:
        """Whether noise replaces the layer's input, so that `__call__` needs some."""
        return self.noise_stddev is not None and self._needs_input

    def draw_noise(self, size: int, seed: Any, dtype: Any = "float32") -> Any:
        """Return Gaussian numbers (size,) with the rule's standard deviation.

        Args:
            size: how many numbers to draw.
            seed: int32 tensor of shape (2,). The same seed draws the same first numbers for
                every size.
            dtype: type of the numbers.
        """
        # XLA's default generator took 30 times as long as Philox on a CPU (TensorFlow 2.21).
        # XLA's Philox draws other numbers than TensorFlow's own from the same seed.
        normals = tf.random.stateless_normal((size,), seed, dtype=dtype, alg="philox")
        return _in_dtype(self.noise_stddev, dtype) * normals

    def get_config(self) -> dict[str, Any]:
        """Return the rule's current values for `from_config`, with variables as floats."""
        return {
            "weights": {name: float(weight) for name, weight in self.weights.items()},
            "operations": asdict(self.operations),
            "noise_stddev": None if self.noise_stddev is None else float(self.noise_stddev),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Alignment":
        """Make the rule that `get_config` describes."""
        operations = BackwardPassOperations(**config["operations"])
        return cls(config["weights"], operations, config["noise_stddev"])


def _needs(name: str) -> tuple[str, ...]:
    primitive = PRIMITIVES[name]
    return _OWN_NEEDS[primitive.needs] if isinstance(primitive, Primitive) else _NEEDS[name]


def _in_dtype(value: Any, dtype: str) -> Any:
    # A float takes its factor's dtype by itself; tf.cast would round it to float32 first.
    return tf.cast(value, dtype) if isinstance(value, tf.Variable) else value


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names)) or "no primitive"
