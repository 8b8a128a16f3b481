"""The validation error of a trained network whose weights or images are disturbed."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from alignment_core.data.pipeline import PADDING_LABEL, translating_errors
from alignment_core.training.compiled_network import CompiledNetwork
from alignment_core.training.disturbances import DISTURBANCES, Disturbance
from alignment_core.training.objectives import forward_kernels
from alignment_core.training.steps import on_replicas

WEIGHTS = -1
"""Number in the place of a batch's, for the seed of the noise in weights."""


class _StoppedError(Exception):
    """The measurement was asked to stop."""


class Robustness:
    """Validation errors of one network under disturbances, after any of its trainings.

    Its graphs are traced at the first measurement and serve all levels and trainings. A backward
    pass over a validation batch, of 256 images at most, has to fit into memory.
    """

    def __init__(
        self, network: CompiledNetwork, batches: Iterable[Any], size: int, *, jit_compile: bool
    ) -> None:
        """Prepare the graphs under the strategy in scope.

        Args:
            network: the network.
            batches: the validation split's batches, the same at each iteration.
            size: number of images in the validation split.
            jit_compile: whether XLA compiles the graphs.
        """
        self._network = network
        self._batches = batches
        self._size = size
        objectives = network.objectives
        self._directions = {
            "image_noise": on_replicas(_noise, jit_compile=jit_compile),
            "fgsm": on_replicas(
                lambda images, labels, _: objectives.attack_direction(images, labels),
                jit_compile=jit_compile,
            ),
        }
        self._evaluate_moved = on_replicas(
            lambda images, directions, step, labels: objectives.evaluate(
                images + step * directions, labels
            ),
            add_up=True,
            jit_compile=jit_compile,
        )
        self._moments = on_replicas(_moments, add_up=True, jit_compile=jit_compile)
        self._stddev: float | None = None

    def errors(
        self,
        seed: int,
        disturbances: Sequence[Disturbance] = DISTURBANCES,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, float] | None:
        """Return the validation error, from 0 to 1, under each disturbance by its name.

        The network's weights are the same afterwards, bit by bit. All levels of a kind share their
        random numbers, so that they differ by the level alone. Attacks use the true gradients of
        backpropagation, whatever the rule: the attacker knows the network. Pixels aren't clipped,
        since preprocessed images have no common bounds.

        Args:
            seed: random seed.
            disturbances: the disturbances.
            should_stop: called before each batch; if it returns True, None is returned.

        Raises:
            DataError: the images can't be read.
        """
        try:
            return self._errors(seed, disturbances, should_stop)
        except _StoppedError:
            return None

    def _errors(
        self,
        seed: int,
        disturbances: Sequence[Disturbance],
        should_stop: Callable[[], bool],
    ) -> dict[str, float]:
        seed = int(np.random.SeedSequence([seed, 3]).generate_state(1)[0] >> 1)
        of_images = [each for each in disturbances if each.kind in self._directions]
        # Reading a number waits for the accelerator, so it is done at the end.
        found: dict[Disturbance, list[Any]] = {each: [] for each in disturbances}
        for each in disturbances:
            if each not in of_images:
                with noisy_kernels(self._network.model, each.level, seed):
                    for batch in self._read(should_stop):
                        found[each].append(self._network.evaluate(*batch))
        if of_images:
            stddev = self._image_stddev(should_stop)
            for number, (images, labels) in enumerate(self._read(should_stop)):
                directions = {
                    kind: self._directions[kind](images, labels, tf.constant([seed, number]))
                    for kind in dict.fromkeys(each.kind for each in of_images)
                }
                for each in of_images:
                    step = tf.constant(each.level * stddev, tf.float32)
                    moved = self._evaluate_moved(images, directions[each.kind], step, labels)
                    found[each].append(moved)
        return {
            each.name: 1.0 - sum(float(right) for _, right in sums) / self._size
            for each, sums in found.items()
        }

    def _read(self, should_stop: Callable[[], bool]) -> Iterator[Any]:
        for batch in translating_errors(self._batches):
            if should_stop():
                raise _StoppedError
            yield batch

    def _image_stddev(self, should_stop: Callable[[], bool]) -> float:
        """Return the standard deviation of all pixels of the validation images."""
        if self._stddev is None:
            found = [self._moments(*batch).numpy() for batch in self._read(should_stop)]
            count, total, squares = np.array(found, np.float64).sum(axis=0)
            self._stddev = math.sqrt(max(0.0, squares / count - (total / count) ** 2))
        return self._stddev


@contextmanager
def noisy_kernels(model: Any, level: float, seed: int) -> Iterator[None]:
    """Add Gaussian noise to all forward kernels in this context, and take it away after it.

    Args:
        model: a built Keras model.
        level: standard deviation of the noise, relative to each kernel's root mean square.
        seed: random seed. The noise of any level is a multiple of the same numbers.
    """
    kernels = forward_kernels(model)
    before = [tf.identity(kernel.value) for kernel in kernels]
    seeds = tf.unstack(tf.random.split(tf.constant([seed, WEIGHTS]), max(1, len(kernels))))
    try:
        for kernel, value, own_seed in zip(kernels, before, seeds, strict=False):
            stddev = level * tf.sqrt(tf.reduce_mean(tf.square(value)))
            noise = tf.random.stateless_normal(
                value.shape, own_seed, dtype=value.dtype, alg="philox"
            )
            kernel.assign(value + stddev * noise)
        yield
    finally:
        for kernel, value in zip(kernels, before, strict=True):
            kernel.assign(value)


def _noise(images: tf.Tensor, _: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return _normal(images.shape, tf.random.fold_in(seed, replica), images.dtype)


def _normal(shape: Any, seed: tf.Tensor, dtype: Any) -> tf.Tensor:
    # The same numbers on every kind of device.
    return tf.random.stateless_normal(shape, seed, dtype=dtype, alg="philox")


def _moments(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return number, sum and sum of squares (3,) of the pixels, without padding rows."""
    known = tf.cast(labels != PADDING_LABEL, images.dtype)[:, None, None, None]
    pixels = math.prod(images.shape[1:])
    return tf.stack(
        [
            tf.reduce_sum(known) * pixels,
            tf.reduce_sum(known * images),
            tf.reduce_sum(known * tf.square(images)),
        ]
    )
