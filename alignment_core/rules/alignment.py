"""The parent class of all learning rules: a weighted sum of primitives at each layer.

A learning rule is defined by the regularization R that it adds to the cost J (Kunin et al. 2020,
App. A.2). R is the plain sum of one term a layer. A term's weights are named by primitive and
not by Greek letter, because the paper and its published code give the same letters to different
primitives.
"""

import math
import numbers
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import keras
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.rules.backward_pass import BackwardPass, BackwardPassOperations
from alignment_core.rules.layer_call import LayerCall, ProjectingLayer
from alignment_core.rules.primitives import PRIMITIVES

_NO_OPERATIONS = BackwardPassOperations()


class Alignment:
    """Parent of the learning rules: computes a layer's term of the regularization R.

    A subclass names the primitives that it sums, and nothing else:

        >>> class SparseMirror(Alignment):
        ...     primitives = ("amp", "sparse", "decay")
        >>> rule = SparseMirror(amp=1.0, sparse=0.5, decay=0.1)
        >>> rule.needs_activations
        True

    A subclass is registered with Keras, so saved models find it by its module and name. The
    module must be imported before the model is loaded.

    Attributes:
        primitives: names of the summed primitives, keys of `primitives.PRIMITIVES`.
        tie_gradients: whether the backward kernel also receives the forward kernel's gradient
            of the cost J. If so, J's optimizer moves the backward kernel, R is added to J, and
            R may use kernels only.
        direct: whether the error at the network's output, and not the gradient at the layer's
            output, is propagated through the backward kernel (`layers.direct`).
        backward_initializer: name of the Keras initializer of backward kernels; None is each
            layer's initializer of the forward kernel.
        default_weights: weights of a rule that is made without any; empty if it needs some.
        weights: weight of each primitive by its name, a float or a tf.Variable.
        operations: switches of the backward pass (BackwardPassOperations).
        noise_stddev: standard deviation of the Gaussian noise that replaces the layer's input,
            or None to use the input itself.
    """

    primitives: ClassVar[tuple[str, ...]] = ()
    tie_gradients: ClassVar[bool] = False
    direct: ClassVar[bool] = False
    backward_initializer: ClassVar[str | None] = None
    default_weights: ClassVar[Mapping[str, float]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the rule with Keras, so that saved models find it."""
        super().__init_subclass__(**kwargs)
        ours = cls.__module__.startswith("alignment_core.")
        package = "alignment_core" if ours else cls.__module__
        keras.saving.register_keras_serializable(package)(cls)

    def __init__(
        self,
        /,
        weights: Mapping[str, Any] | None = None,
        operations: BackwardPassOperations = _NO_OPERATIONS,
        noise_stddev: Any = None,
        **weight_by_primitive: Any,
    ) -> None:
        """Set the rule's weights, operations and noise.

        Args:
            weights: one weight for each of the rule's primitives, by name. The value of a
                tf.Variable can change later without tracing a graph again.
            operations: switches of the backward pass; all are off by default.
            noise_stddev: standard deviation of the noise that replaces the layer's input, a
                float or a tf.Variable; None uses the input itself.
            **weight_by_primitive: the same weights as keywords, for example amp=1.0.

        Raises:
            ConfigurationError: the weights have other names than the rule's primitives, a weight
                isn't finite, or `noise_stddev` isn't positive.
            UnknownNameError: a subclass names a primitive that doesn't exist.
        """
        rule = type(self).__name__
        for name in self.primitives:
            if name not in PRIMITIVES:
                raise UnknownNameError(f"primitive of {rule}", name, PRIMITIVES)
        if weights is not None and weight_by_primitive:
            raise ConfigurationError(
                f"{rule} takes its weights as a mapping or as keywords, not both"
            )
        if weights is None:
            weights = weight_by_primitive or self.default_weights
        if set(weights) != set(self.primitives):
            example = ", ".join(f"{name}=1.0" for name in self.primitives)
            found = f"not for {_names(weights)}" if weights else "and was given none"
            raise ConfigurationError(
                f"{rule} takes weights for {_names(self.primitives)}, {found}; "
                f"give exactly those: {rule}({example})"
            )
        for name, weight in weights.items():
            if not isinstance(weight, tf.Variable) and not _is_finite(weight):
                raise ConfigurationError(
                    f"{rule}: the weight of {name!r} is {weight}; give a finite number"
                )
        if (
            noise_stddev is not None
            and not isinstance(noise_stddev, tf.Variable)
            and not (_is_finite(noise_stddev) and noise_stddev > 0)
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

    @property
    def has_own_loss(self) -> bool:
        """True if R is a loss of its own, which trains the backward kernel."""
        return bool(self.primitives) and not self.tie_gradients

    @property
    def trains_backward_kernel(self) -> bool:
        """True if R or the cost J moves the backward kernel."""
        return bool(self.primitives) or self.tie_gradients

    @property
    def needs_activations(self) -> bool:
        """True if R is computed from the layer's input, and not from noise or kernels alone."""
        return self.noise_stddev is None and self._needs_input

    @property
    def needs_pseudogradients(self) -> bool:
        """True if R is computed from J's pseudogradient of the layer's linear output."""
        return any(PRIMITIVES[name].needs == "pseudogradient" for name in self.primitives)

    @property
    def _needs_input(self) -> bool:
        return any(PRIMITIVES[name].needs != "kernels" for name in self.primitives)

    def backward_units(self, units: int) -> int:
        """Return the size of the backward kernel's axis that stands for the layer's units.

        Args:
            units: units of a dense layer, or channels out of a convolution.
        """
        return units

    def add_variables(self, layer: Any) -> None:
        """Add further variables of the rule to a layer that is being built; none by default."""

    def propagating_kernel(self, layer: ProjectingLayer) -> Any:
        """Return the kernel, in the backward kernel's layout, through which gradients propagate.

        With `tie_gradients`, its gradient flows on to the backward kernel.

        Args:
            layer: a built layer with this rule.
        """
        return tf.convert_to_tensor(layer.backward_kernel)

    def __call__(
        self,
        layer: ProjectingLayer,
        calls: Sequence[LayerCall] = (),
        *,
        primitives: Collection[str] | None = None,
        valued: bool = True,
    ) -> Any:
        """Return the layer's term of R, a scalar that depends on the backward kernel alone.

        All other arguments of the term are behind tf.stop_gradient. A tf.GradientTape that watches
        no accessed variables has to watch the backward kernel:
        `tape.watch(layer.backward_kernel.value)`.

        Primitives of the kernels alone count once. All others are summed over the calls, as they
        are summed over the positions of an image.

        Args:
            layer: a built `Dense` or `Conv2D` of this library.
            calls: the layer's calls in one forward pass. None are needed if R uses kernels only.
            primitives: the primitives to sum; None sums all of the rule.
            valued: whether the value is fetched too. If only the gradient is, False may save a
                product, provided that the input's shape is static. Values and gradients are equal
                up to rounding.

        Raises:
            ConfigurationError: the rule needs a call, noise or pseudogradients and was given none.
        """
        dtype = layer.backward_kernel.dtype
        chosen = [n for n in self.primitives if primitives is None or n in primitives]
        read = calls[0].kernel if calls else None
        once = [BackwardPass(LayerCall(layer, kernel=read), self.operations)]
        passes = [self._backward_pass(call, valued=valued) for call in calls]
        if not passes and any(PRIMITIVES[name].needs != "kernels" for name in chosen):
            raise ConfigurationError(
                f"layer {layer.name!r}: {type(self).__name__} needs the layer's calls; pass the "
                "LayerCall of each"
            )
        terms = [
            _in_dtype(self.weights[name], dtype) * PRIMITIVES[name].function(backward_pass)
            for name in chosen
            for backward_pass in (once if PRIMITIVES[name].needs == "kernels" else passes)
        ]
        return tf.add_n(terms) if terms else tf.zeros((), dtype)

    def _backward_pass(self, call: LayerCall, *, valued: bool) -> BackwardPass:
        if self.draws_noise:
            if call.noise is None:
                raise ConfigurationError(
                    f"layer {call.layer.name!r}: {type(self).__name__} aligns on noise and needs "
                    "the numbers that draw_noise returns; pass them as the call's noise"
                )
            call = call.with_noise_as_input()
        if self.needs_pseudogradients and call.pseudogradient is None:
            raise ConfigurationError(
                f"layer {call.layer.name!r}: {type(self).__name__} needs the pseudogradient of the "
                "layer's output, which a step on R alone doesn't have; minimize J and R "
                "simultaneously"
            )
        return BackwardPass(call, self.operations, self.primitives, valued=valued)

    @property
    def draws_noise(self) -> bool:
        """True if noise replaces the layer's input, so that `__call__` needs some."""
        return self.noise_stddev is not None and self._needs_input

    def draw_noise(self, size: Any, seed: Any, dtype: Any = "float32") -> Any:
        """Return Gaussian numbers (size,) with the rule's standard deviation.

        Args:
            size: how many numbers to draw, an integer or a scalar tensor.
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

    def __repr__(self) -> str:
        """Return the rule as it is written, with its weights' current values."""
        given = [f"{name}={float(weight):g}" for name, weight in self.weights.items()]
        if self.operations != _NO_OPERATIONS:
            on = [name for name, is_on in asdict(self.operations).items() if is_on]
            given.append(f"operations={'+'.join(on)}")
        if self.noise_stddev is not None:
            given.append(f"noise_stddev={float(self.noise_stddev):g}")
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Alignment":
        """Make the rule that `get_config` describes."""
        operations = BackwardPassOperations(**config["operations"])
        return cls(config["weights"], operations, config["noise_stddev"])


def _is_finite(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _in_dtype(value: Any, dtype: str) -> Any:
    # A float takes its factor's dtype by itself; tf.cast would round it to float32 first.
    return tf.cast(value, dtype) if isinstance(value, tf.Variable) else value


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names)) or "no primitive"
