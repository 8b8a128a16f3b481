"""A Keras model whose `fit` trains a learning rule as the paper does, with two optimizers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from alignment_core.errors import ConfigurationError
from alignment_core.layers.checks import claim
from alignment_core.layers.contexts import recording
from alignment_core.layers.direct import send_errors_of
from alignment_core.layers.keras_internals import Functional, count_of_steps, innermost, steps_of
from alignment_core.optimizers.optimizers import get_optimizer, mean_over_parts
from alignment_core.rules.draws import drawing
from alignment_core.training.averages import each_its_own, start_averages
from alignment_core.training.compile_checks import (
    refuse_another_models,
    refuse_contradictions,
    refuse_hdf5,
    refuse_no_term,
    refuse_unbuilt,
)
from alignment_core.training.objectives import forward_kernels
from alignment_core.training.regularization import Calls, Regularization, minibatch_seed, noise_seed

OWN_SETTINGS = (
    "alignment_optimizer",
    "alternating",
    "delay_steps",
    "minibatches",
    "weight_decay",
    "seed",
)
"""The arguments of `AlignedModel.compile` that Keras's own doesn't have."""

Gradients = list[tf.Tensor | None]
"""A gradient for each variable, None for those that the loss doesn't depend on."""


@keras.saving.register_keras_serializable("alignment_core")
class AlignedModel(keras.Model):
    """A Keras model that minimizes the cost J and the regularization R, each by its optimizer.

    It is made of inputs and outputs, or subclassed, as `keras.Model` is. Every layer with a rule
    below it takes part, nested to any depth. `fit`, `train_on_batch`, callbacks, strategies and
    saving are Keras's own. The logged loss is J.

        >>> inputs = keras.Input((64,))
        >>> hidden = Dense(32, activation="relu", learning_rule="symmetric_alignment")(inputs)
        >>> model = AlignedModel(inputs, Dense(10, learning_rule="symmetric_alignment")(hidden))
        >>> model.compile(
        ...     "nesterov_momentum",
        ...     keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ...     alignment_optimizer="adam",
        ... )
        >>> history = model.fit(np.ones((8, 64)), np.zeros(8, int), verbose=0)
        >>> sorted(history.history)
        ['loss']

    One training step is that of `Trainer`: with the same settings, optimizers, batches and seed,
    both train the same kernels.

    Attributes:
        alignment_optimizer: the optimizer of R, once the model is compiled.
    """

    alignment_optimizer: Any = None
    train_function: Any
    _is_delaying = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a functional model if inputs and outputs are given, as keras.Model does."""
        functional = len(args) >= 2 or "outputs" in kwargs
        return super().__new__(
            FunctionalAlignedModel if functional and cls is AlignedModel else cls
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make the model of inputs and outputs, or begin a subclassed one, as keras.Model does."""
        if (len(args) >= 2 or "outputs" in kwargs) and not isinstance(self, Functional):
            # Keras itself would make AlignedModel functional, and with it all other subclasses.
            _make_functional(type(self))
            FunctionalAlignedModel.__init__(self, *args, **kwargs)
            return
        super().__init__(*args, **kwargs)

    def compile(
        self,
        optimizer: Any = "nesterov_momentum",
        loss: Any = None,
        *,
        alignment_optimizer: Any = "adam",
        alternating: bool = True,
        delay_steps: int = 0,
        minibatches: int = 1,
        weight_decay: float = 0.0,
        seed: int = 0,
        jit_compile: Any = False,
        **kwargs: Any,
    ) -> None:
        """Set the optimizers and how they take turns (Kunin et al. 2020, App. B.1.2).

        Args:
            optimizer: J's optimizer: a key of `OPTIMIZERS`, or what Keras's compile takes.
            loss: the cost J, as Keras's compile takes it.
            alignment_optimizer: R's optimizer, given like J's; None only if no layer's R needs one.
            alternating: whether each batch makes a step on R and then one on J, instead of both at
                once.
            delay_steps: batches at the beginning on which R alone is minimized, rounded up to a
                multiple of `steps_per_execution`. Nothing but their number is logged then.
            minibatches: equal parts into which a batch is split to save memory.
            weight_decay: lambda of the L2 penalty lambda/2 |w|^2 on the forward kernels in J. The
                logged loss is without it. Kolen-Pollack needs the same decay on both kernels.
            seed: random seed of the noise that rules draw.
            jit_compile: whether XLA compiles the step.
            **kwargs: further keyword arguments of Keras's compile.

        Raises:
            UnknownNameError: no optimizer has this name.
            ConfigurationError: the settings contradict each other or the layers' rules.
        """
        for name, value, least in (
            ("delay_steps", delay_steps, 0),
            ("minibatches", minibatches, 1),
            ("weight_decay", weight_decay, 0),
            ("seed", seed, 0),
        ):
            if not value >= least:
                raise ConfigurationError(f"{name} must be at least {least}, not {value}")
        super().compile(get_optimizer(optimizer), loss, jit_compile=jit_compile, **kwargs)
        if alignment_optimizer is not None:
            if alignment_optimizer is optimizer and not isinstance(optimizer, str):
                raise ConfigurationError(
                    f"one optimizer can't minimize both J and R; give {self.name!r} a second one "
                    "as alignment_optimizer, for instance its name"
                )
            alignment_optimizer = get_optimizer(alignment_optimizer)
        self.alignment_optimizer = alignment_optimizer
        self.alternating = alternating
        self.delay_steps = delay_steps
        self.minibatches = minibatches
        self.weight_decay = weight_decay
        self.seed = seed
        self._plan: _Plan | None = None
        self._is_delaying = False
        if self.built:
            self._prepare()

    def get_compile_config(self) -> dict[str, Any]:
        """Return Keras's configuration of `compile` with the arguments that are ours."""
        if not self.compiled:
            return {}
        # Keras takes J's optimizer out of its own configuration when it writes HDF5.
        own = {"optimizer": innermost(self.optimizer)}
        own |= {name: getattr(self, name) for name in OWN_SETTINGS}
        serialize = keras.saving.serialize_keras_object
        return {**{n: serialize(v) for n, v in own.items()}, **super().get_compile_config()}

    def compile_from_config(self, config: Any) -> None:
        """Compile the model as `get_compile_config` describes it."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as keras.Model does; averages (use_ema) end in the variables that they are of."""
        with each_its_own(self):
            return super().fit(*args, **kwargs)

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """Save the model as .keras, as keras.Model does.

        Raises:
            ConfigurationError: the file is in the old format of HDF5.
        """
        refuse_hdf5(self, filepath)
        super().save(filepath, *args, **kwargs)

    def make_train_function(self, force: bool = False) -> Any:
        """Prepare both optimizers and return the function of one execution of `fit`."""
        if self.train_function is not None and not force:
            return self.train_function
        self._plan = None
        if self.built:
            self._prepare()
        super().make_train_function(force=True)
        if self.delay_steps:
            self._delay(self.train_function)
        return self.train_function

    def train_step(self, data: Any) -> dict[str, Any]:
        """Make one step on R, on J, or on both; return the metrics."""
        given = keras.utils.unpack_x_y_sample_weight(data)
        batch = [each for each in given if each is not None]
        if self._plan is None:
            self._build_for(batch[0])
        regularization = self._trained.regularization
        if not regularization.learning:
            self._apply(self._on_parts(self._cost_gradients, batch))
        elif self._is_delaying:
            self._align(self._on_parts(self._alignment_gradients, batch))
            return {"alignment_steps": tf.cast(steps_of(self.alignment_optimizer), tf.float32)}
        elif self.alternating:
            alignment = self._on_parts(self._alignment_gradients, batch)
            # J's step begins when R's gradients have read the kernels that it updates: ops.py.
            with tf.control_dependencies(_present(alignment)):
                batch = tf.nest.map_structure(tf.identity, batch)
            self._align(alignment)
            self._apply(self._on_parts(self._cost_gradients, batch))
        else:
            if regularization.needs_activations:
                cost, alignment = self._on_parts(self._both_gradients, batch)
            else:
                alignment = self._on_parts(self._alignment_gradients, batch)
                cost = self._on_parts(self._cost_gradients, batch)
            # Both updates wait until all kernels have been read.
            with tf.control_dependencies(_present([*cost, *alignment])):
                cost = [None if each is None else tf.identity(each) for each in cost]
                alignment = [None if each is None else tf.identity(each) for each in alignment]
            self._apply(cost)
            self._align(alignment)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return Keras's metrics; none while R alone is minimized and J has none yet."""
        if self._is_delaying and not all(getattr(each, "built", True) for each in self.metrics):
            return {}
        return dict(super().get_metrics_result())

    def _build_for(self, x: Any) -> None:
        """Build a subclassed model for its first batch, before its layers are collected."""
        symbolic = tf.nest.map_structure(
            lambda each: keras.KerasTensor(each.shape, each.dtype.name), x
        )
        self(symbolic, training=False)
        self._prepare()

    def _prepare(self) -> None:
        """Collect the layers with a rule, check them, and build both optimizers."""
        with self.distribute_strategy.scope():
            regularization = Regularization(self)
            refuse_unbuilt(self, regularization)
            refuse_contradictions(self, regularization)
            for layer in regularization.layers:
                claim(layer, self)
            learning = [layer.backward_kernel for layer in regularization.learning]
            apart = {id(variable) for variable in learning}
            rest = [v for v in self.trainable_variables if id(v) not in apart]
            self._plan = _Plan(regularization, rest, learning, forward_kernels(self))
            self._build_optimizer(self.optimizer, rest)
            if learning:
                self._build_optimizer(self.alignment_optimizer, learning)

    def _build_optimizer(self, optimizer: Any, variables: list[Any]) -> None:
        refuse_another_models(self, optimizer, variables)
        if not optimizer.built:
            optimizer.build(variables)
        start_averages(optimizer)

    def _delay(self, both: Callable[[Any], Any]) -> None:
        """Choose, before each execution, the function that minimizes R alone or J and R."""
        super().make_train_function(force=True)
        alone = self.train_function

        def train(iterator: Any) -> Any:
            self._is_delaying = count_of_steps(self.alignment_optimizer) < self.delay_steps
            return (alone if self._is_delaying else both)(iterator)

        self.train_function = train

    def _on_parts(self, function: Callable[..., Any], batch: list[Any]) -> Any:
        """Return the mean of `function(seed of the noise, *minibatch)` over minibatches."""
        numbers = [noise_seed(self.seed), 0]
        if self.alignment_optimizer is not None:
            numbers[1] = tf.cast(steps_of(self.alignment_optimizer).value, tf.int32)
        seed = tf.stack(numbers)
        return mean_over_parts(
            lambda part, *each: function(minibatch_seed(seed, part, self.minibatches), *each),
            batch,
            self.minibatches,
        )

    def _cost_gradients(self, _: tf.Tensor, *batch: Any) -> Gradients:
        variables = [variable.value for variable in self._trained.cost]
        with recording(), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            loss = self._cost(*batch)
        return _dense(tape.gradient(loss, variables))

    def _alignment_gradients(self, seed: tf.Tensor, x: Any, *_: Any) -> Gradients:
        return self._gradients_of(self._trained.regularization.calls(x, seed, training=True))

    def _both_gradients(self, seed: tf.Tensor, *batch: Any) -> tuple[Gradients, Gradients]:
        variables = [variable.value for variable in self._trained.cost]
        scale = self.optimizer.scale_loss(tf.ones(()))
        gradients, calls, _ = self._trained.regularization.gradients_and_calls(
            lambda: (self._cost(*batch), ()), variables, seed, scale
        )
        return _dense(gradients), self._gradients_of(calls)

    def _gradients_of(self, calls: Calls) -> Gradients:
        refuse_no_term(self, self._trained.regularization, calls)
        return _dense(self._trained.regularization.gradients(calls))

    def _cost(self, x: Any, y: Any = None, sample_weight: Any = None) -> tf.Tensor:
        """Return this replica's share of J with its penalties, scaled as its optimizer wants it."""
        # Numbers that a rule draws anew, the same for all minibatches and replicas: as `Trainer`
        # draws them at its step of this number.
        step = tf.cast(steps_of(self.optimizer).value, tf.int32)
        draws = tf.random.fold_in(tf.stack([noise_seed(self.seed), step]), 1)
        with drawing(draws), recording() as calls:
            y_pred = self(x, training=True)
        y_pred = send_errors_of(self, y_pred, calls)
        loss = self.compute_loss(
            x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
        )
        plan = self._trained
        share = plan.regularization.share
        for metric in self.metrics:
            if metric.name == "loss":
                size = tf.shape(tf.nest.flatten(x)[0])[0]
                metric.update_state(loss / share, sample_weight=size)
        self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)
        if self.weight_decay and plan.forward_kernels:
            norms = [tf.nn.l2_loss(kernel.value) for kernel in plan.forward_kernels]
            penalty = tf.add_n([tf.cast(norm, loss.dtype) for norm in norms])
            loss += share * self.weight_decay * penalty
        if plan.regularization.tied:
            loss += share * tf.cast(plan.regularization.tied_term(), loss.dtype)
        return self.optimizer.scale_loss(loss)

    @property
    def _trained(self) -> "_Plan":
        assert self._plan is not None
        return self._plan

    def _apply(self, gradients: Gradients) -> None:
        self.optimizer.apply(gradients, self._trained.cost)

    def _align(self, gradients: Gradients) -> None:
        pairs = zip(gradients, self._trained.alignment, strict=True)
        found, kernels = zip(*(pair for pair in pairs if pair[0] is not None), strict=True)
        # An optimizer that scales its loss divides gradients by the scale.
        scale = self.alignment_optimizer.scale_loss(1.0)
        if tf.is_tensor(scale) or scale != 1.0:
            found = tuple(scale * gradient for gradient in found)
        self.alignment_optimizer.apply(found, kernels)


@dataclass(frozen=True, eq=False)
class _Plan:
    """The variables that a compiled model trains, kept apart from the attributes that Keras tracks.

    Attributes:
        regularization: R of the model.
        cost: the variables of J's optimizer.
        alignment: the variables of R's optimizer.
        forward_kernels: the kernels that the L2 penalty is on.
    """

    regularization: Regularization
    cost: list[Any]
    alignment: list[Any]
    forward_kernels: list[Any]


def _dense(gradients: Any) -> Gradients:
    """Return gradients as dense tensors; None stays, so that an optimizer leaves the variable."""
    return [None if each is None else tf.convert_to_tensor(each) for each in gradients]


def _present(gradients: Gradients) -> list[tf.Tensor]:
    return [each for each in gradients if each is not None]


@keras.saving.register_keras_serializable("alignment_core")
class FunctionalAlignedModel(AlignedModel, Functional):
    """The class of an `AlignedModel` that is made of inputs and outputs."""


def _make_functional(kind: type) -> None:
    """Replace AlignedModel by its functional form below a subclass that calls it with outputs."""
    for base in kind.__bases__:
        if base is not AlignedModel and issubclass(base, AlignedModel):
            _make_functional(base)
    kind.__bases__ = tuple(
        FunctionalAlignedModel if base is AlignedModel else base for base in kind.__bases__
    )
