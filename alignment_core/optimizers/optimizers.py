"""The optimizers, and their combination for several losses.

The total loss is J + R (Kunin et al. 2020, App. A.3). The categorization loss J updates the forward
weights by their pseudogradients, the alignment loss R the backward weights by their gradients. Each
loss has its own optimizer.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from alignment_core.errors import ConfigurationError, UnknownNameError

MOMENTUM = 0.9
"""Default momentum of J's optimizer (Kunin et al. 2020, App. B.2; He et al. 2016)."""


@keras.saving.register_keras_serializable("alignment_core")
class NesterovMomentum(keras.optimizers.Optimizer):
    """Nesterov momentum as in TensorFlow 1: v = m v + g, then w -= rate (g + m v).

    The accumulator v sums plain gradients, without the learning rate. Keras's SGD(nesterov=True)
    multiplies them by the rate instead. Both agree while the rate is constant. At warm-ups and
    drops they differ, because Keras's velocity contains the old rates.

    Args:
        learning_rate: initial learning rate.
        momentum: m.
        name: name of the optimizer and prefix of its variables.
        **kwargs: keyword arguments of keras.optimizers.Optimizer.

        >>> NesterovMomentum(learning_rate=0.1).momentum
        0.9
    """

    nesterov = True

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
        """Create an accumulator of zeros for each variable."""
        if self.built:
            return
        super().build(variables)
        self.accumulators = self.add_optimizer_variables(variables, "accumulator")

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        """Update one variable by one fused kernel, which XLA supports as well."""
        accumulator = self.accumulators[self._get_variable_index(variable)].value
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=accumulator.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=self.nesterov,
        )

    def get_config(self) -> dict[str, Any]:
        """Return Keras's configuration and the momentum."""
        return {**super().get_config(), "momentum": self.momentum}


@keras.saving.register_keras_serializable("alignment_core")
class Momentum(NesterovMomentum):
    """Momentum as in TensorFlow 1 and in PyTorch's SGD: v = m v + g, then w -= rate v.

    >>> Momentum(learning_rate=0.1, momentum=0.5).momentum
    0.5
    """

    nesterov = False


@keras.saving.register_keras_serializable("alignment_core")
class Adam(keras.optimizers.Adam):
    """Adam with TensorFlow 1's default epsilon of 1e-8; Keras 3's is 1e-7.

    The update is Keras's formula, computed by one fused kernel for each variable:
    w -= rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Args:
        learning_rate: initial learning rate.
        epsilon: added to the square root of the second moment.
        **kwargs: keyword arguments of keras.optimizers.Adam.

        >>> Adam(learning_rate=0.001).epsilon
        1e-08
    """

    def __init__(self, learning_rate: float = 0.001, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, epsilon=epsilon, **kwargs)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        """Update one variable and its two moments."""
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


@keras.saving.register_keras_serializable("alignment_core")
class GradientDescent(keras.optimizers.Optimizer):
    """Plain gradient descent: w -= rate g, by one fused kernel for each variable.

    Args:
        learning_rate: initial learning rate.
        name: name of the optimizer.
        **kwargs: keyword arguments of keras.optimizers.Optimizer.

        >>> GradientDescent().name
        'gradient_descent'
    """

    def __init__(
        self, learning_rate: float = 1.0, name: str = "gradient_descent", **kwargs: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: Any) -> None:
        """Update one variable."""
        tf.raw_ops.ResourceApplyGradientDescent(
            var=variable.handle,
            alpha=tf.cast(learning_rate, variable.dtype),
            delta=tf.cast(gradient, variable.dtype),
        )


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "nesterov_momentum": NesterovMomentum,
    "momentum": Momentum,
    "adam": Adam,
    "vanilla_gd": GradientDescent,
}
"""Optimizers of J and of R by name. A training sets their learning rate at every step.

The paper optimizes J by Nesterov momentum. Its searches choose between the last two for R (Kunin
et al. 2020, App. B.1). With J's optimizer for R, KolenPollackAngle equals KolenPollack.
"""


def get_optimizer(optimizer: Any, **settings: Any) -> Any:
    """Return a Keras optimizer by one of our names or of Keras's.

        >>> get_optimizer("adam").epsilon
        1e-08

    Args:
        optimizer: a key of `OPTIMIZERS`, a name that Keras knows ("sgd"), a Keras optimizer or its
            configuration.
        **settings: keyword arguments of an optimizer of `OPTIMIZERS`.

    Raises:
        UnknownNameError: no optimizer has this name.
    """
    if not isinstance(optimizer, str):
        return keras.optimizers.get(optimizer)
    if optimizer in OPTIMIZERS:
        return OPTIMIZERS[optimizer](**settings)
    try:
        return keras.optimizers.get(optimizer)
    except ValueError:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS) from None


class Optimizers:
    """The optimizers of several losses, each with its own variables and learning rate.

        >>> layer = Dense(1, learning_rule=SymmetricAlignment({"self": 1.0, "decay": 1.0}))
        >>> layer.build((None, 2))
        >>> optimizers = Optimizers(
        ...     [NesterovMomentum(), Adam()], [[layer.kernel, layer.bias], [layer.backward_kernel]]
        ... )
        >>> len(optimizers.variables[0]), len(optimizers.variables[1])
        (2, 1)

    Attributes:
        optimizers: the Keras optimizer of each loss.
        variables: the variables of each loss.
        minibatches: number of parts of a batch.
        noise_variances: variance of the noise on each loss's updates, or None.
        noisy: the variables that this noise disturbs, for each loss.
    """

    def __init__(
        self,
        optimizers: Sequence[Any],
        variables: Sequence[Sequence[Any]],
        *,
        minibatches: int = 1,
        noise_variances: Sequence[tf.Variable | None] | None = None,
        noisy: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        """Build each optimizer for its variables.

        Args:
            optimizers: a Keras optimizer for each loss.
            variables: the Keras variables that each optimizer updates.
            minibatches: number of equal parts into which each batch is split. Their gradients are
                averaged before the update. This needs a part's memory only. Batch norm and batch
                centring see one part at a time.
            noise_variances: variance of the noise on each optimizer's updates (Kunin et al. 2020,
                App. B.3). After the optimizer's own update each variable moves by the learning rate
                times N(0, variance); momentum and Adam's moments don't see this noise. None is no
                noise, at no cost.
            noisy: the variables of each loss that the noise disturbs; None disturbs all of them.
        """
        self.optimizers = list(optimizers)
        self.variables = [list(group) for group in variables]
        self.minibatches = minibatches
        self.noise_variances = list(noise_variances or [None] * len(self.optimizers))
        self.noisy = self.variables if noisy is None else [list(group) for group in noisy]
        for optimizer, group in zip(self.optimizers, self.variables, strict=True):
            optimizer.build(group)

    def gradients(
        self,
        losses: Callable[..., tuple[Sequence[tf.Tensor], Any]],
        batch: Sequence[tf.Tensor],
        which: Sequence[int],
    ) -> tuple[list[list[tf.Tensor]], Any]:
        """Return the gradient of each loss in `which` for its own variables, and `extra` tensors.

        Args:
            losses: function (number of the minibatch, *minibatch) -> (one scalar for each entry of
                `which`, extra tensors, which are averaged over minibatches like the gradients).
            batch: tensors whose first axis is the batch.
            which: indices of losses.
        """
        groups = self.values(which)

        def of_part(part: tf.Tensor, *minibatch: tf.Tensor) -> tuple[list[list[tf.Tensor]], Any]:
            with tf.GradientTape(
                persistent=len(groups) > 1, watch_accessed_variables=False
            ) as tape:
                tape.watch(groups)
                values, extra = losses(part, *minibatch)
            found = [
                dense_gradients(tape.gradient(value, group), group)
                for value, group in zip(values, groups, strict=True)
            ]
            return found, extra

        return self.mean_over_minibatches(of_part, batch)

    def values(self, which: Sequence[int]) -> list[list[tf.Variable]]:
        """Return the TensorFlow variables of each loss in `which`, for a tape to watch."""
        return [[variable.value for variable in self.variables[index]] for index in which]

    def mean_over_minibatches(
        self, function: Callable[..., Any], batch: Sequence[tf.Tensor]
    ) -> Any:
        """Return the mean over minibatches of `function(number, *minibatch)`, nested tensors."""
        return mean_over_parts(function, batch, self.minibatches)

    def apply(
        self,
        index: int,
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> None:
        """Update the variables of loss `index`.

        Args:
            index: index of the loss.
            gradients: a gradient for each of the loss's variables.
            rate: learning rate.
            seed: int32 seed (2,) of the step's noise, if the updates are noisy. The same seed
                gives the same noise, on all replicas.
        """
        optimizer = self.optimizers[index]
        optimizer.learning_rate.assign(rate)
        optimizer.apply(gradients, self.variables[index])
        variance = self.noise_variances[index]
        if variance is not None:
            # Replicas and layers fold numbers from 0 upwards into the seed, so these are negative.
            noise_seed = tf.random.fold_in(seed, -1 - index)
            _disturb(self.noisy[index], rate * tf.sqrt(variance), noise_seed)

    def zeros(self, index: int) -> list[tf.Tensor]:
        """Return a gradient of zeros for each variable of loss `index`."""
        return [tf.zeros(variable.shape, variable.dtype) for variable in self.variables[index]]

    def reset(self) -> None:
        """Set all variables of the optimizers to zero, moments and step counts included."""
        for optimizer in self.optimizers:
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable.value))


def dense_gradients(gradients: Sequence[Any], variables: Sequence[Any]) -> list[tf.Tensor]:
    """Return gradients as dense tensors, zeros for variables that the loss doesn't depend on."""
    return [
        tf.zeros_like(variable) if gradient is None else tf.convert_to_tensor(gradient)
        for gradient, variable in zip(gradients, variables, strict=True)
    ]


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


def mean_over_parts(function: Callable[..., Any], batch: Sequence[Any], parts: int) -> Any:
    """Return the mean of `function` over equal parts of a batch, computed one after the other.

    Args:
        function: function (number of the part, *part of each of `batch`) -> nested tensors. None in
            their place stays None.
        batch: nested tensors whose first axis is the batch.
        parts: number of parts.

    Raises:
        ConfigurationError: the batch can't be split into equal parts.
    """
    if parts == 1:
        return function(tf.constant(0), *batch)
    split = tf.nest.map_structure(lambda value: _split(value, parts), list(batch))
    first = function(tf.constant(0), *_part(split, 0))
    leaves = tf.nest.flatten(first)
    present = [index for index, leaf in enumerate(leaves) if leaf is not None]

    def add(part: tf.Tensor, totals: list[Any]) -> tuple[tf.Tensor, list[Any]]:
        values = tf.nest.flatten(function(part, *_part(split, part)))
        sums = [total + values[i] for total, i in zip(totals, present, strict=True)]
        return part + 1, sums

    start = tf.constant(1), [leaves[index] for index in present]
    _, totals = tf.while_loop(lambda part, _: part < parts, add, start, parallel_iterations=1)
    for index, total in zip(present, totals, strict=True):
        leaves[index] = total / parts
    return tf.nest.pack_sequence_as(first, leaves)


def _part(split: Any, part: Any) -> Any:
    return tf.nest.map_structure(lambda value: value[part], split)


def _split(value: tf.Tensor, parts: int) -> tf.Tensor:
    size = value.shape[0]
    problem = (
        f"can't be split into {parts} equal minibatches; make the batch size a multiple of "
        f"{parts}, and drop the remainder of the data"
    )
    if size is not None and size % parts:
        raise ConfigurationError(f"a batch of {size} {problem}")
    if size is None:
        rest = tf.shape(value)[0] % parts
        is_even = tf.debugging.assert_equal(rest, 0, f"a batch {problem}")
        with tf.control_dependencies([] if is_even is None else [is_even]):
            value = tf.identity(value)
    return tf.reshape(value, (parts, -1 if size is None else size // parts, *value.shape[1:]))
