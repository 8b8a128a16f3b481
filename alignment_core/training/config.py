"""What a training is asked to do."""

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
from alignment_core.optimizers.optimizers import ALIGNMENT_OPTIMIZERS, MOMENTUM
from alignment_core.optimizers.rate_scheduler import DROP_EPOCHS, WARMUP_EPOCHS, RateSchedule
from alignment_core.rules.alignment import LEARNING_RULES
from alignment_core.rules.backward_pass import BackwardPassOperations

SEARCH_EPOCHS = 45.0
"""A search's length, midway between the first drop and the second (Kunin et al. 2020, App. B.1)."""

WEIGHT_DECAY = 1e-4
"""Lambda of the L2 penalty (Kunin et al. 2020, App. B.1)."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training, complete: nothing else decides what comes out of it.

    `delay_epochs`, `warmup_epochs` and `drop_epochs` are the paper's epochs; all of them
    are multiplied by epochs / schedule_epochs, so that 10 epochs of digits run through
    what 45 epochs of ImageNet do. The delay is part of `epochs`.

    `batch_size` and `learning_rate` are those in use. `weights` go by primitive.
    `minibatches` splits each batch for the memory's sake (optimizers.Optimizers).
    `noise_stddev` replaces the layers' inputs by Gaussian noise in R; None keeps them.
    `update_noise_variance` and `alignment_update_noise_variance` make J's and R's updates
    noisy (Kunin et al. 2020, App. B.3; optimizers.Optimizers): each variable that the
    optimizer moves is then moved by its current learning rate times N(0, variance). J's
    optimizer moves, and its noise disturbs, everything but the backward kernels, and
    those too if the rule ties gradients (Kolen-Pollack). In the published code a noisy
    optimizer of J disturbs backward kernels under every rule.
    `image_size`, `preprocessing` and `on_corrupt` are a streamed data set's (InputOptions);
    without `preprocessing` photographs are prepared as the network's publication has it.
    `precision` is that of products alone (accelerators.precision).

    Raises UnknownNameError for a name in none of the tables, and ConfigurationError
    for values out of range or at odds with one another.
    """

    dataset: str
    epochs: int
    batch_size: int
    learning_rate: float
    learning_rule: str = "backpropagation"
    weights: Mapping[str, float] = field(default_factory=dict)
    operations: BackwardPassOperations = field(default_factory=BackwardPassOperations)
    noise_stddev: float | None = None
    alignment_optimizer: str = "adam"
    alignment_learning_rate: float = 0.001
    alternating: bool = True
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
    update_noise_variance: float = 0.0
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
            ("alignment optimizer", self.alignment_optimizer, ALIGNMENT_OPTIMIZERS),
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
                f"a batch of {self.batch_size} can't be split into {self.minibatches} equal parts"
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
        if "angle" in self.weights and (self.alternating or self.delay_epochs):
            raise ConfigurationError(
                f"{rule} needs J's pseudogradients at every step on R; set alternating to False "
                "and delay_epochs to 0"
            )

    @property
    def has_alignment_loss(self) -> bool:
        """Whether there is an R with an optimizer of its own: none if R is a part of J."""
        rule = LEARNING_RULES[self.learning_rule]
        return rule is not None and bool(rule.primitives) and not rule.tie_gradients

    @property
    def ties_gradients(self) -> bool:
        """Whether J's optimizer moves the backward kernels too."""
        rule = LEARNING_RULES[self.learning_rule]
        return rule is not None and rule.tie_gradients

    @property
    def input_options(self) -> data.InputOptions:
        """How the data set's images are prepared."""
        way = self.preprocessing
        if way is None and data.info(self.dataset).streamed:
            way = usual_preprocessing(self.model)
        options = data.InputOptions(self.image_size, on_corrupt=self.on_corrupt)
        return options if way is None else replace(options, preprocessing=way)

    @property
    def time_scale(self) -> float:
        """Epochs of this training in one epoch of the paper's schedule."""
        return self.epochs / self.schedule_epochs

    def schedule(self) -> RateSchedule:
        """J's learning rate, in epochs of this training."""
        return RateSchedule(
            self.learning_rate,
            self.warmup_epochs,
            self.drop_epochs,
            delay_epochs=self.delay_epochs,
            delayed="off",
        ).scaled(self.time_scale)

    def alignment_schedule(self) -> RateSchedule:
        """R's learning rate, in epochs of this training."""
        return RateSchedule(
            self.alignment_learning_rate,
            self.warmup_epochs,
            self.drop_epochs,
            delay_epochs=self.delay_epochs,
            delayed="full",
        ).scaled(self.time_scale)


def _names(what: str, names: Collection[str]) -> str:
    return f"{what} for {', '.join(sorted(names))}" if names else f"no {what}"
