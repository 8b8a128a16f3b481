"""Learning rules: weighted sums of primitives, layer by layer.

Kunin et al. 2020, App. A.2: a rule is the regularization R that it adds at each layer,
and R is the plain sum over layers. Weights go by the primitive's name, because the
paper and its published code give the Greek letters to different primitives.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import keras
import tensorflow as tf

from alignment_core.backward_pass import BackwardPass, BackwardPassOperations, ProjectingLayer
from alignment_core.errors import ConfigurationError
from alignment_core.primitives import PRIMITIVES

_NO_OPERATIONS = BackwardPassOperations()

_NEEDS: dict[str, tuple[str, ...]] = {
    "decay": ("backward_kernel",),
    "amp": ("forward_output", "backward_output"),
    "null": ("forward_reconstruction",),
    "sparse": ("backward_output",),
    "self": ("forward_kernel", "backward_kernel"),
}
"""What each primitive takes, by its name on BackwardPass."""

_KERNELS = {"forward_kernel", "backward_kernel"}
"""What needs no input of the layer."""


class Alignment:
    """Parent of the learning rules: what a layer adds to R.

    Attributes:
        primitives: the primitives that the rule sums.
        tie_gradients: whether the backward kernel also takes the forward kernel's gradient
            of the cost J.
        weights: each primitive's weight, a float or a tf.Variable.
        operations: what the backward pass does to inputs and outputs.
        noise_stddev: the deviation of the Gaussian noise that replaces the layer's input,
            or None to use the input itself.
    """

    primitives: ClassVar[tuple[str, ...]] = ()
    tie_gradients: ClassVar[bool] = False

    def __init__(
        self,
        weights: Mapping[str, Any],
        operations: BackwardPassOperations = _NO_OPERATIONS,
        noise_stddev: Any = None,
    ) -> None:
        """Set the rule's values; a tf.Variable can be changed later without a new trace.

        Raises:
            ConfigurationError: weights that aren't the rule's own, or a value that is not
                finite, or a deviation that isn't positive.
        """
        rule = type(self).__name__
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
        self.weights = dict(weights)
        self.operations = operations
        self.noise_stddev = noise_stddev

    @property
    def needs_activations(self) -> bool:
        """Whether R needs the layer's input: an output among its primitives and no noise."""
        return self.noise_stddev is None and self._needs_input

    @property
    def _needs_input(self) -> bool:
        return any(set(_NEEDS[name]) - _KERNELS for name in self.primitives)

    def __call__(self, layer: ProjectingLayer, x: Any, seed: Any = None) -> Any:
        """Return the layer's term of R: a scalar of which only the backward kernel learns.

        The backward kernel is no trainable variable (those are the cost J's), so a
        tf.GradientTape has to watch it: `tape.watch(layer.backward_kernel.value)`.

        Args:
            layer: a built layer of layers.py.
            x: the layer's input (batch, ...), of static shape so that an output whose
                value nobody fetches is never formed. With noise only its shape is used, and
                the shape alone will do; where `needs_activations` is false for want of
                an output it isn't used at all.
            seed: int32 of shape (2,); with noise the same seed draws the same noise.

        Raises:
            ConfigurationError: a rule with noise and no seed.
        """
        dtype = layer.backward_kernel.dtype
        if self.noise_stddev is not None and self._needs_input:
            if seed is None:
                raise ConfigurationError(
                    f"layer {layer.name!r}: {type(self).__name__} draws noise and needs a seed "
                    "of two integers"
                )
            x = self._noise(getattr(x, "shape", x), seed, dtype)
        backward_pass = BackwardPass(layer, x, self.operations)
        terms = [
            _in_dtype(self.weights[name], dtype)
            * PRIMITIVES[name](*(getattr(backward_pass, need) for need in _NEEDS[name]))
            for name in self.primitives
        ]
        return tf.add_n(terms) if terms else tf.zeros(())

    def _noise(self, shape: Any, seed: Any, dtype: Any) -> Any:
        # XLA's default generator took 30 times as long as Philox on a CPU (TensorFlow 2.21).
        # XLA's Philox draws other numbers than TensorFlow's own from the same seed.
        noise = tf.random.stateless_normal(shape, seed, dtype=dtype, alg="philox")
        return _in_dtype(self.noise_stddev, dtype) * noise

    def get_config(self) -> dict[str, Any]:
        """Return the rule's present values, variables as floats, for `from_config`."""
        return {
            "weights": {name: float(weight) for name, weight in self.weights.items()},
            "operations": asdict(self.operations),
            "noise_stddev": None if self.noise_stddev is None else float(self.noise_stddev),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Alignment":
        """Make the rule that `get_config` described."""
        operations = BackwardPassOperations(**config["operations"])
        return cls(config["weights"], operations, config["noise_stddev"])


def _in_dtype(value: Any, dtype: str) -> Any:
    # A float takes its factor's dtype by itself; tf.cast would round it to float32 first.
    return tf.cast(value, dtype) if isinstance(value, tf.Variable) else value


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names)) or "no primitive"


@keras.saving.register_keras_serializable("alignment_core")
class FeedbackAlignment(Alignment):
    """Fixed random backward kernels: R is 0, and no gradient reaches them."""


@keras.saving.register_keras_serializable("alignment_core")
class WeightMirror(Alignment):
    """R_WM = amp + decay, weighted (Kunin et al. 2020; Akrout et al. 2019)."""

    primitives = ("amp", "decay")


@keras.saving.register_keras_serializable("alignment_core")
class InformationAlignment(Alignment):
    """R_IA = amp + decay + null, weighted (Kunin et al. 2020, App. B.1.4)."""

    primitives = ("amp", "decay", "null")


@keras.saving.register_keras_serializable("alignment_core")
class SymmetricAlignment(Alignment):
    """R_SA = self + decay, weighted (Kunin et al. 2020, App. B.2)."""

    primitives = ("self", "decay")


@keras.saving.register_keras_serializable("alignment_core")
class ActivationAlignment(Alignment):
    """R_AA = amp + sparse, weighted (Kunin et al. 2020, App. B.2)."""

    primitives = ("amp", "sparse")


LEARNING_RULES: dict[str, type[Alignment] | None] = {
    "backpropagation": None,
    "feedback_alignment": FeedbackAlignment,
    "weight_mirror": WeightMirror,
    "information_alignment": InformationAlignment,
    "symmetric_alignment": SymmetricAlignment,
    "activation_alignment": ActivationAlignment,
}
"""Each learning rule by name; backpropagation has no alignment."""
