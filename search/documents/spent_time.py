"""Time that attempts took, by the accelerator on which they ran."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alignsearch.search.documents.attempt import Attempt
from alignsearch.search.documents.base import Document
from alignsearch.search.documents.trial import Trial


class SpentTime(Document):
    """Seconds of all ended attempts on one accelerator, such as `TPU: 8`."""

    accelerator: str
    seconds: float


Seconds = dict[str, float]
"""Seconds by accelerator."""


def add_seconds(total: Seconds, more: Mapping[str, float]) -> Seconds:
    """Add seconds by accelerator to a total, and return that.

    Stored times are whole milliseconds, and so is each sum: it doesn't depend on the order.
    """
    for accelerator, seconds in more.items():
        total[accelerator] = round(total.get(accelerator, 0.0) + seconds, 3)
    return total


def seconds_on(trials: Iterable[Trial]) -> Seconds:
    """Return the seconds that the trials' ended attempts took, by accelerator.

    Every attempt counts, also one that crashed or was handed back: it kept its accelerator busy.
    """
    spent: Seconds = {}
    for trial in trials:
        for attempt in trial.attempts.values():
            add_seconds(spent, {attempt.accelerator: seconds_of(attempt)})
    return spent


def seconds_of(attempt: Attempt) -> float:
    """Return how long an attempt took; 0 if it hasn't ended."""
    return _between(attempt.started_at, attempt.ended_at)


def seconds_in(attempts: Mapping[str, Mapping[str, Any]]) -> Seconds:
    """Return the same as `seconds_on` for one trial's attempts as they are stored."""
    spent: Seconds = {}
    for attempt in attempts.values():
        seconds = _between(attempt["started_at"], attempt.get("ended_at"))
        add_seconds(spent, {attempt["accelerator"]: seconds})
    return spent


def _between(started: datetime, ended: datetime | None) -> float:
    return 0.0 if ended is None else max(0.0, (ended - started).total_seconds())
