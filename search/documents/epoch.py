"""Measurements of one epoch of one attempt."""

from typing import Annotated, Any

from pydantic import Field

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.plain_data import UserData


class LayerRecord(Document):
    """Alignment of one layer's backward kernel B with its forward kernel W.

    Attributes:
        name: the layer's.
        angle: between B and W, in degrees.
        norm_ratio: norm of B over norm of W.
        gradient_angle: between pseudogradient and true gradient, in degrees; None if not measured.
        sign_agreement: share of W's entries whose sign B's have, from 0 to 1; None if not measured.
    """

    name: str
    angle: float
    norm_ratio: float
    gradient_angle: float | None = None
    sign_agreement: float | None = None


class WeightSample(Document):
    """Forward weights of a layer, and the backward weights at the same positions."""

    layer: str
    forward: tuple[float, ...]
    backward: tuple[float, ...]


class Epoch(Document):
    """Measurements of one epoch of one attempt, or of one step that an objective reported.

    Attributes:
        epoch: number of the epoch, a training's from 1; or the step that was reported, from 0.
        epochs: number of all epochs; None if it isn't known.
        metrics: the numbers that an objective reported, by name. The fields below are a training's;
            each is None in another objective's epochs. Numbers may be NaN.
        seconds: duration of the epoch, or since the report before.
    """

    trial: str
    attempt: int
    epoch: int = Field(ge=0)
    epochs: int | None = Field(default=None, ge=1)
    metrics: Annotated[dict[str, float], UserData()] = Field(default_factory=dict)
    loss: float | None = None
    train_accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    learning_rate: float | None = None
    alignment_learning_rate: float | None = None
    alignment_loss: float | None = None
    layers: tuple[LayerRecord, ...] = ()
    weight_samples: tuple[WeightSample, ...] = ()
    seconds: float

    def to_bson(self) -> dict[str, Any]:
        """Return the document with an `_id` of trial, attempt and epoch."""
        return {"_id": f"{self.trial}/{self.attempt}/{self.epoch}", **super().to_bson()}
