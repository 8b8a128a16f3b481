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

from alignment_core.errors import ConfigurationError
from alignment_core.rules.backward_pass import (
    AKROUT_OPERATIONS,
    BackwardPass,
    BackwardPassOperations,
    ProjectingLayer,
)
from alignment_core.rules.primitives import PRIMITIVES

_NO_OPERATIONS = BackwardPassOperations()

_NEEDS: dict[str, tuple[str, ...]] = {
    "decay": ("backward_kernel",),
    "amp": ("forward_output", "backward_output"),
    "null": ("forward_reconstruction",),
    "sparse": ("backward_output",),
    "self": ("forward_kernel", "backward_kernel"),
    "angle": ("backward_output", "pseudogradient"),
}
"""What each primitive takes, by its name on BackwardPass."""

_KERNELS = {"forward_kernel", "backward_kernel"}
"""What needs no input of the layer."""


class Alignment:
    """Parent of the learning rules: what a layer adds to R.

    Attributes:
        primitives: the primitives that the rule sums.
        tie_gradients: whether the backward kernel also takes the forward kernel's gradient
            of the cost J. J's optimizer then moves it, and R, which may take kernels only,
            is a part of J.
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
        if self.tie_gradients and self._needs_input:
            raise ConfigurationError(
                f"{rule} ties gradients, so its R is a part of J and may take kernels only "
                f"(self, decay), not {_names(self.primitives)}"
            )
        if noise_stddev is not None and self.needs_pseudogradients:
            raise ConfigurationError(
                f"{rule} weighs pseudogradients against the inputs that they belong to: noise "
                "can't take the inputs' place; give no noise_stddev"
            )
        self.weights = dict(weights)
        self.operations = operations
        self.noise_stddev = noise_stddev

    @property
    def needs_activations(self) -> bool:
        """Whether R needs the layer's input: an output among its primitives and no noise."""
        return self.noise_stddev is None and self._needs_input

    @property
    def needs_pseudogradients(self) -> bool:
        """Whether R needs J's pseudogradient of the layer's linear output."""
        return any("pseudogradient" in _NEEDS[name] for name in self.primitives)

    @property
    def _needs_input(self) -> bool:
        return any(set(_NEEDS[name]) - _KERNELS for name in self.primitives)

    def __call__(
        self,
        layer: ProjectingLayer,
        x: Any,
        noise: Any = None,
        pseudogradient: Any = None,
        product: Any = None,
    ) -> Any:
        """Return the layer's term of R: a scalar of which only the backward kernel learns.

        The backward kernel is no trainable variable (those are the cost J's), so a
        tf.GradientTape has to watch it: `tape.watch(layer.backward_kernel.value)`.

        Args:
            layer: a built layer of layers.py.
            x: the layer's input (batch, ...), of static shape so that an output whose
                value nobody fetches is never formed. With noise only its shape is used, and
                the shape alone will do; where `needs_activations` is false for want of
                an output it isn't used at all.
            noise: what `draw_noise` drew, at least as many numbers as the input has: the
                first of them take its place. Layers may share them.
            pseudogradient: that of J, averaged over the batch, for the layer's linear
                output (batch, ...); only where `needs_pseudogradients`.
            product: the input's product with the forward kernel (batch, ...) where the
                network has just formed it; it isn't formed again.

        Raises:
            ConfigurationError: a rule with noise that gets none, or one that needs
                pseudogradients and gets none.
        """
        dtype = layer.backward_kernel.dtype
        if self.draws_noise:
            if noise is None:
                raise ConfigurationError(
                    f"layer {layer.name!r}: {type(self).__name__} aligns on noise and needs "
                    "what draw_noise draws"
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
            _in_dtype(self.weights[name], dtype)
            * PRIMITIVES[name](*self._arguments(name, backward_pass))
            for name in self.primitives
        ]
        return tf.add_n(terms) if terms else tf.zeros(())

    def _arguments(self, name: str, backward_pass: BackwardPass) -> tuple[Any, ...]:
        if name == "amp":
            return backward_pass.correlated(reconstructed="null" in self.primitives)
        if name == "angle":
            return backward_pass.propagated()
        return tuple(getattr(backward_pass, need) for need in _NEEDS[name])

    @property
    def draws_noise(self) -> bool:
        """Whether noise takes the layer's input's place: `__call__` then wants some."""
        return self.noise_stddev is not None and self._needs_input

    def draw_noise(self, size: int, seed: Any, dtype: Any = "float32") -> Any:
        """Return (size,) Gaussian numbers of the rule's deviation.

        `seed` is int32 of shape (2,): the same one draws the same numbers, however many.
        """
        # XLA's default generator took 30 times as long as Philox on a CPU (TensorFlow 2.21).
        # XLA's Philox draws other numbers than TensorFlow's own from the same seed.
        normals = tf.random.stateless_normal((size,), seed, dtype=dtype, alg="philox")
        return _in_dtype(self.noise_stddev, dtype) * normals

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
    """R_WM = amp + decay, weighted (Kunin et al. 2020; Akrout et al. 2019).

    Akrout et al.'s own prescription is `operations=AKROUT_OPERATIONS` with noise of
    deviation 1 and plain gradient descent on R: `WeightMirror.akrout`.
    """

    primitives = ("amp", "decay")

    @classmethod
    def akrout(
        cls, mirror_rate: float, decay_rate: float, noise_stddev: Any = 1.0
    ) -> "WeightMirror":
        """Make Akrout et al. 2019's weight mirror: Delta B = mirror_rate x f^T - decay_rate B.

        x is the noise and f the layer's response to it, each less its mean over the batch, over
        which their product is averaged: a step of vanilla gradient descent on R at a
        learning rate of 1.
        """
        return cls({"amp": mirror_rate, "decay": decay_rate}, AKROUT_OPERATIONS, noise_stddev)


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


@keras.saving.register_keras_serializable("alignment_core")
class KolenPollack(Alignment):
    """Backward kernels that take the forward kernels' own updates (Kunin et al. 2020, App. D.3).

    Tied gradients, as in the published code: J hands B the transpose of W's pseudogradient,
    and R is decay alone. Here J's optimizer moves B as it moves W, and R is added to J as W's
    L2 penalty is: both decays are part of the gradients, go through the momentum, and follow
    J's schedule. So

        Delta W = -eta (g x^T + weight_decay W),  Delta B = -eta (x g^T + decay B)

    for plain descent, App. D.3's update with lambda_KP = eta decay, if `decay` weighs as
    much as J's weight decay. Then W - B^T obeys a linear recursion of its own, whatever
    the data, and goes to zero; at another weight it doesn't. At rate eta and momentum m it
    shrinks about e-fold in (1 - m) / (eta decay) steps: 800 at 0.125, 0.9 and 1e-3, 8,000
    at the 1e-4 that suits ImageNet's 5,000 steps an epoch.
    """

    primitives = ("decay",)
    tie_gradients = True


@keras.saving.register_keras_serializable("alignment_core")
class KolenPollackAngle(Alignment):
    """R_KP = angle + decay, weighted (Kunin et al. 2020, App. D.3).

    The Kolen-Pollack update as gradient descent on R: with weights 1 and lambda_KP / eta,
    and R's optimizer and schedule the same as J's, it is KolenPollack's. Both losses are
    minimized simultaneously, because the pseudogradients are J's own.
    """

    primitives = ("angle", "decay")


LEARNING_RULES: dict[str, type[Alignment] | None] = {
    "backpropagation": None,
    "feedback_alignment": FeedbackAlignment,
    "weight_mirror": WeightMirror,
    "information_alignment": InformationAlignment,
    "symmetric_alignment": SymmetricAlignment,
    "activation_alignment": ActivationAlignment,
    "kolen_pollack": KolenPollack,
    "kolen_pollack_angle": KolenPollackAngle,
}
"""Each learning rule by name; backpropagation has no alignment."""
