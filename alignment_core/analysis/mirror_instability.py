"""Weight mirror's symmetrized flow on a real network (Kunin et al. 2020, App. D.1 and Fig. 2).

Plain gradient descent minimizes R_WM = amp + lambda decay alone, in every layer of a dense network
with ReLU. Each layer's inputs are its real inputs, which change as the layers before it change.
Biases stay zero and R uses the linear outputs, because App. D.1 ignores both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from alignment_core.analysis.dynamics import alignment_gradient
from alignment_core.layers.aligned import aligned_layers
from alignment_core.layers.contexts import recording
from alignment_core.models import get_model, initialize
from alignment_core.rules.mirroring import WeightMirror

EXPLODED, COLLAPSED = 1e4, 1e-6
"""Limits of a kernel's norm relative to its start, at which the flow is stopped: one kernel has
exploded, or all kernels have collapsed. Both are far beyond `Descent.outcome`'s factor of ten."""


@dataclass(frozen=True)
class StartingRates:
    """Initial decay rates of one layer's kernels along its inputs' strongest direction.

    Attributes:
        layer: the layer's name.
        decay: lambda_WM.
        second_moment: c, the largest eigenvalue of E[x x^T] of the layer's inputs.
        symmetric: measured lambda_u; its closed form is decay - c.
        skew: measured lambda_v; its closed form is decay + c.
    """

    layer: str
    decay: float
    second_moment: float
    symmetric: float
    skew: float


@dataclass(frozen=True)
class Descent:
    """The path of a network's kernels under one lambda_WM.

    Attributes:
        ratio: lambda_WM divided by the first layer's second moment c.
        layers: the layers' names.
        times: (steps + 1,), number of steps times step size times the first layer's c.
        forward: (steps + 1, layers), Frobenius norms of the forward kernels divided by their norms
            at the start.
        backward: (steps + 1, layers), Frobenius norms of the backward kernels divided by the
            forward kernels' norms at the start.
        starting: each layer's initial rates.
        measured_symmetric: the first layer's lambda_u divided by c, measured over the whole path.
    """

    ratio: float
    layers: tuple[str, ...]
    times: NDArray[np.float64]
    forward: NDArray[np.float64]
    backward: NDArray[np.float64]
    starting: tuple[StartingRates, ...]
    measured_symmetric: float

    @property
    def outcome(self) -> str:
        """The outcome: "explodes", "collapses" or "does neither".

        A network explodes if a kernel's norm grows tenfold, and collapses if all shrink to a tenth.
        """
        norms = np.stack([self.forward[-1], self.backward[-1]])
        if norms.max() > 10:
            return "explodes"
        return "collapses" if norms.max() < 0.1 else "does neither"


def descend(
    images: NDArray[np.float32],
    ratios: Sequence[float],
    *,
    width: int,
    steps: int,
    step_size: float,
    seed: int,
) -> list[Descent]:
    """Run the symmetrized flow of a new dense network for each lambda_WM.

    A run stops early when the network has exploded or collapsed.

    Args:
        images: (images, height, width, channels).
        ratios: each lambda_WM divided by c, the largest eigenvalue of the images' second moment.
        width: units of each hidden layer.
        steps: steps of gradient descent.
        step_size: learning rate times c.
        seed: random seed of the initial weights.
    """
    decay = tf.Variable(0.0)
    model = get_model("dense")(
        (*images.shape[1:3], images.shape[3]),
        10,
        width=width,
        learning_rule=WeightMirror({"amp": 1.0, "decay": decay}),
    )
    network = _Network(model, images)
    descents = []
    for ratio in ratios:
        initialize(model, seed)
        strongest, moments = network.strongest_inputs()
        decay.assign(ratio * moments[0])
        rate = step_size / moments[0]
        descents.append(network.descend(ratio, float(decay), rate, steps, strongest, moments))
    return descents


class _Network:
    def __init__(self, model: Any, images: NDArray[np.float32]) -> None:
        self._model = model
        self._images = tf.constant(images)
        self._layers = aligned_layers(model)
        self._step = tf.function(self._step_once)

    def strongest_inputs(self) -> tuple[list[NDArray[np.float64]], list[float]]:
        """Return the top eigenvector and eigenvalue of each layer's input second moment."""
        with recording() as calls:
            self._model(self._images)
        vectors, values = [], []
        for call in calls:
            x = call.x.numpy().astype(np.float64)
            found, basis = np.linalg.eigh(x.T @ x / len(x))
            vectors.append(basis[:, -1])
            values.append(float(found[-1]))
        return vectors, values

    def descend(
        self,
        ratio: float,
        decay: float,
        rate: float,
        steps: int,
        strongest: list[NDArray[np.float64]],
        moments: list[float],
    ) -> Descent:
        start = self._kernels()
        scale = [np.linalg.norm(forward) for forward, _ in start]
        norms = [_norms(start, scale)]
        starting: tuple[StartingRates, ...] = ()
        done = 0
        for done in range(1, steps + 1):
            self._step(tf.constant(rate, tf.float32))
            now = self._kernels()
            norms.append(_norms(now, scale))
            if done == 1:
                starting = tuple(
                    StartingRates(
                        layer.name,
                        decay,
                        moment,
                        *(_rate(old, new, vector, sign) / rate for sign in (1, -1)),
                    )
                    for layer, moment, vector, old, new in zip(
                        self._layers, moments, strongest, start, now, strict=True
                    )
                )
            if not COLLAPSED < norms[-1].max() < EXPLODED:
                break
        factor = _share(now[0], strongest[0], 1) / _share(start[0], strongest[0], 1)
        path = np.array(norms)
        return Descent(
            ratio=ratio,
            layers=tuple(layer.name for layer in self._layers),
            times=np.arange(done + 1, dtype=np.float64) * rate * moments[0],
            forward=path[:, :, 0],
            backward=path[:, :, 1],
            starting=starting,
            measured_symmetric=float((1 - factor ** (1 / done)) / (rate * moments[0])),
        )

    def _kernels(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return W and B^T of each layer, both (inputs, units)."""
        return [
            (
                layer.kernel.numpy().astype(np.float64),
                layer.backward_kernel.numpy().T.astype(np.float64),
            )
            for layer in self._layers
        ]

    def _step_once(self, rate: Any) -> None:
        with recording() as calls:
            self._model(self._images)
        for call in calls:
            layer = call.layer
            forward, backward = tf.identity(layer.kernel), tf.identity(layer.backward_kernel)
            of_backward = alignment_gradient(layer, call.x)
            layer.kernel.assign(tf.transpose(backward))
            layer.backward_kernel.assign(tf.transpose(forward))
            of_forward = alignment_gradient(layer, call.x)
            layer.kernel.assign(forward - rate * tf.transpose(of_forward))
            layer.backward_kernel.assign(backward - rate * of_backward)


_Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def _norms(kernels: list[_Pair], scale: list[Any]) -> NDArray[np.float64]:
    return np.array(
        [
            [np.linalg.norm(each) / s for each in pair]
            for pair, s in zip(kernels, scale, strict=True)
        ]
    )


def _share(pair: _Pair, direction: NDArray[np.float64], sign: int) -> float:
    return float(np.linalg.norm(direction @ (pair[0] + sign * pair[1])))


def _rate(old: _Pair, new: _Pair, direction: NDArray[np.float64], sign: int) -> float:
    """Return the relative decrease of W + sign B^T along `direction` in one step."""
    before, after = (direction @ (pair[0] + sign * pair[1]) for pair in (old, new))
    return float(before @ (before - after) / (before @ before))
