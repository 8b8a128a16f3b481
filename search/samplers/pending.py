"""Pending policies: how TPE treats trials that are still running.

With 60 trials at once most suggestions are made while many results are missing. A policy gives
each of these trials a stand-in for its loss, or leaves it out.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from statistics import fmean

from alignsearch.search.documents import PendingPolicy


@dataclass(frozen=True)
class PolicyKind:
    """A row of `PENDING_POLICIES`: the policy as a function, and a line of help about it.

    Attributes:
        help: what the policy does with a running trial.
        stand_in: returns the loss that a running trial is ranked by, from the finite losses known
            so far; None leaves the trial out.
        counts_towards_startup: whether a running trial counts as one of the random points before
            TPE begins.
    """

    help: str
    stand_in: Callable[[Collection[float]], float | None]
    counts_towards_startup: bool = False


def rank_last(losses: Collection[float]) -> float:
    """Rank a running trial behind every loss, beside the trials that failed."""
    return math.inf


def leave_out(losses: Collection[float]) -> None:
    """Leave running trials out of the model."""


def mean_loss(losses: Collection[float]) -> float:
    """Rank a running trial by the mean of the known losses, or last where none is known."""
    return fmean(losses) if len(losses) else math.inf


def worst_loss(losses: Collection[float]) -> float:
    """Rank a running trial by the highest known loss, or last where none is known."""
    return max(losses) if len(losses) else math.inf


PENDING_POLICIES: dict[PendingPolicy, PolicyKind] = {
    # As `hyperopt.tpe` does. With 60 slots it ends the start-up before the first result is known.
    "hyperopt": PolicyKind(
        "ranks it worst, and counts it towards the start-up, as HyperOpt does",
        rank_last,
        counts_towards_startup=True,
    ),
    "ignore": PolicyKind("leaves it out", leave_out),
    # Ginsbourger et al. 2010, "Kriging is well-suited to parallelize optimization".
    "liar-mean": PolicyKind("ranks it by the mean loss so far", mean_loss),
    "liar-worst": PolicyKind("ranks it by the highest loss so far", worst_loss),
}
"""Every pending policy by the name that `--pending` and a stored search give it."""
