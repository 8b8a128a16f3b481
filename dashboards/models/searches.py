"""Models of searches: progress, search space, events, and all trials in columns."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from alignsearch.dashboards.models.base import Model, Numbers
from alignsearch.dashboards.models.budget import Change, Limits
from alignsearch.search.documents import Event, Recipe
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.spaces.distributions import Value

Verb = Literal["pause", "resume", "stop", "cancel"]


ShownState = Literal["queued", "running", "completed", "diverged", "failed", "cancelled", "pruned"]
"""A trial's state for people: one that completed without a finite loss has `diverged`."""

Unit = Literal["epoch", "step"]
"""Unit in which a trial's reports are counted: a training's epochs, or an objective's own steps."""


class Metric(Model):
    """The number that trials are compared by, its name for people, and whether less is better."""

    name: str
    label: str
    direction: Literal["minimize", "maximize"]


class BestTrial(Model):
    """The best trial: the loss that is minimized, and the metric as people know it.

    Where the search is confirmed, both are means over fresh seeds.

    Attributes:
        seeds: number of fresh seeds; null if the search isn't confirmed.
        low: lower end of the mean's 95 % interval; null, as `high`, if it isn't known.
        high: upper end of the mean's 95 % interval.
    """

    tid: int
    loss: float | None
    value: float | None
    seeds: int | None = None
    low: float | None = None
    high: float | None = None


class SearchSummary(Model):
    """Progress of a search, times in seconds.

    Attributes:
        kind: `runs` of an experiment, a search over a definition that is `unknown` here, or any
            other search.
        rehearsal: whether nothing is trained.
        objective: what each trial does, in words.
        dataset: this, `model`, `width` and `epochs` are null where nothing is trained.
        finished: trials with a result, which count towards the `trials` of the budget.
        ending: why it is over; null while it isn't.
        diverged: how many of the completed trials have no finite loss.
        steps: the verbs that its status allows.
        changes: which changes of its settings are possible now.
        next: the command that trains the best trial for longer; null where nothing is trained.
        metrics: all that are minimized or maximized; `metric` is the first of them.
        constraints: bounds of metrics in words; a trial that breaks one is never the best.
        prior: where good configurations were expected, in words; null for none.
        nearest: where no trial keeps them, the one that breaks them least.
    """

    name: str
    space: str
    kind: Literal["search", "runs", "unknown"]
    rehearsal: bool
    status: SearchStatus
    stop_requested: bool
    metric: Metric
    metrics: list[Metric]
    constraints: list[str]
    prior: str | None
    objective: str
    dataset: str | None
    model: str | None
    width: int | None
    epochs: int | None
    unit: Unit
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
    nearest: BestTrial | None
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
    ending: str | None
    diverged: int
    limits: Limits
    note: str
    tags: list[str]
    next: str | None
    steps: list[Verb]
    changes: list[Change]


class Searches(Model):
    """Searches, the latest first. `now` is the store's clock in Unix seconds."""

    now: float
    searches: list[SearchSummary]


class Parameter(Model):
    """A metaparameter of a search space: its distribution or value, and its source.

    Attributes:
        name: of a search's space, the name of the trials' column.
        kind: HyperOpt's name of the distribution, or `fixed` or `derived`.
        sampled: whether a search samples it.
        log: whether its values spread evenly over a logarithmic axis.
        middle: of a distribution without ends, the middle 95 % of its values.
        options: of a choice; an option that is no scalar has a short name.
        when: the choices that lead to it, in words; null where every trial has it.
        text: its values in words.
    """

    name: str
    label: str
    kind: str
    sampled: bool
    log: bool = False
    low: float | None = None
    high: float | None = None
    middle: list[float] | None = None
    options: list[Value] | None = None
    value: JsonValue = None
    formula: str | None = None
    when: str | None = None
    text: str
    source: str


class Space(Model):
    """A search space. `known` is false if neither the store nor this program has it."""

    name: str
    title: str
    learning_rule: str
    source: str
    space_hash: str
    known: bool
    parameters: list[Parameter]


class Took(Model):
    """The cost of a search so far.

    Attributes:
        slots: trials that it may run at once.
        accelerator_hours: hours of each accelerator, for all ended attempts.
        ends: number of trials by how they ended.
        repetitions: number of repetitions of the best trials, which are not among these.
        estimated_seconds: duration of the whole search with half, as many and twice the slots, by
            their number.
    """

    slots: int
    accelerator_hours: dict[str, float]
    ends: dict[str, int]
    repetitions: int
    estimated_seconds: dict[str, float]


class SearchDetail(Model):
    """A search in detail. `rev` is the number of the last change of its trials."""

    rev: int
    now: float
    summary: SearchSummary
    space: Space
    recipe: Recipe | None
    took: Took
    versions: dict[str, str]
    resources: dict[str, float]
    hosts: list[str]


class ColumnHead(Model):
    """A column of trials. The values of a category are indices into `options`.

    Attributes:
        role: the one column of the `score` has the metric as people know it. If it is maximized,
            the column `loss`, with the opposite sign, is there too. Each further metric has a
            column of a `metric`. The column of the `violation` says by how much a trial breaks the
            search's constraints, 0 if it keeps them.
        low: lowest value of the distribution; null, as `high`, where it has no end.
        when: the choices that lead to the metaparameter, in words; null where every trial has it.
    """

    name: str
    label: str
    kind: Literal["integer", "number", "category", "time"]
    role: Literal["trial", "score", "metric", "violation", "metaparameter"]
    options: list[Value] | None = None
    log: bool | None = None
    low: float | None = None
    high: float | None = None
    when: str | None = None


class BestSoFar(Model):
    """Trials that were the best when they finished, in columns.

    Attributes:
        finished: seconds since the search began.
        number: how many trials had finished with a loss by then.
        value: the metric as people know it.
    """

    tid: list[int]
    finished: list[float]
    number: list[int]
    loss: list[float]
    value: list[float]


class TrialColumns(Model):
    """Trials in columns: all of them, or those that changed after a revision.

    Attributes:
        rev: number of the last change that is included.
        reset: the rows replace all earlier ones: the store has another search of this name, or a
            column has another kind than before.
        epoch0: Unix seconds from which columns of the kind `time` count.
        values: each column's numbers; null where a trial has none.
        front: numbers of the trials than which no other one is better in every metric, the best by
            the first metric first; empty in a search of one metric.
    """

    rev: int
    count: int
    reset: bool
    epoch0: float
    columns: list[ColumnHead]
    values: dict[str, Numbers]
    best: BestSoFar
    front: list[int]
    summary: SearchSummary
    now: float


class Events(Model):
    """Events of a search, the oldest first."""

    events: list[Event]


class Steered(Model):
    """Result of steering: a message for people, and the search's progress after it."""

    message: str
    summary: SearchSummary
