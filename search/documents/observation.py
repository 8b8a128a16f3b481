"""Results of finished trials as a sampler learns from them, and trials still running."""

from collections.abc import Mapping
from dataclasses import dataclass

from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.trial import Trial
from alignsearch.spaces.space import Value

Point = Mapping[str, Value]
"""HyperOpt's values by metaparameter: a number, or the index of a choice's option."""

OBSERVED_STATES = (TrialState.COMPLETED, TrialState.FAILED, TrialState.PRUNED)
"""The states of trials that a sampler learns from; no trial leaves them."""


@dataclass(frozen=True)
class Observation:
    """A finished trial: its point, and its loss, or None where it diverged or failed."""

    tid: int
    point: Point
    loss: float | None


@dataclass(frozen=True)
class Pending:
    """A trial that is queued or running: its result is not known yet."""

    tid: int
    point: Point


def observation_of(trial: Trial) -> Observation:
    """The observation that a sampler is told of a trial that has ended."""
    return Observation(trial.tid, trial.point, trial.result.loss if trial.result else None)
