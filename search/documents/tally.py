"""What the ended trials of a search sum up to, so that nobody has to read them all again.

A trial that has ended never changes. So the sum over those whose last change has a number up to
some `seq` is settled for good, and all there is to know is that sum and what has a later number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field

from alignsearch.search.documents import Document, Trial
from alignsearch.search.documents.ranking import best_of, is_ranked
from alignsearch.search.documents.states import TERMINAL_TRIAL_STATES, TrialState

RECENT = 100
"""Ended trials from which the time that one takes is judged."""


@dataclass(frozen=True)
class Standing:
    """What a summary needs of a search's trials.

    Attributes:
        counts: trials by state, every state named.
        best: the completed trial of the lowest loss, of equals the first.
        live: the queued and the running trials.
        seconds: how long recent trials took.
    """

    counts: dict[TrialState, int]
    best: Trial | None
    live: Sequence[Trial]
    seconds: Sequence[float]


class Best(Document):
    """The completed trial of the lowest loss, of equals the one of the lowest tid."""

    trial: str
    loss: float
    tid: int


class Tally(Document):
    """The ended trials whose last change has a number up to `seq`.

    counts: by state. seconds: how long the latest of them took, at most `RECENT`.
    """

    seq: int = 0
    counts: dict[TrialState, int] = Field(default_factory=dict)
    best: Best | None = None
    seconds: tuple[float, ...] = ()

    def with_ended(self, trials: Iterable[Trial]) -> Self:
        """The sum with those of the trials that have ended added, and `seq` as it was."""
        ended = [trial for trial in trials if trial.state in TERMINAL_TRIAL_STATES]
        counts = dict(self.counts)
        best = self.best
        for trial in ended:
            counts[trial.state] = counts.get(trial.state, 0) + 1
            if is_ranked(trial):
                found = Best(trial=trial.id, loss=trial.loss, tid=trial.tid)
                best = found if best is None else best_of([best, found])
        seconds = (*self.seconds, *seconds_of(ended))[-RECENT:]
        return self.model_copy(update={"counts": counts, "best": best, "seconds": seconds})


def seconds_of(trials: Iterable[Trial]) -> list[float]:
    """How long each of the trials took that have ended."""
    return [
        (trial.timings["finished"] - trial.timings["started"]).total_seconds()
        for trial in trials
        if "finished" in trial.timings and "started" in trial.timings
    ]
