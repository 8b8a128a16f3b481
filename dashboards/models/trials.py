"""Models of trials: the table's rows, one trial, its epochs and its log."""

from datetime import datetime

from alignsearch.dashboards.models.base import Model, Numbers
from alignsearch.search.documents import AttemptOutcome
from alignsearch.search.documents.states import TrialState
from alignsearch.spaces.space import Value


class TrialRow(Model):
    """A row of the table of trials."""

    tid: int
    state: TrialState
    loss: float | None
    current: float | None
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
    """A row of Table 5 for one trial."""

    name: str
    field: str
    cell: str
    value: Value
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


class TrialDetail(Model):
    """A trial in detail. `rank` is its place among the `of` trials with a loss, 1 the best."""

    tid: int
    search: str
    state: TrialState
    rev: int
    loss: float | None
    current: float | None
    outcome: str | None
    reason: str | None
    note: str | None
    metrics: dict[str, float | None]
    best_epoch: int | None
    epoch: int | None
    epochs: int
    error: str | None
    rank: int | None
    of: int
    rows: list[TableRow]
    config: dict[str, Value]
    attempts: list[AttemptDetail]
    timings: dict[str, datetime]
    resources: dict[str, float]
    previous: int | None
    next: int | None


class LayerCurves(Model):
    """A layer over the epochs: angle of B and W in degrees, and the norm of B over that of W."""

    name: str
    angle: Numbers
    norm_ratio: Numbers
    gradient_angle: Numbers | None


class Epochs(Model):
    """Epochs of a trial in columns. `count` are there, `epochs` are planned."""

    count: int
    epochs: int
    attempt: list[int]
    epoch: list[int]
    loss: Numbers
    train_accuracy: Numbers
    validation_loss: Numbers
    validation_accuracy: Numbers
    learning_rate: Numbers
    alignment_learning_rate: Numbers
    alignment_loss: Numbers
    seconds: Numbers
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
