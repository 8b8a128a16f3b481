"""Models of trials: the table's rows, one trial, its epochs and its log."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from alignsearch.dashboards.models.base import Model, Numbers
from alignsearch.dashboards.models.searches import Metric, ShownState, Unit
from alignsearch.search.documents import AttemptOutcome
from alignsearch.spaces.distributions import Value


class TrialRow(Model):
    """A row of the table of trials.

    Attributes:
        loss: the loss that is minimized; null without a result.
        value: the search's metric, as people know it.
        current: the metric after the last epoch.
        metrics: values of further metrics by column.
        config: values of the metaparameters by column, without those that the trial doesn't use.
        cells: the same values as text.
    """

    tid: int
    state: ShownState
    loss: float | None
    value: float | None
    current: float | None
    metrics: dict[str, float | None]
    epoch: int | None
    attempt: int
    seconds: float | None
    started: float | None
    finished: float | None
    host: str | None
    outcome: str | None
    note: str | None
    config: dict[str, Value]
    cells: dict[str, str]


class TrialPage(Model):
    """A page of the table of trials. `matching` of `total` trials pass the filters."""

    rev: int
    page: int
    page_size: int
    pages: int
    total: int
    matching: int
    rows: list[TrialRow]


class TableRow(Model):
    """A row of the definition's table for one trial."""

    name: str
    field: str
    cell: str
    value: JsonValue
    sampled: bool


class AttemptDetail(Model):
    """An attempt at a trial, continued after `resumed` epochs. `outcome` is null while it runs."""

    number: int
    owner: str
    host: str
    accelerator: str
    versions: dict[str, str]
    slot: int | None
    resumed: int
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    outcome: AttemptOutcome | None
    error: str | None


WeightsState = Literal["kept", "removed", "elsewhere", "none"]


class Weights(Model):
    """Where a trial's weights are.

    Attributes:
        state: `kept` in `folder`; `removed` again; `elsewhere`, where the dashboard can't look; or
            `none` were ever written.
        text: the same in words.
        code: four lines of Python that load them; null where they aren't at hand.
    """

    state: WeightsState
    text: str
    folder: str | None
    code: str | None


class Reuse(Model):
    """A trial to use again: its configuration as Python and JSON, and commands that try it."""

    python: str
    json_text: str
    command: str
    weights: Weights


class NamedNumber(Model):
    """A number of a trial's result with its name for people. `unit` is `s` for a duration."""

    label: str
    value: float | None
    unit: Literal["", "s"]


class TrialDetail(Model):
    """A trial in detail.

    Attributes:
        loss: the loss that is minimized; null without a result.
        value: the search's metric, as people know it.
        current: the metric after the last epoch.
        epochs: number of all epochs; null if it isn't known.
        rank: the trial's place among the `of` trials with a loss, 1 the best.
        measured: the `metrics` by their names for people.
        rows: rows of the search's table.
        config: what the objective evaluates.
        cause: why it likely diverged, in words; null where that isn't known or it didn't.
    """

    tid: int
    search: str
    kind: Literal["search", "runs", "unknown"]
    rehearsal: bool
    state: ShownState
    rev: int
    metric: Metric
    loss: float | None
    value: float | None
    current: float | None
    outcome: str | None
    reason: str | None
    cause: str | None
    note: str | None
    metrics: dict[str, float | None]
    measured: list[NamedNumber]
    best_epoch: int | None
    unit: Unit
    epoch: int | None
    epochs: int | None
    error: str | None
    rank: int | None
    of: int
    rows: list[TableRow]
    config: JsonValue
    attempts: list[AttemptDetail]
    timings: dict[str, datetime]
    resources: dict[str, float]
    previous: int | None
    next: int | None


class LayerCurves(Model):
    """A layer over the epochs.

    angle: of B and W, in degrees. norm_ratio: the norm of B over that of W. gradient_angle: of
    pseudogradient and true gradient, in degrees. sign_agreement: share of W's entries whose sign
    B's have. The last two are null where no epoch has them.
    """

    name: str
    angle: Numbers
    norm_ratio: Numbers
    gradient_angle: Numbers | None
    sign_agreement: Numbers | None


class Series(Model):
    """A number that a trial reported, after each epoch; null where it didn't.

    role: charts of learning curves show what is `measured` and charts of rates each `rate`; an
    `other` number is data only.
    """

    name: str
    label: str
    role: Literal["measured", "rate", "other"]
    values: Numbers


class Epochs(Model):
    """A trial's epochs, or steps, in columns. `count` are there; `epochs` are planned, if known."""

    count: int
    epochs: int | None
    unit: Unit
    attempt: list[int]
    epoch: list[int]
    seconds: Numbers
    series: list[Series]
    layers: list[LayerCurves]


class LogLine(Model):
    """A line of an attempt's log. Lines about epochs have no time."""

    at: datetime | None
    level: str
    text: str


class Log(Model):
    """The last lines of an attempt's log. If there are none, `note` says why."""

    attempt: int
    available: bool
    lines: list[LogLine]
    note: str
