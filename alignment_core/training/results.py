"""What a training reports, for those too who need no TensorFlow to read it."""

from dataclasses import dataclass
from typing import Literal

EPOCH_VALUES = (
    "loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "alignment_learning_rate",
    "alignment_loss",
)
"""The fields of an `EpochReport` that make a curve."""

LAYER_VALUES = ("angle", "norm_ratio", "gradient_angle")
"""Those of each layer's `LayerMetrics`."""


@dataclass(frozen=True)
class LayerMetrics:
    """One layer's agreement.

    Attributes:
        name: the layer's name.
        angle: between W and B^T as vectors, in degrees, 0 to 180; NaN if a kernel is zero
            or not finite.
        norm_ratio: ||B|| / ||W||, Frobenius norms; NaN if W is zero.
        gradient_angle: between the forward kernel's pseudogradient and its true gradient as
            vectors, in degrees, 0 to 180, on one held batch; None if it was not measured
            or one of them is zero or not finite. 0 for the last layer, into which the cost
            propagates by itself.
    """

    name: str
    angle: float
    norm_ratio: float
    gradient_angle: float | None = None


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did; rates are those of its last step.

    `loss` is the mean categorization loss of the training batches as they were met,
    without the L2 penalty; None, like `train_accuracy`, if the whole epoch was delay.
    `alignment_loss` is R at the epoch's end; None where no R has an optimizer of its own.
    """

    epoch: int
    epochs: int
    loss: float | None
    train_accuracy: float | None
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    alignment_learning_rate: float
    alignment_loss: float | None
    layers: tuple[LayerMetrics, ...]
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    `validation_error` is that of the last epoch, `best_validation_error` the lowest of
    all, first reached in `best_epoch` (from 1); None as long as no epoch was completed.
    `timings` are seconds: build, trace (the first steps, which compile), input (waiting for
    batches), train, validate, measure (R's value and the layers' metrics), save (checkpoints).
    """

    status: Literal["ok", "diverged", "interrupted"]
    reason: str | None
    epochs_done: int
    validation_error: float | None
    best_epoch: int | None
    best_validation_error: float | None
    chance_error: float
    reports: tuple[EpochReport, ...]
    timings: dict[str, float]
