"""The results of a training and of its epochs, readable without importing TensorFlow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

EPOCH_VALUES = (
    "loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "learning_rate",
    "alignment_learning_rate",
    "alignment_loss",
)
"""Fields of `EpochResult` that charts show over epochs."""

LAYER_VALUES = ("angle", "norm_ratio", "gradient_angle", "sign_agreement")
"""Fields of `LayerMetrics` that charts show over epochs, for each layer."""


@dataclass(frozen=True)
class LayerMetrics:
    """How well one layer's kernels and gradients agree (Kunin et al. 2020, App. C).

    Attributes:
        name: the layer's name.
        angle: angle between W and B^T as vectors, in degrees from 0 to 180. NaN if a kernel is
            zero or not finite.
        norm_ratio: ||B|| / ||W||, Frobenius norms. NaN if W is zero.
        gradient_angle: angle between the forward kernel's pseudogradient and its true gradient as
            vectors, in degrees from 0 to 180, on one fixed batch of validation images. None if it
            wasn't measured or a gradient is zero or not finite. It is 0 for the last layer, whose
            gradient passes through no backward kernel.
        sign_agreement: share of W's entries whose sign the entry of B^T in the same place has, from
            0 to 1: about 0.5 for random feedback, 1 for sign-concordant feedback. An entry of zero
            agrees with zero only. None if a kernel isn't finite, or under a direct rule.
    """

    name: str
    angle: float
    norm_ratio: float
    gradient_angle: float | None = None
    sign_agreement: float | None = None


@dataclass(frozen=True)
class EpochResult:
    """The result of one epoch of a training.

    Attributes:
        epoch: number of the epoch, from 1.
        epochs: number of epochs of the whole training.
        loss: mean of J over the epoch's training batches, without the L2 penalty. None if the
            whole epoch was delay.
        train_accuracy: share of right answers over the epoch's training batches; None like `loss`.
        validation_loss: mean of J over the validation images.
        validation_accuracy: share of right answers on the validation images, from 0 to 1.
        learning_rate: J's learning rate at the last step.
        alignment_learning_rate: R's learning rate at the last step.
        alignment_loss: R at the end of the epoch; None if no R has its own optimizer.
        layers: metrics of each layer with a learning rule.
        seconds: duration of the epoch.
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
    """The result of a training.

    Attributes:
        status: "ok", "diverged" (a loss became infinite or NaN) or "interrupted".
        reason: why the training diverged or was interrupted; None if it is "ok".
        epochs_done: number of completed epochs, those before a resume included.
        validation_error: top-1 error of the last epoch, from 0 to 1. None without any completed
            epoch, as for the next two.
        best_epoch: first epoch, from 1, with the lowest validation error.
        best_validation_error: lowest validation error of all epochs.
        chance_error: validation error of always answering the largest class.
        epochs: result of each epoch.
        timings: seconds by phase: build (of the network), trace (first steps, which compile),
            input (waiting for batches), train, validate, measure (R and the layers' metrics),
            save (checkpoints).
    """

    status: Literal["ok", "diverged", "interrupted"]
    reason: str | None
    epochs_done: int
    validation_error: float | None
    best_epoch: int | None
    best_validation_error: float | None
    chance_error: float
    epochs: tuple[EpochResult, ...]
    timings: dict[str, float]


def scalars_of(epoch: Any) -> Iterator[tuple[str, float]]:
    """Yield an epoch's measurements by name, those of a layer as `angle/LAYER`.

    epoch: an `EpochResult`, or what a store has of one, whose fields have the same names.
    """
    for name in EPOCH_VALUES:
        value = getattr(epoch, name)
        if value is not None:
            yield name, value
    for layer in epoch.layers:
        for name in LAYER_VALUES:
            value = getattr(layer, name)
            if value is not None:
                yield f"{name}/{layer.name}", value
