"""Numbers that trials report after their epochs or steps, of a training or any objective."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from alignment_core.training.disturbances import DISTURBANCES
from alignsearch.dashboards import models
from alignsearch.search.documents import Search, metric_of
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.search.documents.plain_data import escape_key, unescape_key

Role = Literal["measured", "rate", "other"]
Record = Mapping[str, Any]
"""An epoch as the store has it."""


@dataclass(frozen=True)
class _Measurement:
    """A number of a training's epoch: its name for people, its role in charts, and where it is."""

    label: str
    role: Role
    of: Callable[[Record], float | None]


def _field(name: str) -> Callable[[Record], float | None]:
    return lambda record: record.get(name)


def _training_error(record: Record) -> float | None:
    # The objective metric after the epoch, but on the training images.
    accuracy = record.get("train_accuracy")
    return DEFAULT_METRIC.of_record({"validation_accuracy": accuracy})


TRAINING: Mapping[str, _Measurement] = {
    "loss": _Measurement("training loss", "measured", _field("loss")),
    "validation_loss": _Measurement("validation loss", "measured", _field("validation_loss")),
    DEFAULT_METRIC.name: _Measurement(DEFAULT_METRIC.label, "measured", DEFAULT_METRIC.of_record),
    "training_error": _Measurement("training error", "measured", _training_error),
    "train_accuracy": _Measurement("training accuracy", "other", _field("train_accuracy")),
    "validation_accuracy": _Measurement(
        "validation accuracy", "other", _field("validation_accuracy")
    ),
    "learning_rate": _Measurement("learning rate (SGDM)", "rate", _field("learning_rate")),
    "alignment_learning_rate": _Measurement(
        "alignment learning rate (η)", "rate", _field("alignment_learning_rate")
    ),
    "alignment_loss": _Measurement("alignment loss", "other", _field("alignment_loss")),
}
"""The numbers of a training's epochs by name."""


_RESULT = {
    "best_validation_error": "best validation error of any epoch",
    "chance_error": "validation error of guessing",
    "epochs": "epochs done",
    "seconds_build": "time to build the network",
    "seconds_trace": "time to trace the step",
    "seconds_input": "time to read images",
    "seconds_train": "time to train",
    "seconds_validate": "time to validate",
    "seconds_measure": "time to measure layers",
    "seconds_save": "time to save checkpoints",
    "seconds_robustness": "time to measure robustness",
    **{each.name: each.label for each in DISTURBANCES},
}
"""Names for people of the numbers in a training's result."""


def measured_of(search: Search, metrics: Mapping[str, float]) -> list[models.NamedNumber]:
    """Return the numbers of a trial's result by their names for people."""
    return [
        models.NamedNumber(
            label=_RESULT.get(name, name.replace("_", " ")) if search.recipe else name,
            value=value,
            unit="s" if search.recipe and name.startswith("seconds_") else "",
        )
        for name, value in metrics.items()
    ]


def unit_of(search: Search) -> models.Unit:
    """Return the unit in which a search's trials count their reports."""
    return "step" if search.recipe is None else "epoch"


class Reported:
    """The numbers that the trials of one search report, read from stored epochs."""

    def __init__(self, search: Search) -> None:
        self.metric = metric_of(search)
        self._training = {} if search.recipe is None else TRAINING

    def value(self, record: Record, name: str) -> float | None:
        """Return a number of an epoch by its name; None if the epoch doesn't have it."""
        if name == self.metric.name:
            return self.metric.of_record(record)
        if name in self._training:
            return self._training[name].of(record)
        found: float | None = (record.get("metrics") or {}).get(escape_key(name))
        return found

    def measured(self, records: Sequence[Record]) -> dict[str, str]:
        """Return the labels, by name, of the numbers that charts of learning curves show."""
        return {
            name: self._label(name)
            for name in self._names(records)
            if self._role(name) == "measured" and self._has(records, name)
        }

    def series(self, records: Sequence[Record]) -> list[models.Series]:
        """Return all numbers in the records, in columns."""
        return [
            models.Series(
                name=name,
                label=self._label(name),
                role=self._role(name),
                values=[self.value(record, name) for record in records],
            )
            for name in self._names(records)
            if self._has(records, name)
        ]

    def _names(self, records: Sequence[Record]) -> dict[str, None]:
        """The search's metric first, a training's numbers, and what else was reported."""
        own = (unescape_key(key) for record in records for key in record.get("metrics") or ())
        return dict.fromkeys([self.metric.name, *self._training, *own])

    def _has(self, records: Sequence[Record], name: str) -> bool:
        return any(self.value(record, name) is not None for record in records)

    def _label(self, name: str) -> str:
        if name == self.metric.name:
            return self.metric.label
        return self._training[name].label if name in self._training else name

    def _role(self, name: str) -> Role:
        is_measured = name == self.metric.name or name not in self._training
        return "measured" if is_measured else self._training[name].role
