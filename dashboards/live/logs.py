"""The log of an attempt: its worker's lines in the store, its epochs, events and end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alignsearch.dashboards.live.reported import unit_of
from alignsearch.dashboards.models import Log, LogLine
from alignsearch.search.documents import Attempt, Search, Trial, metric_of
from alignsearch.search.documents.digits import shown
from alignsearch.search.store import Store

LINES = 200
"""Lines of a log that are sent: the last ones, about four screens."""


def log_of(
    store: Store, search: Search, trial: Trial, number: int, lines_at_most: int = LINES
) -> Log:
    """The last lines of an attempt's log."""
    attempt = trial.attempts.get(str(number))
    if attempt is None:
        note = f"there is no attempt {number}" if trial.attempts else "no attempt has begun yet"
        return Log(attempt=number, available=False, lines=[], note=note)
    kept = [LogLine(**line.model_dump()) for line in store.logs.lines(trial.id, number)]
    begun = f"begun on {attempt.host} ({attempt.accelerator}) by {attempt.owner}"
    lines = [LogLine(at=attempt.started_at, level="INFO", text=begun)]
    if all(line.level != "INFO" for line in kept):
        # Some objectives, such as the rehearsal, log no epochs; the store has them anyway.
        lines += _epochs(store, search, trial, number)
    said = "\n".join(line.text for line in kept)
    about = f"trial {trial.tid}, attempt {number}: "
    events = [
        LogLine(at=event.at, level="WARNING", text=event.detail.removeprefix(about))
        for event in store.logs.events_since(trial.search, attempt.started_at)
        if event.detail.startswith(about)
    ]
    lines += sorted(
        [*kept, *(event for event in events if event.text not in said)],
        key=lambda line: line.at or attempt.started_at,
    )
    if attempt.ended_at is not None:
        lines += _end(attempt, attempt.ended_at, said)
    return Log(attempt=number, available=True, lines=lines[-lines_at_most:], note="")


def _epochs(store: Store, search: Search, trial: Trial, number: int) -> list[LogLine]:
    return [
        LogLine(at=None, level="INFO", text=_reported(search, record))
        for record in store.logs.epoch_records(trial.id)
        if record["attempt"] == number
    ]


def _reported(search: Search, record: Mapping[str, Any]) -> str:
    metric = metric_of(search)
    planned = f" of {record['epochs']}" if record["epochs"] is not None else ""
    value = metric.of_record(record)
    measured = "" if value is None else f" {metric.label} {shown(value)}"
    return f"{unit_of(search)} {record['epoch']}{planned}:{measured} in {record['seconds']:.1f} s"


def _end(attempt: Attempt, at: datetime, said: str) -> list[LogLine]:
    error = attempt.error or ""
    lines = [] if error and error.strip() in said else error.splitlines()
    ended = (attempt.outcome or "ended").replace("_", " ")
    return [
        *(LogLine(at=at, level="ERROR", text=text) for text in lines),
        LogLine(at=at, level="INFO", text=ended),
    ]
