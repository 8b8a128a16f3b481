"""Repetitions of a search's best trials on fresh seeds, and which trial they name the best.

A confirmation trial (`Origin`) repeats another trial's point on a seed of its own. The loss with
which the repeated trial came to the top is low partly by luck. So trials are compared by the means
of their repetitions alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

from alignsearch.search.documents.base import Document
from alignsearch.search.documents.divergence import has_diverged
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState
from alignsearch.search.documents.trial import Trial


class Repetition(Document):
    """One repetition that has ended, as the tally keeps it.

    Attributes:
        tid: its own number among the search's trials.
        of: number of the repeated trial.
        repeat: which repetition of that trial it is, from 1.
        loss: what was minimized; None without a result.
        diverged: whether it ended without a finite loss. A worker that crashed tells nothing of
            the point, and doesn't count as that.
        seconds: how long it took; 0 if it never ran.
    """

    tid: int
    of: int
    repeat: int
    loss: float | None = None
    diverged: bool = False
    seconds: float = 0.0

    @classmethod
    def from_trial(cls, trial: Trial) -> Self | None:
        """Return what an ended confirmation tells; None for every other trial."""
        origin = trial.origin
        if not trial.is_confirmation or trial.state not in TERMINAL_TRIAL_STATES:
            return None
        assert origin is not None
        assert origin.of is not None
        assert origin.repeat is not None
        completed = trial.state is TrialState.COMPLETED
        return cls(
            tid=trial.tid,
            of=origin.of,
            repeat=origin.repeat,
            loss=trial.loss if completed else None,
            diverged=has_diverged(trial),
            seconds=trial.seconds or 0.0,
        )


@dataclass(frozen=True)
class Repeated:
    """A trial with the results of its repetitions.

    Attributes:
        tid: the trial's number.
        losses: losses of its repetitions, in the order of their numbers.
        ended: number of repetitions that have ended, with a result or without one.
        diverged: number of those that diverged.
    """

    tid: int
    losses: tuple[float, ...]
    ended: int
    diverged: int = 0

    @property
    def mean(self) -> float | None:
        """Mean loss of its repetitions; None if none has a loss."""
        return fmean(self.losses) if self.losses else None

    @property
    def order(self) -> tuple[float, float]:
        """Sort key, the best first: one that diverges now and then comes after one that doesn't."""
        mean = self.mean
        share = self.diverged / (self.diverged + len(self.losses)) if self.diverged else 0.0
        return share, math.inf if mean is None else mean


def repeated(repetitions: Iterable[Repetition], up_to: int | None = None) -> dict[int, Repeated]:
    """Return the repeated trials by number.

    up_to: count the first so many repetitions of each trial only; by default all.
    """
    by_trial: dict[int, list[Repetition]] = {}
    for each in repetitions:
        if up_to is None or each.repeat <= up_to:
            by_trial.setdefault(each.of, []).append(each)
    found = {}
    for tid, ended in by_trial.items():
        ended.sort(key=lambda each: each.repeat)
        found[tid] = Repeated(
            tid,
            losses=tuple(each.loss for each in ended if each.loss is not None),
            ended=len(ended),
            diverged=sum(each.diverged for each in ended),
        )
    return found


def finalists(repetitions: Iterable[Repetition]) -> list[Repeated]:
    """Return the trials whose means are compared for the first place, the best first.

    Trials that dropped out early have fewer repetitions than those that stayed, and a low mean of
    few seeds is more often luck. So compared are the trials with as many repetitions as the second
    most repeated one at least. Among equals the lower number comes first.
    """
    known = [each for each in repeated(repetitions).values() if each.losses]
    counts = sorted((each.ended for each in known), reverse=True)
    least = counts[1] if len(counts) > 1 else 0
    return sorted(
        (each for each in known if each.ended >= least), key=lambda each: (*each.order, each.tid)
    )


def winner(best: int | None, repetitions: Sequence[Repetition]) -> int | None:
    """Return the number of the trial that a search names as its best.

    That is the finalist with the lowest mean. Until two trials have a repetition with a loss, or
    the only one that has is the best by its first loss, it is the best by its first loss.

    best: number of the trial with the lowest first loss; None if no trial has a loss.
    """
    compared = finalists(repetitions)
    if len(compared) < 2:
        return best
    return compared[0].tid


@dataclass(frozen=True)
class Spread:
    """The noise of a loss from seed to seed, pooled over trials.

    Attributes:
        variance: variance of one loss around its trial's mean.
        freedom: degrees of freedom of the estimate; 0 if it isn't known.
    """

    variance: float
    freedom: int


def spread_within(losses: Iterable[Sequence[float]]) -> Spread:
    """Return the pooled variance of losses around the mean of their trial.

    One trial has too few seeds to tell its own noise. The trials at the top of a search are alike,
    so one variance is taken for all of them: the sum of squares within trials over its degrees of
    freedom, as in the analysis of variance with one factor (Fisher, Statistical Methods for
    Research Workers, 1925).

    losses: of each trial those of its repetitions.
    """
    several = [each for each in losses if len(each) > 1]
    squares = sum(_squares(each) for each in several)
    freedom = sum(len(each) - 1 for each in several)
    return Spread(squares / freedom if freedom else 0.0, freedom)


def spread_between(firsts: Sequence[float], seconds: Sequence[float]) -> Spread:
    """Return the noise as far as one repetition of each trial beside its first loss tells it.

    It is the variance of their differences around the mean difference, which is how much luck
    flattered the first losses. That is between once and twice a loss's own variance, because the
    first losses were selected for being low; so it rather overstates the noise.
    """
    differences = [second - first for first, second in zip(firsts, seconds, strict=True)]
    freedom = len(differences) - 1
    return Spread(_squares(differences) / freedom, freedom) if freedom > 0 else Spread(0.0, 0)


def _squares(values: Sequence[float]) -> float:
    mean = fmean(values)
    # Equal losses have no spread, whatever the rounding of their mean.
    if min(values) == max(values):
        return 0.0
    return sum((value - mean) ** 2 for value in values)
