"""Metrics of how well kernels and gradients agree under a learning rule.

The angle between both kernels as vectors, and the ratio of their Frobenius norms, are those of
Kunin et al. 2020, App. C (Fig. S4). The share of entries with the same sign is what uSF, brSF and
frSF keep at 1 (Liao et al. 2016, arXiv 1510.05067). The gradient angle is the angle between each
forward kernel's pseudogradient and the true gradient of backpropagation.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from alignment_core.errors import UnknownNameError
from alignment_core.layers.aligned import AlignedLayer, aligned_layers
from alignment_core.layers.contexts import exact_gradients
from alignment_core.rules.draws import drawing
from alignment_core.training.results import LayerMetrics

DRAWING_SEED = (0, 0)
"""Seed of the backward kernels that a rule draws anew, so that a measurement can be repeated."""


def weight_metrics(
    layers: Sequence[AlignedLayer], gradient_angles: Sequence[float] | None = None
) -> list[LayerMetrics]:
    """Return the metrics of layers with a rule, computed by one compiled call.

    The backward kernel is the one that gradients are propagated through
    (`Alignment.propagating_kernel`). Under a direct rule there is none to compare with the forward
    kernel, so angle and norm ratio are NaN and the sign agreement is None.

        >>> model = get_model("dense")((8, 8, 1), 10, learning_rule=FeedbackAlignment({}))
        >>> [80 < layer.angle < 100 for layer in weight_metrics(aligned_layers(model))]
        [True, True, True]

    Args:
        layers: built layers with a rule. The call is traced once for each set of shapes.
        gradient_angles: gradient angle of each layer in degrees, NaN for none.
    """
    comparable = [layer for layer in layers if _has_counterpart(layer)]
    with drawing(tf.constant(DRAWING_SEED)):
        found = _agreements(
            [layer.as_backward(tf.convert_to_tensor(layer.kernel)) for layer in comparable],
            [layer.propagating_kernel() for layer in comparable],
        ).numpy()
    of_layer = dict(zip(map(id, comparable), found, strict=True))
    rows = [of_layer.get(id(layer), (math.nan, math.nan, math.nan)) for layer in layers]
    between = [math.nan] * len(rows) if gradient_angles is None else gradient_angles
    return [
        LayerMetrics(
            layer.name,
            float(angle),
            float(ratio),
            _known(gradient_angle),
            _known(signs),
        )
        for layer, (angle, ratio, signs), gradient_angle in zip(layers, rows, between, strict=True)
    ]


@dataclass(frozen=True)
class SampledWeights:
    """A sample of a layer's forward weights and of the backward weights at the same positions."""

    layer: str
    forward: tuple[float, ...]
    backward: tuple[float, ...]


def sampled_weights(
    model: Any, names: Sequence[str], pairs: int, seed: int
) -> list[SampledWeights]:
    """Return a sample of each named layer's weights (Kunin et al. 2020, Fig. S3).

    Args:
        model: a Keras model. Nothing is returned under backpropagation, without backward kernels,
            and under a direct rule, whose backward kernels have other shapes.
        names: names of layers with a rule.
        pairs: number of pairs of each layer; all pairs if the layer has fewer.
        seed: random seed. Which pairs are drawn depends on it and the layer's size only, so that
            epochs can be compared.

    Raises:
        UnknownNameError: no layer with a rule has one of the names.
    """
    layers = {layer.name: layer for layer in aligned_layers(model) if _has_counterpart(layer)}
    if not layers:
        return []
    found = []
    for name in names:
        if name not in layers:
            raise UnknownNameError("layer under a learning rule", name, layers)
        layer = layers[name]
        forward = np.ravel(layer.as_backward(tf.convert_to_tensor(layer.kernel)).numpy())
        with drawing(tf.constant(DRAWING_SEED)):
            backward = np.ravel(layer.propagating_kernel().numpy())
        generator = np.random.default_rng([seed, forward.size])
        size = min(pairs, forward.size)
        chosen = np.sort(generator.choice(forward.size, size, replace=False))
        found.append(
            SampledWeights(name, *(tuple(each[chosen].tolist()) for each in (forward, backward)))
        )
    return found


def gradient_angles(loss: Callable[[], Any], layers: Sequence[AlignedLayer]) -> Any:
    """Return the angles (layers,) between each kernel's pseudogradient and true gradient.

    Args:
        loss: runs the network and returns a scalar. It is called twice at the same weights, the
            second time with forward kernels in the place of backward kernels.
        layers: layers with a rule.

    Returns:
        Degrees from 0 to 180, NaN if a gradient is zero or not finite.
    """
    kernels = [layer.kernel.value for layer in layers]
    pseudogradients = _gradients(loss, kernels)
    with exact_gradients():
        gradients = _gradients(loss, kernels)
    return tf.stack([_angle(*pair) for pair in zip(pseudogradients, gradients, strict=True)])


def _known(value: Any) -> float | None:
    """Return a measurement as a plain number; None for one that isn't finite."""
    return float(value) if math.isfinite(value) else None


def _has_counterpart(layer: AlignedLayer) -> bool:
    """Return whether the backward kernel has an entry for each one of the forward kernel."""
    return layer.learning_rule is not None and not layer.learning_rule.direct


def _gradients(loss: Callable[[], Any], kernels: Sequence[Any]) -> list[Any]:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(kernels)
        value = loss()
    return tape.gradient(value, kernels)


@tf.function
def _agreements(forward: list[Any], backward: list[Any]) -> Any:
    rows = [_agreement(w, b) for w, b in zip(forward, backward, strict=True)]
    return tf.stack(rows) if rows else tf.zeros((0, 3))


def _agreement(forward: Any, backward: Any) -> Any:
    ratio = tf.norm(backward) / tf.norm(forward)
    return tf.stack([_angle(forward, backward), ratio, _sign_agreement(forward, backward)])


def _sign_agreement(one: Any, other: Any) -> Any:
    agree = tf.reduce_mean(tf.cast(tf.sign(one) == tf.sign(other), one.dtype))
    finite = tf.math.is_finite(tf.norm(one)) & tf.math.is_finite(tf.norm(other))
    return tf.where(finite, agree, tf.constant(math.nan, one.dtype))


def _angle(one: Any, other: Any) -> Any:
    a, b = one / tf.norm(one), other / tf.norm(other)
    # Kahan's formula: an inverse cosine would lose half the digits near 0 and 180 degrees.
    return 2 * tf.atan2(tf.norm(a - b), tf.norm(a + b)) * (180 / math.pi)
