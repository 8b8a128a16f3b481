"""Results of finished trials, from which samplers learn, and points of trials still running."""

from collections.abc import Mapping
from dataclasses import dataclass

from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.trial import Trial

Point = Mapping[str, float]
"""HyperOpt's value of each active dimension by label: a number, or the index of an option."""

OBSERVED_STATES = (TrialState.COMPLETED, TrialState.FAILED, TrialState.PRUNED)
"""States of trials from which a sampler learns; no trial leaves them."""


@dataclass(frozen=True)
class Observation:
    """A finished trial's point and loss; the loss is None if it diverged or failed."""

    tid: int
    point: Point
    loss: float | None


@dataclass(frozen=True)
class Pending:
    """The point of a trial that is queued or running."""

    tid: int
    point: Point


def observation_of(trial: Trial) -> Observation:
    """Return a finished trial as a sampler learns from it."""
    return Observation(trial.tid, trial.point, trial.result.loss if trial.result else None)
