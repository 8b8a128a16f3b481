"""Errors of trainings that differ in their random seeds alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from alignsearch.search.documents import Trial
from alignsearch.search.documents.divergence import has_diverged
from alignsearch.search.documents.states import LIVE_TRIAL_STATES, TrialState


@dataclass(frozen=True)
class FreshSeeds:
    """The results of trainings on several seeds.

    Attributes:
        errors: error of each training with a result, in the order of the seeds. One that diverged
            counts as guessing: a mean over the others alone would praise a rule for the networks
            that it has lost.
        diverged: number of trainings that diverged.
        missing: number of trainings that ended without a result, which don't count.
        live: number of trainings that haven't ended.
    """

    errors: tuple[float, ...] = ()
    diverged: int = 0
    missing: int = 0
    live: int = 0

    @property
    def number(self) -> int:
        """Number of all trainings."""
        return len(self.errors) + self.missing + self.live


def fresh_seeds(trials: Sequence[Trial]) -> FreshSeeds:
    """Return the results of trainings.

    trials: the trials of a search that lists these trainings.
    """
    errors = [error for trial in trials if (error := error_of(trial)) is not None]
    live = sum(trial.state in LIVE_TRIAL_STATES for trial in trials)
    return FreshSeeds(
        errors=tuple(errors),
        diverged=sum(has_diverged(trial) for trial in trials),
        missing=len(trials) - len(errors) - live,
        live=live,
    )


def error_of(trial: Trial) -> float | None:
    """Return a training's error: that of guessing if it diverged, None without a result."""
    if trial.state is not TrialState.COMPLETED:
        return None
    return trial.chance if has_diverged(trial) else trial.loss
