"""Cells and headings of tables for people."""

from alignsearch.search.documents import Trial
from alignsearch.search.documents.tally import has_no_loss


def heading(field: str) -> str:
    """Return a column's name in words, between which a narrow terminal can break the line."""
    return field.replace("_", " ")


def state_of(trial: Trial) -> str:
    """Return a trial's state for people, who want to know that it diverged."""
    return "diverged" if has_no_loss(trial) else trial.state.value


def cell(value: object) -> str:
    """Return a value for people: four digits of a number, nothing for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
