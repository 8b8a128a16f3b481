"""Trials as rows of a table: the columns, and cells for people."""

from typing import Any

from alignsearch.progress import seconds_of
from alignsearch.search.documents import Search, Trial
from alignsearch.search.documents.reasons import last_line


def row_fields(search: Search) -> list[str]:
    """Return the names of a row's columns; the loss is named by the search's metric."""
    metric = search.recipe.metric
    return ["tid", "state", metric, "epoch", "attempts", "seconds", "host", "note"]


def row(search: Search, trial: Trial) -> dict[str, Any]:
    """Return a trial's values by column; a running trial has the metric of its last epoch."""
    last = trial.attempts.get(str(trial.attempt))
    result = trial.result
    progress = trial.progress
    values = [
        trial.tid,
        trial.state.value,
        result.loss if result else progress.validation_error if progress else None,
        f"{progress.epoch}/{progress.epochs}" if progress else None,
        trial.attempt,
        seconds_of(trial),
        last.host if last else None,
        (result.reason if result else None) or last_line(trial.error),
    ]
    return dict(zip(row_fields(search), values, strict=True))


def heading(field: str) -> str:
    """Return a column's name in words, between which a narrow terminal can break the line."""
    return field.replace("_", " ")


def cell(value: object) -> str:
    """Return a value for people: four digits of a number, nothing for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
