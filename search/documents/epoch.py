"""Measurements of one epoch of one attempt."""

from typing import Any

from pydantic import Field

from alignsearch.search.documents.base import Document


class LayerRecord(Document):
    """Alignment of one layer's backward kernel B with its forward kernel W.

    Attributes:
        name: the layer's.
        angle: between B and W, in degrees.
        norm_ratio: norm of B over norm of W.
        gradient_angle: between pseudogradient and true gradient, in degrees; None if not measured.
    """

    name: str
    angle: float
    norm_ratio: float
    gradient_angle: float | None = None


class WeightSample(Document):
    """Forward weights of a layer, and the backward weights at the same positions."""

    layer: str
    forward: tuple[float, ...]
    backward: tuple[float, ...]


class Epoch(Document):
    """Measurements of epoch `epoch` of `epochs`, of one attempt; losses may be NaN."""

    trial: str
    attempt: int
    epoch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    loss: float | None
    train_accuracy: float | None
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    alignment_learning_rate: float | None = None
    alignment_loss: float | None = None
    layers: tuple[LayerRecord, ...] = ()
    weight_samples: tuple[WeightSample, ...] = ()
    seconds: float

    def to_bson(self) -> dict[str, Any]:
        """Return the document with an `_id` of trial, attempt and epoch."""
        return {"_id": f"{self.trial}/{self.attempt}/{self.epoch}", **super().to_bson()}
