"""A network with its optimizers and all compiled graphs of its training."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields
from typing import Any

import tensorflow as tf

from alignment_core.models import get_model, initialize
from alignment_core.optimizers.optimizers import Optimizers, get_optimizer
from alignment_core.rules.alignment import Alignment
from alignment_core.rules.feedback_alignment import FeedbackAlignment
from alignment_core.rules.primitives import PRIMITIVES
from alignment_core.rules.table import LEARNING_RULES
from alignment_core.training import accelerators, checkpoints
from alignment_core.training.config import TrainingConfig
from alignment_core.training.objectives import Objectives
from alignment_core.training.steps import (
    LOSS,
    AlignmentSteps,
    AlignmentUpdate,
    LossSteps,
    on_replicas,
)

KEPT_RULES = 2
"""Rules whose compiled steps a network caches. Each takes about 40 MB. In a search that samples the
operations, few rules occur twice."""


_PROPAGATION = (
    "propagating_kernel",
    "backward_units",
    "backward_initializer",
    "add_variables",
    "direct",
)
"""Members of `Alignment` by which a rule changes how a network propagates gradients."""

CHANGEABLE = {
    # Values that a compiled step receives as arguments or variables, or that the host uses.
    *("learning_rate", "alignment_learning_rate", "weights", "weight_decay", "seed"),
    *("epochs", "schedule_epochs", "warmup_epochs", "drop_epochs", "delay_epochs"),
    *("alternating", "coasting"),
    # A batch of another size is traced at its first step.
    "batch_size",
    # A rule of the same kind, its operations, and the noise that replaces inputs: their steps are
    # in a cache of their own (`CompiledNetwork._steps_of_rule`).
    *("learning_rule", "operations", "noise_stddev"),
    # The variances; whether there is noise at all is a part of the structure.
    *("update_noise_variance", "alignment_update_noise_variance"),
}
"""Settings that may change once a network is built. Any other one makes another network."""


def structure(config: TrainingConfig) -> Hashable:
    """Return the values of a configuration that can't change once a network is built."""
    fixed = {field.name for field in fields(config)} - CHANGEABLE
    if not config.has_alignment_loss:
        fixed.remove("alignment_optimizer")
    return (
        *((name, getattr(config, name)) for name in sorted(fixed)),
        config.input_options,
        _propagation(config.learning_rule),
        config.has_alignment_loss,
        config.ties_gradients,
        _noisy_updates(config),
    )


class CompiledNetwork:
    """A network and graphs that are built once for all configurations of one `structure`.

    Learning rates, weights and noise are variables or arguments of the graphs. A graph is traced
    when it is first called.

    Attributes:
        model: the Keras model.
        objectives: J and R of the model.
        optimizers: J's optimizer, and R's if R has its own.
        state: all variables that a training changes, as checkpoints save them.
        loss_steps: the steps on J alone.
        alignment_steps: the steps of the current rule; None if no R has its own optimizer.
        evaluate: (images, labels) -> sum of J and number of right answers (2,), without padding
            rows.
        gradient_angles: (images, labels) -> angles (layers,) in degrees; see
            `weight_metrics.gradient_angles`.
    """

    def __init__(
        self, config: TrainingConfig, image_shape: tuple[int, int, int], num_classes: int
    ) -> None:
        """Build the network under the strategy in scope and set `config`.

        Raises:
            ConfigurationError: the network can't be built.
        """
        self._strategy = tf.distribute.get_strategy()
        self._outputs = num_classes
        self._weights = {name: tf.Variable(0.0, trainable=False) for name in PRIMITIVES}
        self._noise_stddev = tf.Variable(0.0, trainable=False)
        self._weight_decay = tf.Variable(0.0, trainable=False)
        self._noise_variances = [
            tf.Variable(0.0, trainable=False) if noisy else None for noisy in _noisy_updates(config)
        ]
        self._rules: OrderedDict[Hashable, tuple[Alignment, AlignmentSteps]] = OrderedDict()
        with accelerators.precision(config.precision):
            self.model = get_model(config.model)(
                image_shape,
                num_classes,
                width=config.width,
                stem=config.stem,
                learning_rule=self._new_rule(config),
                seed=config.seed,
            )
        self.objectives = Objectives(
            self.model, self._weight_decay, decays_biases=config.decays_biases
        )
        self.optimizers = self._new_optimizers(config)
        self.state = checkpoints.variables(self.model, self.optimizers.optimizers)
        jit_compile = config.jit_compile
        self.loss_steps = LossSteps(self.objectives, self.optimizers, jit_compile=jit_compile)
        self._update = AlignmentUpdate(self.optimizers, jit_compile=jit_compile)
        self.alignment_steps: AlignmentSteps | None = None
        self.evaluate = on_replicas(self.objectives.evaluate, add_up=True, jit_compile=jit_compile)
        self.gradient_angles = on_replicas(
            self.objectives.gradient_angles, add_up=True, jit_compile=jit_compile
        )
        self.configure(config)

    def configure(self, config: TrainingConfig) -> None:
        """Set the values and the rule of a configuration of the same structure."""
        self._weight_decay.assign(config.weight_decay)
        self._noise_stddev.assign(config.noise_stddev or 0.0)
        for variable, variance in zip(
            self._noise_variances,
            (config.update_noise_variance, config.alignment_update_noise_variance),
            strict=True,
        ):
            if variable is not None:
                variable.assign(variance)
        for primitive, weight in config.weights.items():
            if primitive not in self._weights:
                # A primitive that was added after the network was built.
                with self._strategy.scope():
                    self._weights[primitive] = tf.Variable(0.0, trainable=False)
            self._weights[primitive].assign(weight)
        self.alignment_steps = None
        if config.has_alignment_loss:
            with self._strategy.scope():
                rule, self.alignment_steps = self._steps_of_rule(config)
            self.alignment_steps.alternating = config.alternating
            self.alignment_steps.coasting = config.coasting
            for layer in self.objectives.layers:
                layer.learning_rule = rule

    def start(self, seed: int) -> None:
        """Draw the seed's initial weights and reset the optimizers."""
        initialize(self.model, seed)
        self.optimizers.reset()

    @property
    def measuring_traces(self) -> int:
        """Number of graphs traced so far, of steps of the current rule and of metrics."""
        of_rule = self.alignment_steps.traces if self.alignment_steps else 0
        return of_rule + int(self.gradient_angles.experimental_get_tracing_count())

    def _new_optimizers(self, config: TrainingConfig) -> Optimizers:
        regularization = self.objectives.regularization
        learning = [layer.backward_kernel for layer in regularization.learning]
        tied = [layer.backward_kernel for layer in regularization.tied]
        moved_apart = {id(variable) for variable in learning + tied}
        variables = [v for v in self.model.trainable_variables if id(v) not in moved_apart]
        groups = [variables + tied]
        has_momentum = config.optimizer in ("nesterov_momentum", "momentum")
        settings = {"momentum": config.momentum} if has_momentum else {}
        optimizers = [get_optimizer(config.optimizer, **settings)]
        if config.has_alignment_loss:
            optimizers.append(get_optimizer(config.alignment_optimizer))
            groups.append(learning)
        noisy = list(groups)
        if config.noisy_variables == "backward":
            noisy[LOSS] = tied
        return Optimizers(
            optimizers,
            groups,
            minibatches=config.minibatches,
            noise_variances=self._noise_variances[: len(optimizers)],
            noisy=noisy,
        )

    def _new_rule(self, config: TrainingConfig) -> Alignment | None:
        rule = LEARNING_RULES[config.learning_rule]
        if rule is None:
            return None
        own: dict[str, Any] = {"outputs": self._outputs} if rule.direct else {}
        return rule(
            {name: self._weights[name] for name in config.weights},
            config.operations,
            None if config.noise_stddev is None else self._noise_stddev,
            **own,
        )

    def _steps_of_rule(self, config: TrainingConfig) -> tuple[Alignment, AlignmentSteps]:
        key = (config.learning_rule, config.operations, config.noise_stddev is None)
        if key not in self._rules:
            rule = self._new_rule(config)
            assert rule is not None
            steps = AlignmentSteps(
                self.loss_steps,
                self._update,
                self.objectives,
                self.optimizers,
                jit_compile=config.jit_compile,
            )
            self._rules[key] = rule, steps
        self._rules.move_to_end(key)
        while len(self._rules) > KEPT_RULES:
            self._rules.popitem(last=False)
        return self._rules[key]


def _propagation(learning_rule: str) -> type[Alignment] | None:
    """Return the class of the rule that decides how a network propagates gradients.

    Rules that leave the backward kernel as it is share a network: FeedbackAlignment stands for
    them.
    """
    rule = LEARNING_RULES[learning_rule]
    if rule is None:
        return None
    changes = any(getattr(rule, name) is not getattr(Alignment, name) for name in _PROPAGATION)
    return rule if changes else FeedbackAlignment


def _noisy_updates(config: TrainingConfig) -> tuple[bool, bool]:
    """Return whether J's and R's updates are noisy, which decides what their graphs compute."""
    return config.update_noise_variance > 0, config.alignment_update_noise_variance > 0
