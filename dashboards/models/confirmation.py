"""Models of a confirmation: the best trials of a search on fresh seeds, and the one they name."""

from typing import Literal

from pydantic import ConfigDict, Field

from alignsearch.dashboards.models.base import Model
from alignsearch.search.documents.limits import MOST_REPEATED
from alignsearch.search.use_cases.confirming import USUAL


class ConfirmRequest(Model):
    """How many of the best trials are repeated, and how often each at most.

    With neither number given, the usual ones count, and the repetitions take at most a tenth of the
    search's cost.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"top": USUAL.top, "seeds": 3}]})

    top: int | None = Field(default=None, ge=1, le=MOST_REPEATED)
    seeds: int | None = Field(default=None, ge=1, le=MOST_REPEATED)


class RepeatedTrial(Model):
    """A trial with repetitions, its numbers in the metric as people know it.

    Attributes:
        mean: mean of its repetitions.
        standard_error: of the mean; null, as `low` and `high`, while the noise isn't known.
        low: lower end of the mean's 95 % interval.
        high: upper end of the mean's 95 % interval.
        values: results of its repetitions.
        first: the result with which it came to the top; null if it isn't known here.
        flattered: by how much the first result is better than the mean.
        chance_better: the chance that it is better than the winner, the two by themselves.
        diverged: how many of its repetitions diverged.
    """

    tid: int
    mean: float
    standard_error: float | None
    low: float | None
    high: float | None
    values: list[float]
    first: float | None
    flattered: float | None
    chance_better: float | None
    diverged: int


class ConfirmedBest(Model):
    """The trial that repetitions name as the best.

    Attributes:
        others: the other repeated trials, the best mean first.
        chance_another_better: the chance that any other repeated trial is truly better.
        ties: trials with the winner's mean.
        not_told_apart: further trials that these seeds don't tell apart from the winner.
        lucky: the trial with the best first result, which an unconfirmed search would name.
        repetitions: number of repetitions with a result.
        without_result: number of repetitions that ended without one.
    """

    winner: RepeatedTrial
    others: list[RepeatedTrial]
    chance_another_better: float | None
    ties: list[int]
    not_told_apart: list[int]
    lucky: RepeatedTrial | None
    repetitions: int
    without_result: int


class RepetitionRow(Model):
    """One repetition, itself a trial: `of` is the one that it repeats, `repeat` counts from 1."""

    tid: int
    of: int
    repeat: int
    state: Literal["queued", "running", "completed", "diverged", "failed"]
    value: float | None


class ConfirmationState(Model):
    """A search's confirmation: what was asked for, how far it is, and what it says.

    Attributes:
        asked: whether the search is confirmed at all.
        top: how many of the best trials are repeated; null if it isn't.
        seeds: repetitions of each at most; null if it isn't.
        share: the largest part of the search's cost that they may take; null for no limit.
        ended: repetitions that have ended, in the order of their ends.
        live: repetitions that are queued or running.
        result: null until two trials have a repetition with a result.
        words: the result in sentences.
    """

    asked: bool
    top: int | None
    seeds: int | None
    share: float | None
    ended: list[RepetitionRow]
    live: list[RepetitionRow]
    result: ConfirmedBest | None
    words: list[str]
