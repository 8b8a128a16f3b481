"""Objective metrics: the number of an epoch that a search minimizes, by name.

A search's recipe names its metric. Workers compute the loss that they record from the metric, and
pruners compare it. Command line and API take its label from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from alignment_core.errors import UnknownNameError


class MeasuredEpoch(Protocol):
    """The values of one epoch that a metric may read, of a stored or of a reported epoch."""

    @property
    def validation_accuracy(self) -> float:
        """Accuracy on the validation images, from 0 to 1."""


@dataclass(frozen=True)
class ObjectiveMetric:
    """One objective, computed from the accuracy of an epoch.

    Attributes:
        name: what a recipe stores; also the name of a column in tables for programs.
        label: the metric in words, for people.
        score_label: the number that grows as the metric falls, in words.
        direction: whether less or more is better; samplers and pruners minimize.
    """

    name: str
    label: str
    score_label: str
    direction: Literal["minimize"] = "minimize"

    def of_epoch(self, epoch: MeasuredEpoch) -> float:
        """Return the metric after the epoch."""
        return self.of_accuracy(epoch.validation_accuracy)

    def of_record(self, record: Mapping[str, Any]) -> float:
        """Return the metric after an epoch that is given as its stored fields."""
        return self.of_accuracy(record["validation_accuracy"])

    def of_accuracy(self, accuracy: float) -> float:
        """Return the metric of a network with this accuracy, from 0 to 1."""
        return 1.0 - accuracy

    def score(self, loss: float) -> float:
        """Return the score that belongs to a loss: the accuracy, of which more is better."""
        return 1.0 - loss


DEFAULT_METRIC = ObjectiveMetric(
    name="validation_error", label="validation error", score_label="accuracy"
)
"""Top-1 error on all validation images (Kunin et al. 2020, App. B.1)."""

METRICS: Mapping[str, ObjectiveMetric] = {each.name: each for each in (DEFAULT_METRIC,)}


def get_metric(name: str) -> ObjectiveMetric:
    """Return the metric called `name`.

    Raises:
        UnknownNameError: there is no such metric.
    """
    if name not in METRICS:
        raise UnknownNameError("objective metric", name, METRICS)
    return METRICS[name]


def label_of(name: str) -> str:
    """Return the words for a stored metric, also for one that only a newer version knows."""
    return METRICS[name].label if name in METRICS else name.replace("_", " ")
