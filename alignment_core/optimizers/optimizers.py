"""A list of optimizers over a list of losses, each with its own rate and variables.

The total loss is J + R (Kunin et al. 2020, App. A.3): the categorization loss J moves
the forward weights by their pseudogradient, the alignment loss R the backward weights
by their gradient, and each has its own optimizer.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

MOMENTUM = 0.9
"""Of J's Nesterov momentum (Kunin et al. 2020, App. B.2; He et al. 2016)."""


class NesterovMomentum(keras.optimizers.Optimizer):
    """Momentum as TensorFlow 1 has it: v = m v + g, then w -= rate (g + m v).

    The learning rate stays outside the accumulator v, which holds plain gradients.
    Keras's SGD(nesterov=True) folds the rate into its velocity instead: the two agree
    while the rate is constant and differ at warm-ups and drops, where Keras's velocity
    carries old rates on.
    """

    def __init__(
        self,
        learning_rate: float = 0.1,
        momentum: float = MOMENTUM,
        name: str = "nesterov_momentum",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum

    def build(self, variables: list[Any]) -> None:
        """Make an accumulator of zeros for each variable."""
        if self.built:
            return
        super().build(variables)
        self.accumulators = self.add_optimizer_variables(variables, "accumulator")

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        """Move one variable; one fused kernel, which XLA knows too."""
        accumulator = self.accumulators[self._get_variable_index(variable)].value
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=accumulator.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=True,
        )

    def get_config(self) -> dict[str, Any]:
        """Keras's configuration and the momentum."""
        return {**super().get_config(), "momentum": self.momentum}


class Adam(keras.optimizers.Adam):
    """Adam with TensorFlow 1's epsilon of 1e-8, where Keras 3 has 1e-7.

    The update is Keras's own formula as one fused kernel a variable:
    w -= rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    """

    def __init__(self, learning_rate: float = 0.001, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, epsilon=epsilon, **kwargs)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        """Move one variable and its two moments."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.cast(self.beta_1, variable.dtype),
            beta2=tf.cast(self.beta_2, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


class GradientDescent(keras.optimizers.Optimizer):
    """w -= rate g, one fused kernel a variable."""

    def __init__(
        self, learning_rate: float = 1.0, name: str = "gradient_descent", **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        """Move one variable."""
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle,
            alpha=tf.cast(learning_rate, variable.dtype),
            delta=tf.cast(gradient, variable.dtype),
        )


ALIGNMENT_OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "vanilla_gd": GradientDescent,
    "adam": Adam,
    "nesterov_momentum": NesterovMomentum,
}
"""What may optimize R; the rate is set anew at every step.

The searches choose between the first two (Kunin et al. 2020, App. B.1); the third is J's
own, with which Kolen-Pollack's R is descended as J is.
"""


class Optimizers:
    """One optimizer, one list of variables and one learning rate for each loss."""

    def __init__(
        self,
        optimizers: Sequence[Any],
        variables: Sequence[Sequence[Any]],
        *,
        minibatches: int = 1,
        noise_variances: Sequence[tf.Variable | None] | None = None,
    ) -> None:
        """Pair optimizer i with the Keras variables i, and build its accumulators.

        `noise_variances` makes updates noisy (Kunin et al. 2020, App. B.3): after
        optimizer i's own update each of its variables moves by the learning rate times
        N(0, variance i), past momentum and Adam's moments. None, alone or for an
        optimizer, is no noise and costs nothing.

        `minibatches` splits each batch into equal parts whose gradients are averaged
        before anything moves: the memory of a part for the gradient of the whole
        (batch norm and batch centring still see one part at a time).
        """
        self.optimizers = list(optimizers)
        self.variables = [list(group) for group in variables]
        self.minibatches = minibatches
        self.noise_variances = list(noise_variances or [None] * len(self.optimizers))
        for optimizer, group in zip(self.optimizers, self.variables, strict=True):
            optimizer.build(group)

    def gradients(
        self,
        losses: Callable[..., tuple[Sequence[tf.Tensor], Any]],
        batch: Sequence[tf.Tensor],
        which: Sequence[int],
    ) -> tuple[list[list[tf.Tensor]], Any]:
        """The gradient of each loss named in `which` for its own variables only.

        `losses(part, *minibatch)` gets the minibatch's number and returns one scalar
        for each entry of `which` beside any tensors to be averaged along with the
        gradients.
        """
        groups = self.values(which)

        def of_part(part: tf.Tensor, *minibatch: tf.Tensor) -> tuple[list[list[tf.Tensor]], Any]:
            with tf.GradientTape(
                persistent=len(groups) > 1, watch_accessed_variables=False
            ) as tape:
                tape.watch(groups)
                values, extra = losses(part, *minibatch)
            found = [tape.gradient(*pair) for pair in zip(values, groups, strict=True)]
            return found, extra

        return self.mean_over_minibatches(of_part, batch)

    def values(self, which: Sequence[int]) -> list[list[tf.Variable]]:
        """The variables of each loss named in `which`, for a tape to watch."""
        return [[variable.value for variable in self.variables[index]] for index in which]

    def mean_over_minibatches(
        self, function: Callable[..., Any], batch: Sequence[tf.Tensor]
    ) -> Any:
        """The mean over minibatches of `function(part, *minibatch)`, any structure of tensors."""
        return _mean_over_parts(function, batch, self.minibatches)

    def apply(
        self,
        index: int,
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> None:
        """Move the variables of loss `index` with learning rate `rate`.

        A noisy optimizer needs the step's `seed` (2,), int32: the same one gives the
        same noise, on all replicas too.
        """
        optimizer = self.optimizers[index]
        optimizer.learning_rate.assign(rate)
        optimizer.apply(gradients, self.variables[index])
        variance = self.noise_variances[index]
        if variance is not None:
            # Replicas and layers fold numbers from 0 up into the seed.
            noise_seed = tf.random.fold_in(seed, -1 - index)
            _disturb(self.variables[index], rate * tf.sqrt(variance), noise_seed)

    def reset(self) -> None:
        """Forget all momentum and every step made."""
        for optimizer in self.optimizers:
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable.value))


def _disturb(variables: Sequence[Any], stddev: tf.Tensor, seed: tf.Tensor) -> None:
    def add_noise(variable: Any, seed: tf.Tensor, stddev: tf.Tensor) -> None:
        noise = tf.random.stateless_normal(variable.shape, seed, dtype=variable.dtype, alg="philox")
        variable.assign_add(tf.cast(stddev, variable.dtype) * noise)

    def on_each_copy(strategy: Any, seeds: list[Any], stddev: Any) -> None:
        for variable, own_seed in zip(variables, seeds, strict=True):
            strategy.extended.update(
                variable.value, add_noise, args=(own_seed, stddev), group=False
            )

    seeds = tf.unstack(tf.random.split(seed, len(variables)))
    tf.distribute.get_replica_context().merge_call(on_each_copy, args=(seeds, stddev))


def _mean_over_parts(function: Callable[..., Any], batch: Sequence[tf.Tensor], parts: int) -> Any:
    if parts == 1:
        return function(tf.constant(0), *batch)
    split = [
        tf.reshape(value, (parts, value.shape[0] // parts, *value.shape[1:])) for value in batch
    ]
    first = function(tf.constant(0), *(value[0] for value in split))

    def add(part: tf.Tensor, total: Any) -> tuple[tf.Tensor, Any]:
        values = function(part, *(value[part] for value in split))
        return part + 1, tf.nest.map_structure(tf.add, total, values)

    _, total = tf.while_loop(
        lambda part, _: part < parts, add, (tf.constant(1), first), parallel_iterations=1
    )
    return tf.nest.map_structure(lambda value: value / parts, total)
