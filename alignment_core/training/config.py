"""The configuration of a training."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from alignment_core import data
from alignment_core.accelerator_names import PRECISIONS
from alignment_core.errors import ConfigurationError, UnknownNameError
from alignment_core.model_names import usual_preprocessing
from alignment_core.models import MODELS
from alignment_core.optimizers.optimizers import MOMENTUM, OPTIMIZERS
from alignment_core.optimizers.rate_scheduler import DROP_EPOCHS, WARMUP_EPOCHS, RateSchedule
from alignment_core.rules.backward_pass import BackwardPassOperations
from alignment_core.rules.table import LEARNING_RULES

SEARCH_EPOCHS = 45.0
"""Epochs of a search's trainings, between the first drop and the second one of the learning rate
(Kunin et al. 2020, App. B.1)."""

NOISY_VARIABLES = ("all", "backward")
"""The values of `TrainingConfig.noisy_variables`."""

WEIGHT_DECAY = 1e-4
"""Default lambda of the L2 penalty (Kunin et al. 2020, App. B.1)."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The complete configuration of one training: it alone decides the training's result.

        >>> config = TrainingConfig(
        ...     dataset="digits",
        ...     epochs=10,
        ...     batch_size=64,
        ...     learning_rate=0.1,
        ...     learning_rule="symmetric_alignment",
        ...     weights={"self": 1.0, "decay": 1.0},
        ... )
        >>> config.has_alignment_loss
        True

    Attributes:
        dataset: name of the data set, a key of `data.DATA_SETS`.
        epochs: passes over the training split, the delay included.
        batch_size: images of a batch, of all replicas together.
        learning_rate: J's learning rate at its highest.
        learning_rule: name of the rule, a key of `LEARNING_RULES`.
        weights: weight of each of the rule's primitives by name.
        operations: switches of the backward pass (BackwardPassOperations).
        noise_stddev: standard deviation of the Gaussian noise that replaces the layers' inputs in
            R; None uses the inputs themselves.
        optimizer: name of J's optimizer, a key of `OPTIMIZERS`.
        alignment_optimizer: name of R's optimizer, a key of `OPTIMIZERS`.
        alignment_learning_rate: R's learning rate at its highest.
        alternating: whether each iteration makes a step on R and then one on J, instead of both at
            once.
        coasting: whether the optimizer whose turn it isn't makes a step with a zero gradient, as in
            the published code of Kunin et al. 2020, instead of none. Momentum then coasts, and
            Adam moves the backward kernels about 1.41 times as far.
        delay_epochs: epochs at the beginning in which R alone is minimized.
        data_dir: folder or gs:// address of the data set; None is the data set's usual place.
        model: name of the network, a key of `models.MODELS`.
        width: channels of the first stage, or units of a dense network's hidden layers.
        stem: first layers of a residual network, "imagenet" or "small".
        schedule_epochs: epochs of the paper's schedule that this training runs through. Delay,
            warm-up and drops are multiplied by epochs / schedule_epochs.
        warmup_epochs: epochs of linear warm-up.
        drop_epochs: epochs at which learning rates drop to a tenth.
        momentum: momentum of J's optimizer, if it has one.
        weight_decay: lambda of the L2 penalty lambda/2 |w|^2.
        decays_biases: whether the penalty is on biases, too, as in the published code of Kunin et
            al. 2020 (on the last layer's) and in PyTorch's optimizers.
        update_noise_variance: variance of the noise on J's updates (Kunin et al. 2020, App. B.3;
            `Optimizers`). It disturbs the variables that J's optimizer moves: all but the backward
            kernels, and these, too, if the rule ties gradients.
        noisy_variables: the variables that this noise disturbs: "all" that J's optimizer moves, or
            the "backward" kernels alone, as in the published code of Kunin et al. 2020.
        alignment_update_noise_variance: variance of the noise on R's updates.
        minibatches: equal parts into which a batch is split to save memory (`Optimizers`).
        image_size: side of a streamed data set's images in pixels; None is the preprocessing's own.
        preprocessing: name of a streamed data set's preprocessing; None is the one that the
            network was published with.
        on_corrupt: whether a corrupt record of a streamed data set raises ("refuse") or is left
            out ("skip").
        precision: precision of matrix products and convolutions, "float32" or "bfloat16".
        seed: random seed of initial weights, order of images, augmentation and noise.
        jit_compile: whether XLA compiles the graphs.

    Delay, warm-up and drops are given in epochs of the paper's schedule.

    Raises:
        UnknownNameError: a name is in none of the tables.
        ConfigurationError: a value is out of range or contradicts another one.
    """

    dataset: str
    epochs: int
    batch_size: int
    learning_rate: float
    learning_rule: str = "backpropagation"
    weights: Mapping[str, float] = field(default_factory=dict)
    operations: BackwardPassOperations = field(default_factory=BackwardPassOperations)
    noise_stddev: float | None = None
    optimizer: str = "nesterov_momentum"
    alignment_optimizer: str = "adam"
    alignment_learning_rate: float = 0.001
    alternating: bool = True
    coasting: bool = False
    delay_epochs: float = 0.0
    data_dir: Path | str | None = None
    model: str = "resnet18"
    width: int = 64
    stem: str = "small"
    schedule_epochs: float = SEARCH_EPOCHS
    warmup_epochs: float = WARMUP_EPOCHS
    drop_epochs: tuple[float, ...] = DROP_EPOCHS
    momentum: float = MOMENTUM
    weight_decay: float = WEIGHT_DECAY
    decays_biases: bool = False
    update_noise_variance: float = 0.0
    noisy_variables: Literal["all", "backward"] = "all"
    alignment_update_noise_variance: float = 0.0
    minibatches: int = 1
    image_size: int | None = None
    preprocessing: str | None = None
    on_corrupt: Literal["refuse", "skip"] = "refuse"
    precision: str = "float32"
    seed: int = 0
    jit_compile: bool = False

    def __post_init__(self) -> None:
        known = data.info(self.dataset)
        for kind, name, names in (
            ("model", self.model, MODELS),
            ("learning rule", self.learning_rule, LEARNING_RULES),
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("alignment optimizer", self.alignment_optimizer, OPTIMIZERS),
            ("precision", self.precision, PRECISIONS),
        ):
            if name not in names:
                raise UnknownNameError(kind, name, names)
        data.check_options(self.dataset, self.input_options)
        for label, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("minibatches", 1),
            ("schedule_epochs", 1),
            ("learning_rate", 0),
            ("alignment_learning_rate", 0),
            ("momentum", 0),
            ("weight_decay", 0),
            ("update_noise_variance", 0),
            ("alignment_update_noise_variance", 0),
            ("seed", 0),
        ):
            value = getattr(self, label)
            if not (least <= value < math.inf):
                raise ConfigurationError(f"{label} must be at least {least}, not {value}")
        rule = LEARNING_RULES[self.learning_rule]
        primitives = () if rule is None else rule.primitives
        if set(self.weights) != set(primitives):
            raise ConfigurationError(
                f"{self.learning_rule} takes {_names('weights', primitives)}, "
                f"not {_names('weights', self.weights)}"
            )
        for primitive, weight in self.weights.items():
            if not math.isfinite(weight):
                raise ConfigurationError(f"the weight of {primitive} must be finite, not {weight}")
        if self.noise_stddev is not None and not 0 < self.noise_stddev < math.inf:
            raise ConfigurationError(
                f"noise_stddev must be positive, or None for no noise, not {self.noise_stddev}"
            )
        if self.batch_size > known.train_size:
            raise ConfigurationError(
                f"a batch of {self.batch_size} is larger than {self.dataset}'s training split of "
                f"{known.train_size:,}; lower the batch size or raise the batch divisor"
            )
        if self.batch_size % self.minibatches:
            raise ConfigurationError(
                f"a batch of {self.batch_size} can't be split into {self.minibatches} equal parts; "
                "make batch_size a multiple of minibatches"
            )
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        rule = self.learning_rule
        if self.delay_epochs and not self.has_alignment_loss:
            raise ConfigurationError(
                f"{rule} has no alignment loss to optimize during a delay of "
                f"{self.delay_epochs:g} epochs; set delay_epochs to 0"
            )
        if not 0 <= self.delay_epochs < self.schedule_epochs:
            raise ConfigurationError(
                f"a delay of {self.delay_epochs:g} epochs doesn't fit into a schedule of "
                f"{self.schedule_epochs:g}"
            )
        if self.alignment_update_noise_variance and not self.has_alignment_loss:
            raise ConfigurationError(
                f"{rule} has no optimizer of its own for backward kernels, whose updates could be "
                "noisy; set alignment_update_noise_variance to 0"
            )
        if self.noisy_variables not in NOISY_VARIABLES:
            raise UnknownNameError(
                "choice of noisy variables", self.noisy_variables, NOISY_VARIABLES
            )
        if self.noisy_variables == "backward" and not self.ties_gradients:
            raise ConfigurationError(
                f"{rule}'s backward kernels aren't moved by J's optimizer, so the noise of its "
                "updates can't be on them alone; set noisy_variables to \"all\" (for noise on R's "
                "updates there is alignment_update_noise_variance)"
            )
        if self.coasting and not (self.has_alignment_loss and self.alternating):
            raise ConfigurationError(
                f"{rule} has no optimizer that could coast: coasting is for an R with its own "
                "optimizer, minimized in alternation with J; set coasting to False"
            )
        if "angle" in self.weights and (self.alternating or self.delay_epochs):
            raise ConfigurationError(
                f"{rule} needs J's pseudogradients at every step on R; set alternating to False "
                "and delay_epochs to 0"
            )

    @property
    def has_alignment_loss(self) -> bool:
        """True if R has its own optimizer. It has none if the rule's R is 0 or is added to J."""
        rule = LEARNING_RULES[self.learning_rule]
        return rule is not None and bool(rule.primitives) and not rule.tie_gradients

    @property
    def ties_gradients(self) -> bool:
        """True if J's optimizer also moves the backward kernels."""
        rule = LEARNING_RULES[self.learning_rule]
        return rule is not None and rule.tie_gradients

    @property
    def input_options(self) -> data.InputOptions:
        """Size, preprocessing and treatment of corrupt records of the data set's images."""
        way = self.preprocessing
        if way is None and data.info(self.dataset).streamed:
            way = usual_preprocessing(self.model)
        options = data.InputOptions(self.image_size, on_corrupt=self.on_corrupt)
        return options if way is None else replace(options, preprocessing=way)

    @property
    def time_scale(self) -> float:
        """Number of this training's epochs for one epoch of the paper's schedule."""
        return self.epochs / self.schedule_epochs

    def schedule(self) -> RateSchedule:
        """Return the schedule of J's learning rate, in epochs of this training."""
        return RateSchedule(
            self.learning_rate,
            self.warmup_epochs,
            self.drop_epochs,
            delay_epochs=self.delay_epochs,
            delayed="off",
        ).scaled(self.time_scale)

    def alignment_schedule(self) -> RateSchedule:
        """Return the schedule of R's learning rate, in epochs of this training."""
        return RateSchedule(
            self.alignment_learning_rate,
            self.warmup_epochs,
            self.drop_epochs,
            delay_epochs=self.delay_epochs,
            delayed="full",
        ).scaled(self.time_scale)


def _names(what: str, names: Collection[str]) -> str:
    return f"{what} for {', '.join(sorted(names))}" if names else f"no {what}"
