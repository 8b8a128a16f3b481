"""The rule by which a trial has diverged, for everybody who counts, names or draws trials."""

from collections.abc import Mapping
from typing import Any

from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.trial import Trial

DIVERGED = "diverged"
"""The state, for people, of a trial that ended without a finite loss."""

DIVERGED_FIELDS: dict[str, Any] = {
    "state": TrialState.COMPLETED.value,
    "result.status": "fail",
    # Absent and null alike: trials of older versions have no origin.
    "origin.kind": {"$nin": ["confirmation"]},
}
"""The stored fields of the trials that `is_diverged` is true for."""


def ended_without_a_loss(state: str, result_status: str | None) -> bool:
    """Return whether a trial with this state and this status of its result has diverged.

    It is completed, for the sampler learns from it, but has no finite loss. A pruned trial that a
    sampler is told failed has not diverged, and neither has one that crashed.
    """
    return state == TrialState.COMPLETED and result_status == "fail"


def has_diverged(trial: Trial) -> bool:
    """Return whether a trial has diverged; a repetition of another may have, too."""
    status = None if trial.result is None else trial.result.status
    return ended_without_a_loss(trial.state, status)


def is_diverged(trial: Trial) -> bool:
    """Return whether a trial counts as diverged; no repetition of another counts."""
    return has_diverged(trial) and not trial.is_confirmation


def is_stored_diverged(document: Mapping[str, Any]) -> bool:
    """Return what `has_diverged` does for a trial as the store has it."""
    return ended_without_a_loss(document["state"], (document["result"] or {}).get("status"))


def shown_state(trial: Trial) -> str:
    """Return a trial's state for people, who want to know that it diverged."""
    return DIVERGED if has_diverged(trial) else trial.state.value
