"""What the API answers and takes, as typed models; the OpenAPI description is made of them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from dashboards.auth import LONGEST_TOKEN, Login
from search.documents import AttemptOutcome, Event, Recipe
from search.states import SearchStatus, TrialState
from spaces.space import Value

Verb = Literal["pause", "resume", "stop", "cancel"]
Numbers = list[float | None]
Integers = list[int | None]

LONGEST_NAME = 64


class Model(BaseModel):
    """Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorDetail(Model):
    """What is wrong, in words for people; `field` names the parameter, if it is one's fault."""

    code: str
    message: str
    field: str | None = None


class Error(Model):
    """The answer to every request that can't be done."""

    error: ErrorDetail


class Health(Model):
    """Whether the store answers; what it says if not."""

    store: str
    available: bool
    message: str
    version: str


class SessionState(Model):
    """Who asks, and whether they may steer; `csrf` goes into X-CSRF-Token of every POST."""

    user: str | None
    can_steer: bool
    login: Login
    why: str | None
    csrf: str


class LoginRequest(Model):
    """A person's name, which events will carry, and the dashboard's token."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME, pattern=r"^[\w.@+-][\w .@+-]*$")
    token: str = Field(min_length=1, max_length=LONGEST_TOKEN)


class Nothing(Model):
    """An empty body."""


class BestTrial(Model):
    """The best trial and its loss, the validation error."""

    tid: int
    loss: float | None


class SearchSummary(Model):
    """A search at one moment. Times in seconds; `diverged` is None until its trials were read."""

    name: str
    space: str
    status: SearchStatus
    stop_requested: bool
    dataset: str
    model: str
    width: int
    epochs: int
    trials: int
    parallel: int
    algo: str
    seed: int
    priority: int
    counts: dict[TrialState, int]
    finished: int
    busy: int
    slots: dict[str, int]
    best: BestTrial | None
    chance: float | None
    seconds_left: float | None
    waits_for: str
    driver: str | None
    driven: bool
    owner: str
    created_at: datetime
    updated_at: datetime
    age: float
    error: str | None
    diverged: int | None
    steps: list[Verb]


class Searches(Model):
    """All searches, the latest first; `now` is the store's clock, in Unix seconds."""

    now: float
    searches: list[SearchSummary]


class Parameter(Model):
    """One of a space's 22 metaparameters."""

    name: str
    label: str
    kind: Literal["uniform", "loguniform", "choice", "fixed", "derived"]
    low: float | None = None
    high: float | None = None
    options: list[Value] | None = None
    value: Value = None
    formula: str | None = None
    text: str
    source: str


class Space(Model):
    """A search space; `known` is False if this program knows no such space."""

    name: str
    title: str
    learning_rule: str
    source: str
    space_hash: str
    known: bool
    parameters: list[Parameter]


class SearchDetail(Model):
    """One search; `rev` is the number of the last change of its trials."""

    rev: int
    now: float
    summary: SearchSummary
    space: Space
    recipe: Recipe
    versions: dict[str, str]
    resources: dict[str, float]
    hosts: list[str]


class ColumnHead(Model):
    """A column of the history; a category's values are indices into `options`."""

    name: str
    label: str
    kind: Literal["integer", "number", "category", "time"]
    role: Literal["trial", "score", "metaparameter"]
    options: list[Value] | None = None
    log: bool | None = None
    low: float | None = None
    high: float | None = None


class BestSoFar(Model):
    """Trials that were the best when they finished; `finished` in seconds since the beginning.

    number: how many trials had finished with a loss by then.
    """

    tid: list[int]
    finished: list[float]
    number: list[int]
    loss: list[float]


class History(Model):
    """Trials in columns: all of them, or those that have changed since a revision.

    epoch0: Unix seconds from which `time` columns count. reset: forget what was there before.
    """

    rev: int
    count: int
    reset: bool
    epoch0: float
    columns: list[ColumnHead]
    values: dict[str, Numbers]
    best: BestSoFar
    summary: SearchSummary
    now: float


class TrialRow(Model):
    """One row of the table of trials."""

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
    """A page of the table: `matching` trials of `total` fit the filters."""

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
    """One try at a trial, from `resumed` epochs on; its outcome is None while it goes on."""

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
    """One trial; `rank` among the `of` trials with a loss, 1 the best."""

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
    """One layer over the epochs: angles in degrees, norm of B over norm of W."""

    name: str
    angle: Numbers
    norm_ratio: Numbers
    gradient_angle: Numbers | None


class Epochs(Model):
    """A trial's epochs in columns; `epochs` is how many there will be."""

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
    """A line about an attempt; an epoch's has no time."""

    at: datetime | None
    level: str
    text: str


class Log(Model):
    """The last that an attempt's worker has written to the store; `note` says why nothing has."""

    attempt: int
    available: bool
    lines: list[LogLine]
    note: str


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


class Events(Model):
    """What was done to a search, the oldest first."""

    events: list[Event]


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


class TableColumn(Model):
    """A column of Table 5."""

    title: str
    note: str
    space: str


class TableCells(Model):
    """A row of Table 5 over several columns."""

    name: str
    field: str
    cells: list[str]


class Table5(Model):
    """Configurations as columns of Table 5; `missing` searches have no result yet."""

    columns: list[TableColumn]
    rows: list[TableCells]
    notes: list[str]
    missing: list[str]


class Compared(Model):
    """One search beside others."""

    summary: SearchSummary
    best: BestSoFar


class Comparison(Model):
    """Several searches side by side."""

    searches: list[Compared]
    table: Table5


class SubmitField(Model):
    """A field of the form for a new search."""

    name: str
    kind: Literal["integer", "number", "text", "choice"]
    options: list[str] | None
    required: bool
    default: Value
    help: str


class SubmitForm(Model):
    """All that a new search needs."""

    spaces: list[Space]
    fields: list[SubmitField]
    defaults: dict[str, Value]


class Checked(Model):
    """The search as it would be written."""

    ok: Literal[True]
    search: dict[str, JsonValue]


class Submitted(Model):
    """The search that was written, and its page."""

    name: str
    href: str


class Steered(Model):
    """What was done, in the command line's words."""

    message: str
    summary: SearchSummary


JSON_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error, "description": words}
    for status, words in (
        (400, "Not understood, or for another host"),
        (404, "Unknown"),
        (422, "Invalid"),
        (503, "The store doesn't answer"),
    )
}
CHANGE_ERRORS: dict[int | str, dict[str, Any]] = {
    **JSON_ERRORS,
    **{
        status: {"model": Error, "description": words}
        for status, words in (
            (401, "A login is needed"),
            (403, "Not allowed, or no CSRF token"),
            (409, "Its state doesn't allow it"),
            (413, "Too large"),
            (429, "Too many failed logins"),
        )
    },
}
