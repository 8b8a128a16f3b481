"""The order of finished trials, best first: used by the store, the driver and every display.

A trial that keeps the search's constraints comes before one that doesn't, and of those that don't
the one that breaks them least comes first (Deb et al. 2002, "A fast and elitist multiobjective
genetic algorithm: NSGA-II", section VI). Only a trial that keeps them is ever named the best.
"""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.trial import Trial

VIOLATION = "result.violation"
"""The field in which the store keeps by how much a trial breaks the constraints; null if it
doesn't."""

RANKED_BY = {"violation": VIOLATION, "loss": "result.loss", "tid": "tid"}
"""Attributes that rank a trial, all ascending, and the fields in which the store keeps them."""

RANKED: dict[str, Any] = {
    "state": TrialState.COMPLETED.value,
    "result.status": "ok",
    # Absent and null alike: trials of older versions have no origin.
    "origin.kind": {"$nin": ["confirmation"]},
}
"""The stored fields of the trials that have a rank, as `is_ranked` asks for them."""


class Scored(Protocol):
    """A trial, or what is kept of one, with all that its rank depends on."""

    @property
    def violation(self) -> float:
        """By how much it breaks the search's constraints; 0 if it doesn't."""

    @property
    def loss(self) -> float | None:
        """The objective, which is minimized."""

    @property
    def tid(self) -> int:
        """The trial's number in its search."""


S = TypeVar("S", bound=Scored)


def is_ranked(trial: Trial) -> bool:
    """Return whether a trial is completed with a loss.

    Pruned and diverged ones have no rank, and confirmations none of their own.
    """
    return (
        trial.state is TrialState.COMPLETED
        and not trial.is_confirmation
        and trial.result is not None
        and trial.result.status == "ok"
    )


def rank(scored: Scored) -> tuple[Any, ...]:
    """Return the sort key that puts the best trial first: by violation, loss and tid, ascending."""
    return tuple(getattr(scored, name) for name in RANKED_BY)


def best_of(scored: Iterable[S]) -> S | None:
    """Return the best of some that all have a loss; None if there are none."""
    return min(scored, key=rank, default=None)


def feasible(scored: S | None) -> S | None:
    """Return a trial that keeps the search's constraints; None in place of one that doesn't."""
    return None if scored is None or scored.violation else scored


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Return those of the trials that have a rank, the best first."""
    return sorted((trial for trial in trials if is_ranked(trial)), key=rank)
