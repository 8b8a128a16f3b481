"""What a search's trials tell: learning curves, failures, importance."""

from typing import Literal

from alignsearch.dashboards.models.base import Model, Numbers


class Curve(Model):
    """A trial's learning curve: validation error by epoch."""

    tid: int
    rank: int | None
    top: bool
    loss: float | None
    epoch: list[int]
    error: Numbers


class Curves(Model):
    """Learning curves of the best trials and of others, evenly by rank."""

    rev: int
    total: int
    shown: int
    note: str
    curves: list[Curve]


class FailureReason(Model):
    """Trials that failed alike; the first of them."""

    reason: str
    kind: str
    count: int
    tids: list[int]


class FailuresOfHost(Model):
    """What became of the attempts on a host."""

    host: str
    attempts: int
    crashed: int
    expired: int
    diverged: int


class Failures(Model):
    """Failures by reason and by host; `total` trials have failed in some way."""

    total: int
    by_reason: list[FailureReason]
    by_host: list[FailuresOfHost]


class ParameterImportance(Model):
    """A metaparameter's part of the score's variance, and its deviation over the trees."""

    name: str
    label: str
    importance: float
    sd: float


class CategoryScore(Model):
    """The score where a question of Fig. S2 has one answer."""

    option: str
    count: int
    mean: float | None
    sem: float | None


class CategoricalImportance(Model):
    """One of Fig. S2's questions, A to I; `difference` is the mean of yes less that of no."""

    letter: str
    name: str
    label: str
    question: str
    difference: float | None
    values: list[CategoryScore]


class Importances(Model):
    """What the score depends on; `stale` if trials have finished since.

    again_at: with so many results it is computed again.
    """

    state: Literal["computing", "ready", "too_few"]
    message: str
    rev: int
    trials: int
    again_at: int
    stale: bool
    importance: list[ParameterImportance]
    categorical: list[CategoricalImportance]
