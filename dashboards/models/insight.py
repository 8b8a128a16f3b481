"""Models of learning curves, failures and importances."""

from typing import Literal

from alignsearch.dashboards.models.base import Model, Numbers
from alignsearch.dashboards.models.searches import Unit


class Curve(Model):
    """A trial's learning curve: a number after each epoch or step of its last attempt.

    Attributes:
        loss: the trial's loss, which is minimized; null without a result.
        value: the search's metric of the trial, as people know it.
        values: the number after each epoch; null where it wasn't reported.
        ended: `pruned` or `diverged` where the trial ended so, without a loss.
    """

    tid: int
    rank: int | None
    top: bool
    loss: float | None
    value: float | None
    epoch: list[int]
    values: Numbers
    ended: Literal["pruned", "diverged"] | None


class ReportedMetric(Model):
    """A number that trials report, and its name for people."""

    name: str
    label: str


class Curves(Model):
    """Learning curves: of `total` trials with a result, `shown` are in `curves`.

    Attributes:
        metric: name of the number that the curves show.
        metrics: the numbers that trials have reported so far, the search's metric first.
    """

    rev: int
    total: int
    shown: int
    note: str
    unit: Unit
    metric: str
    metrics: list[ReportedMetric]
    curves: list[Curve]


class SlotUse(Model):
    """Attempts by slot, and how many slots were busy. Times are seconds since the search began.

    Attributes:
        slots: number of trials that may run at once.
        total: number of all attempts; the columns `tid` to `end` have the latest.
        lane: slot of each attempt, from 0.
        ended: for an attempt that goes on, the present time.
        end: how each attempt ended, in words, or `running`.
        at: times at which the number of busy slots changes, or over which it is averaged.
        busy: number of busy slots from each of these times on.
        hours: slot hours by how attempts ended.
    """

    rev: int
    now: float
    slots: int
    total: int
    tid: list[int]
    attempt: list[int]
    lane: list[int]
    started: list[float]
    ended: list[float]
    end: list[str]
    at: list[float]
    busy: list[float]
    hours: dict[str, float]


class FailureReason(Model):
    """A reason to fail, how many trials failed for it, and the first of their numbers."""

    reason: str
    kind: str
    count: int
    tids: list[int]


class FailuresOfHost(Model):
    """Numbers of attempts on a host, and of those that crashed, expired or diverged."""

    host: str
    attempts: int
    crashed: int
    expired: int
    diverged: int


class Failures(Model):
    """Failures by reason and by host.

    Attributes:
        total: failed and diverged trials, each counted once.
        diverged: how many diverged and why, and the likely cause where one is known, in lines.
    """

    total: int
    diverged: list[str]
    by_reason: list[FailureReason]
    by_host: list[FailuresOfHost]


class ParameterImportance(Model):
    """A metaparameter's share of the score's variance, and its deviation over the trees.

    trials: number of trials that use the metaparameter, over which the variance is taken.
    column: name of the trials' column that has its values.
    """

    name: str
    label: str
    importance: float
    sd: float
    trials: int
    column: str


class CategoryScore(Model):
    """Mean metric and standard error of the trials with one option, or one answer to a question.

    options: which options of the column these are, from 0; empty where it has none.
    """

    option: str
    count: int
    mean: float | None
    sem: float | None
    options: list[int]


class CategoricalImportance(Model):
    """A choice and the scores of its options; of the paper's searches, one of Fig. S2's questions.

    Attributes:
        letter: A to I of Fig. S2; empty for a choice of another space.
        question: the question in the words of Fig. S2; empty like `letter`.
        difference: the mean of yes less that of no; of a choice, the largest less the smallest.
        column: name of the trials' column that has its values; null where no trial differs in it.
    """

    letter: str
    name: str
    label: str
    question: str
    difference: float | None
    column: str | None
    values: list[CategoryScore]


class Importances(Model):
    """Importance of the metaparameters.

    Attributes:
        state: `too_few` results, `computing` (ask again soon), or `ready`.
        trials: number of results that were used.
        again_at: number of results from which on it is computed again.
        stale: whether trials have finished since.
        score_label: the number whose variance is explained.
    """

    state: Literal["computing", "ready", "too_few"]
    message: str
    rev: int
    trials: int
    again_at: int
    stale: bool
    score_label: str
    importance: list[ParameterImportance]
    categorical: list[CategoricalImportance]
