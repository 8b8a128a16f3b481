"""A result that was evaluated elsewhere, as the readers of files and databases find it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.objective_metric import ObjectiveMetric


@dataclass(frozen=True)
class OutsideResult:
    """One result from elsewhere.

    Attributes:
        place: where it stands, for messages: `results.csv, row 3`.
        loss: the number to minimize; None where the evaluation gave none, as one that diverged.
        values: the value of each active dimension by its label or name; None if `point` has them.
        point: HyperOpt's number of each active dimension by its label, a choice by its index.
        identity: tells it from another evaluation of the same point with the same loss, and is the
            same when the source is read again; empty if the source has nothing like it.
        note: its place for people, which the trial keeps.
        reason: why there is no loss.
        metrics: its other numbers by name.
        pruned: whether the evaluation was ended early.
        started: when it began; None if that isn't known.
        finished: when it ended.
    """

    place: str
    loss: float | None
    values: Mapping[str, Any] | None = None
    point: Mapping[str, Any] | None = None
    identity: str = ""
    note: str = ""
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    pruned: bool = False
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True)
class OutsideResults:
    """All results of one file or database.

    Attributes:
        source: what they come from, in words: `results.csv`, `Optuna's study mirror`.
        results: the results.
        left_out: what was found besides and has no result, in words.
    """

    source: str
    results: Sequence[OutsideResult]
    left_out: Sequence[str] = ()


def check_direction(metric: ObjectiveMetric, direction: str, source: str) -> None:
    """Refuse results that were minimized where the search maximizes, or the other way round.

    Raises:
        ConfigurationError: the directions differ.
    """
    if direction != metric.direction:
        raise ConfigurationError(
            f"{source} was {direction}d, and this search's {metric.label} is {metric.direction}d"
        )
