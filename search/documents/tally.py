"""Tally of a search's ended trials: counts, durations and the best one, summed up once.

A trial that has ended never changes. So the sum over the ended trials whose changes have numbers up
to some `seq` is final, and a reader needs only this sum and the trials with later numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import Field

from alignsearch.search.documents import Document, Trial
from alignsearch.search.documents.budget import Spending
from alignsearch.search.documents.divergence import is_diverged
from alignsearch.search.documents.ranking import best_of, is_ranked
from alignsearch.search.documents.repetition import Repetition
from alignsearch.search.documents.spent_time import SpentTime, add_seconds, seconds_on
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState

RECENT = 100
"""Ended trials whose durations are kept: enough for a median, and little to store."""


@dataclass(frozen=True)
class Standing:
    """Trials of a search, summed up for a summary.

    Attributes:
        counts: trials by state, every state named, without repetitions of others.
        best: the completed trial with the lowest loss among those that keep the search's
            constraints (`documents.ranking`).
        nearest: where none keeps them, the one that breaks them least; None otherwise.
        live: the queued and the running trials, repetitions among them.
        seconds: durations of recent trials.
        repetitions: repetitions of the best trials that have ended.
        named: the trial that the search names as its best: `best`, or the one with the best mean
            of its repetitions (`documents.repetition.winner`).
        spent: seconds of ended trials' attempts by accelerator, repetitions among them.
        diverged: completed trials without a finite loss.
        spending: the trials that are part of the search itself.
        since_best: trials with a result that ended after the best one; 0 where nobody asked.
        last_error: error of the trial that failed last; None if it isn't known.
        is_hopeless: whether a trial has failed as it would again, and none has a result.
    """

    counts: dict[TrialState, int]
    best: Trial | None
    live: Sequence[Trial]
    seconds: Sequence[float]
    repetitions: Sequence[Repetition] = ()
    named: Trial | None = None
    spent: Mapping[str, float] = field(default_factory=dict)
    diverged: int = 0
    spending: Spending = field(default_factory=Spending)
    since_best: int = 0
    last_error: str | None = None
    is_hopeless: bool = False
    nearest: Trial | None = None


class Best(Document):
    """The first completed trial in the order of `documents.ranking`, whether it keeps constraints
    or not."""

    trial: str
    violation: float = 0.0
    loss: float
    tid: int


class Tally(Document):
    """Sum over the ended trials whose last change has a number up to `seq`.

    counts: ended trials by state, without repetitions of others. suggested: those of them that are
    part of the search itself (`Trial.is_suggested`). retries: those that repeat a failed one.
    seconds: durations of the latest `RECENT` of them. repetitions: the ended ones. spent: time by
    accelerator. diverged: completed ones without a finite loss.
    """

    seq: int = 0
    counts: dict[TrialState, int] = Field(default_factory=dict)
    suggested: dict[TrialState, int] = Field(default_factory=dict)
    retries: int = 0
    best: Best | None = None
    seconds: tuple[float, ...] = ()
    repetitions: tuple[Repetition, ...] = ()
    spent: tuple[SpentTime, ...] = ()
    diverged: int = 0

    @property
    def spending(self) -> Spending:
        """The trials that are part of the search itself, by state."""
        return Spending(self.suggested, self.retries)

    def with_ended(self, trials: Iterable[Trial]) -> Self:
        """Return the tally with those of the trials added that have ended; `seq` is as before."""
        ended = [trial for trial in trials if trial.state in TERMINAL_TRIAL_STATES]
        counts = dict(self.counts)
        spending = self.spending
        best = self.best
        repetitions = list(self.repetitions)
        diverged = self.diverged
        known = {each.accelerator: each.seconds for each in self.spent}
        spent = add_seconds(known, seconds_on(ended))
        for trial in ended:
            repetition = Repetition.from_trial(trial)
            if repetition is not None:
                repetitions.append(repetition)
                continue
            diverged += is_diverged(trial)
            counts[trial.state] = counts.get(trial.state, 0) + 1
            spending.note(trial)
            if is_ranked(trial):
                found = Best(
                    trial=trial.id, violation=trial.violation, loss=trial.loss, tid=trial.tid
                )
                best = found if best is None else best_of([best, found])
        seconds = (*self.seconds, *seconds_of(ended))[-RECENT:]
        return self.model_copy(
            update={
                "counts": counts,
                "suggested": dict(spending.counts),
                "retries": spending.retries,
                "best": best,
                "seconds": seconds,
                "repetitions": tuple(repetitions),
                "spent": tuple(
                    SpentTime(accelerator=name, seconds=each) for name, each in spent.items()
                ),
                "diverged": diverged,
            }
        )


def end_of(trial: Trial) -> float:
    """Return when the trial ended, in Unix seconds; 0 if that isn't known."""
    at = trial.timings.get("finished")
    return 0.0 if at is None else at.timestamp()


def seconds_of(trials: Iterable[Trial]) -> list[float]:
    """Return the seconds that each of the trials took, without those that haven't ended.

    Results from elsewhere are left out: another machine took that time.
    """
    return [
        trial.seconds
        for trial in trials
        if trial.seconds is not None and (trial.origin is None or trial.origin.kind != "imported")
    ]
