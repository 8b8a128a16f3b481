"""The measurements of one epoch of one attempt."""

from typing import Any

from pydantic import Field

from alignsearch.search.documents.base import Document


class LayerRecord(Document):
    """How well one layer's backward kernel is aligned: angles in degrees, norm B over norm W.

    gradient_angle: between pseudogradient and true gradient; None if there is none.
    """

    name: str
    angle: float
    norm_ratio: float
    gradient_angle: float | None = None


class WeightSample(Document):
    """Forward weights of a layer and the backward weights in their places, pair by pair."""

    layer: str
    forward: tuple[float, ...]
    backward: tuple[float, ...]


class Epoch(Document):
    """What one epoch of one attempt measured, of how many `epochs`; losses may be NaN."""

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
        """Return the document under an `_id` that names trial, attempt and epoch."""
        return {"_id": f"{self.trial}/{self.attempt}/{self.epoch}", **super().to_bson()}
