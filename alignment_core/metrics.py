"""How well forward and backward kernels agree.

Kunin et al. 2020, App. C (Fig. S4): the angle between the vectorized kernels, and the
ratio of their Frobenius norms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from alignment_core.layers import AlignedLayer


@dataclass(frozen=True)
class LayerMetrics:
    """One layer's agreement.

    Attributes:
        name: the layer's name.
        angle: between W and B^T as vectors, in degrees, 0 to 180; NaN if a kernel is zero
            or not finite.
        norm_ratio: ||B|| / ||W||, Frobenius norms; NaN if W is zero.
    """

    name: str
    angle: float
    norm_ratio: float


def weight_metrics(layers: Sequence[AlignedLayer]) -> list[LayerMetrics]:
    """Measure layers under a rule, all in one compiled call, traced once a set of shapes."""
    rows = _agreements(
        [layer.as_backward(tf.convert_to_tensor(layer.kernel)) for layer in layers],
        [tf.convert_to_tensor(layer.backward_kernel) for layer in layers],
    ).numpy()
    return [
        LayerMetrics(layer.name, float(angle), float(ratio))
        for layer, (angle, ratio) in zip(layers, rows, strict=True)
    ]


@tf.function
def _agreements(forward: list[Any], backward: list[Any]) -> Any:
    rows = [_agreement(w, b) for w, b in zip(forward, backward, strict=True)]
    return tf.stack(rows) if rows else tf.zeros((0, 2))


def _agreement(forward: Any, backward: Any) -> Any:
    forward_norm, backward_norm = tf.norm(forward), tf.norm(backward)
    w, b = forward / forward_norm, backward / backward_norm
    # Kahan's form: the inverse cosine loses half the digits near 0 and 180 degrees.
    radians = 2 * tf.atan2(tf.norm(w - b), tf.norm(w + b))
    return tf.stack([radians * (180 / math.pi), backward_norm / forward_norm])
