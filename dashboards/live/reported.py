"""Numbers that trials report after their epochs or steps, of a training or any objective."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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


def unit_of(search: Search) -> models.Unit:
    """Return the unit in which a search's trials count their reports."""
    return "step" if search.recipe is None else "epoch"


def value_in(search: Search, record: Record, name: str) -> float | None:
    """Return a number of a stored epoch by its name; None if the epoch doesn't have it."""
    metric = metric_of(search)
    if name == metric.name:
        return metric.of_record(record)
    reported: Record = record.get("metrics") or {}
    if name in TRAINING and search.recipe is not None:
        return TRAINING[name].of(record)
    value: float | None = reported.get(escape_key(name))
    return value


def reported_metrics(search: Search, records: Sequence[Record]) -> dict[str, str]:
    """Return the labels of the numbers in the records by name, the search's metric first."""
    metric = metric_of(search)
    own = (unescape_key(key) for record in records for key in record.get("metrics") or ())
    training = () if search.recipe is None else TRAINING
    return {
        name: _label(search, name)
        for name in dict.fromkeys([metric.name, *training, *own])
        if any(value_in(search, record, name) is not None for record in records)
    }


def measured_metrics(search: Search, records: Sequence[Record]) -> dict[str, str]:
    """Return those of `reported_metrics` that charts of learning curves show."""
    found = reported_metrics(search, records)
    return {name: label for name, label in found.items() if _role(search, name) == "measured"}


def series_of(search: Search, records: Sequence[Record]) -> list[models.Series]:
    """Return the numbers that a trial's epochs have, in columns."""
    return [
        models.Series(
            name=name,
            label=label,
            role=_role(search, name),
            values=[value_in(search, record, name) for record in records],
        )
        for name, label in reported_metrics(search, records).items()
    ]


def _label(search: Search, name: str) -> str:
    metric = metric_of(search)
    if name == metric.name:
        return metric.label
    return TRAINING[name].label if search.recipe is not None and name in TRAINING else name


def _role(search: Search, name: str) -> Role:
    is_own = search.recipe is None or name == metric_of(search).name
    return "measured" if is_own or name not in TRAINING else TRAINING[name].role
