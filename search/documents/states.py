"""States of searches and trials, and the tables of legal transitions."""

from collections.abc import Mapping
from enum import StrEnum


class SearchStatus(StrEnum):
    """Status of a search."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class TrialState(StrEnum):
    """State of a trial."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PRUNED = "pruned"


# A queued search completes if it is stopped before a driver begins it. One that is over is queued
# again when it is extended; only a cancelled one stays so: who sees that may rely on it.
SEARCH_TRANSITIONS: Mapping[SearchStatus, frozenset[SearchStatus]] = {
    SearchStatus.QUEUED: frozenset(
        {
            SearchStatus.RUNNING,
            SearchStatus.PAUSED,
            SearchStatus.COMPLETED,
            SearchStatus.CANCELLED,
        }
    ),
    SearchStatus.RUNNING: frozenset(
        {
            SearchStatus.PAUSED,
            SearchStatus.COMPLETED,
            SearchStatus.CANCELLED,
            SearchStatus.FAILED,
        }
    ),
    SearchStatus.PAUSED: frozenset(
        {
            SearchStatus.RUNNING,
            SearchStatus.COMPLETED,
            SearchStatus.CANCELLED,
            SearchStatus.FAILED,
        }
    ),
    SearchStatus.COMPLETED: frozenset({SearchStatus.QUEUED}),
    SearchStatus.CANCELLED: frozenset(),
    SearchStatus.FAILED: frozenset({SearchStatus.QUEUED}),
}

# A running trial is queued again when it is handed back, crashes or loses its lease.
TRIAL_TRANSITIONS: Mapping[TrialState, frozenset[TrialState]] = {
    TrialState.QUEUED: frozenset({TrialState.RUNNING, TrialState.CANCELLED, TrialState.FAILED}),
    TrialState.RUNNING: frozenset(
        {
            TrialState.QUEUED,
            TrialState.COMPLETED,
            TrialState.FAILED,
            TrialState.CANCELLED,
            TrialState.PRUNED,
        }
    ),
    TrialState.COMPLETED: frozenset(),
    TrialState.FAILED: frozenset(),
    TrialState.CANCELLED: frozenset(),
    TrialState.PRUNED: frozenset(),
}

TERMINAL_SEARCH_STATUSES = frozenset(
    s for s, after in SEARCH_TRANSITIONS.items() if SearchStatus.CANCELLED not in after
)
"""Statuses of searches that are over, which no driver drives."""
TERMINAL_TRIAL_STATES = frozenset(s for s, after in TRIAL_TRANSITIONS.items() if not after)
LIVE_TRIAL_STATES = frozenset(TrialState) - TERMINAL_TRIAL_STATES


def statuses_before(status: SearchStatus) -> frozenset[SearchStatus]:
    """Return the statuses from which a search may change to `status`."""
    return frozenset(s for s, after in SEARCH_TRANSITIONS.items() if status in after)
