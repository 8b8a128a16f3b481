"""Results of finished trials, from which samplers learn, and points of trials still running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.trial import Trial

Point = Mapping[str, float]
"""HyperOpt's value of each active dimension by label: a number, or the index of an option."""

OBSERVED_STATES = (TrialState.COMPLETED, TrialState.FAILED, TrialState.PRUNED)
"""States of trials from which a sampler learns; no trial leaves them."""


@dataclass(frozen=True)
class Observation:
    """A finished trial as a sampler learns from it.

    Attributes:
        tid: the trial's number.
        point: its point.
        loss: what the search's first metric minimizes; None if it diverged or failed.
        losses: what each of several metrics minimizes, the first one's among them; empty in a
            search of one metric, and without a result.
        violation: by how much it breaks the search's constraints; 0 if it keeps them all.
    """

    tid: int
    point: Point
    loss: float | None
    losses: tuple[float, ...] = ()
    violation: float = 0.0


@dataclass(frozen=True)
class Pending:
    """The point of a trial that is queued or running."""

    tid: int
    point: Point


def pending_of(trial: Trial) -> Pending:
    """Return a live trial as a sampler knows it, with a copy of its point.

    A sampler of a package's own may change the dictionary, and the trial must not change by it.
    """
    return Pending(trial.tid, dict(trial.point))


def observation_of(trial: Trial, metrics: Sequence[ObjectiveMetric] = ()) -> Observation:
    """Return a finished trial as a sampler learns from it.

    The point is a copy, as in `pending_of`.

    metrics: all that the search minimizes or maximizes; none, or one, where it has one. A trial
    that lacks one of several, as one that was ended early, counts as one without a result.
    """
    point = dict(trial.point)
    if len(metrics) < 2:
        return Observation(trial.tid, point, trial.loss, violation=trial.violation)
    losses = losses_of(trial, metrics)
    if losses is None:
        return Observation(trial.tid, point, None)
    return Observation(trial.tid, point, losses[0], losses, trial.violation)


def losses_of(trial: Trial, metrics: Sequence[ObjectiveMetric]) -> tuple[float, ...] | None:
    """Return what each of the search's metrics minimizes in a trial; None if it lacks one."""
    if trial.result is None or trial.result.loss is None:
        return None
    known = trial.result.metrics
    if any(each.name not in known for each in metrics[1:]):
        return None
    return (trial.result.loss, *(each.loss(known[each.name]) for each in metrics[1:]))
