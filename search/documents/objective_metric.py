"""Objective metrics: the number that a search minimizes or maximizes.

The store keeps every result as a loss that is minimized: samplers, pruners and the order of trials
know losses alone. An `ObjectiveMetric` converts between this loss and the number that people read.
A search's metric is `alignsearch.search.documents.metric_of(search)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from alignsearch.search.documents.plain_data import escape_key

Direction = Literal["minimize", "maximize"]


class MeasuredEpoch(Protocol):
    """The values of one epoch of a training that a metric may read."""

    @property
    def validation_accuracy(self) -> float | None:
        """Accuracy on the validation images, from 0 to 1."""


@dataclass(frozen=True)
class ObjectiveMetric:
    """One objective: a number that is known after an epoch, and which way it gets better.

    Attributes:
        name: what an objective reports it by, and the name of a column in tables for programs.
        label: the metric in words, for people.
        direction: whether less or more is better.
        score_label: the number that `score` returns, in words; empty for the metric itself.
    """

    name: str
    label: str
    direction: Direction = "minimize"
    score_label: str = ""

    def value(self, loss: float) -> float:
        """Return the metric that belongs to a stored loss."""
        return -loss if self.direction == "maximize" else loss

    def loss(self, value: float) -> float:
        """Return the loss that is stored for a value of the metric."""
        return -value if self.direction == "maximize" else value

    def of_epoch(self, epoch: MeasuredEpoch) -> float | None:
        """Return the metric after an epoch; None if the epoch doesn't have it."""
        # An epoch that a training reports has no further metrics; a stored one has.
        return self._of(getattr(epoch, "metrics", {}), self.name, epoch.validation_accuracy)

    def of_record(self, record: Mapping[str, Any]) -> float | None:
        """Return the metric after an epoch that is given as its stored fields."""
        reported = record.get("metrics") or {}
        return self._of(reported, escape_key(self.name), record.get("validation_accuracy"))

    def loss_of_epoch(self, epoch: MeasuredEpoch) -> float | None:
        """Return the loss to minimize after an epoch; None if the epoch lacks the metric."""
        value = self.of_epoch(epoch)
        return None if value is None else self.loss(value)

    def score(self, loss: float) -> float:
        """Return the number whose variance importance explains: an accuracy, or the metric."""
        return 1.0 - loss if self.name == DEFAULT_METRIC.name else self.value(loss)

    def _of(self, reported: Mapping[str, float], key: str, accuracy: float | None) -> float | None:
        if key in reported:
            return reported[key]
        if "loss" in reported:
            # HyperOpt's word for the number to minimize.
            return self.value(reported["loss"])
        if accuracy is not None and self.name == DEFAULT_METRIC.name:
            return 1.0 - accuracy
        return None

    def __str__(self) -> str:
        return f"{self.label}, {self.direction}d"


DEFAULT_METRIC = ObjectiveMetric(
    name="validation_error", label="validation error", score_label="accuracy"
)
"""Top-1 error on all validation images (Kunin et al. 2020, App. B.1)."""

METRICS: Mapping[str, ObjectiveMetric] = {each.name: each for each in (DEFAULT_METRIC,)}
"""Metrics of trainings by name, as a recipe stores it."""


def recorded_metric(name: str) -> ObjectiveMetric:
    """Return the metric that a recipe names, also one that only a newer version knows."""
    return METRICS.get(name) or ObjectiveMetric(name, name.replace("_", " "))
