"""Models of learning curves, failures and importances."""

from typing import Literal

from alignsearch.dashboards.models.base import Model, Numbers


class Curve(Model):
    """A trial's learning curve: the validation error after each epoch of its last attempt."""

    tid: int
    rank: int | None
    top: bool
    loss: float | None
    epoch: list[int]
    error: Numbers


class Curves(Model):
    """Learning curves: of `total` trials with a result, `shown` are in `curves`."""

    rev: int
    total: int
    shown: int
    note: str
    curves: list[Curve]


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
    """Failures by reason and by host. `total` counts each failed trial once."""

    total: int
    by_reason: list[FailureReason]
    by_host: list[FailuresOfHost]


class ParameterImportance(Model):
    """A metaparameter's share of the score's variance, and its deviation over the trees."""

    name: str
    label: str
    importance: float
    sd: float


class CategoryScore(Model):
    """Mean score and standard error of the trials with one answer to a question of Fig. S2."""

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
    """Importance of the metaparameters.

    Attributes:
        state: `too_few` results, `computing` (ask again soon), or `ready`.
        trials: number of results that were used.
        again_at: number of results from which on it is computed again.
        stale: whether trials have finished since.
    """

    state: Literal["computing", "ready", "too_few"]
    message: str
    rev: int
    trials: int
    again_at: int
    stale: bool
    importance: list[ParameterImportance]
    categorical: list[CategoricalImportance]
