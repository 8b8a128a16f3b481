"""Models of searches: progress, search space, events, and all trials in columns."""

from datetime import datetime
from typing import Literal

from alignsearch.dashboards.models.base import Model, Numbers
from alignsearch.search.documents import Event, Recipe
from alignsearch.search.documents.states import SearchStatus, TrialState
from alignsearch.spaces.space import Value

Verb = Literal["pause", "resume", "stop", "cancel"]


class BestTrial(Model):
    """The best trial and its loss (validation error)."""

    tid: int
    loss: float | None


class SearchSummary(Model):
    """Progress of a search, times in seconds. `diverged` is null until its trials were read."""

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
    """Searches, the latest first. `now` is the store's clock in Unix seconds."""

    now: float
    searches: list[SearchSummary]


class Parameter(Model):
    """A metaparameter of a search space: its distribution or value, and its source."""

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
    """A search space. `known` is false if this version of the program doesn't have it."""

    name: str
    title: str
    learning_rule: str
    source: str
    space_hash: str
    known: bool
    parameters: list[Parameter]


class SearchDetail(Model):
    """A search in detail. `rev` is the number of the last change of its trials."""

    rev: int
    now: float
    summary: SearchSummary
    space: Space
    recipe: Recipe | None
    versions: dict[str, str]
    resources: dict[str, float]
    hosts: list[str]


class ColumnHead(Model):
    """A column of trials. The values of a category are indices into `options`."""

    name: str
    label: str
    kind: Literal["integer", "number", "category", "time"]
    role: Literal["trial", "score", "metaparameter"]
    options: list[Value] | None = None
    log: bool | None = None
    low: float | None = None
    high: float | None = None


class BestSoFar(Model):
    """Trials that were the best when they finished, in columns.

    Attributes:
        finished: seconds since the search began.
        number: how many trials had finished with a loss by then.
    """

    tid: list[int]
    finished: list[float]
    number: list[int]
    loss: list[float]


class TrialColumns(Model):
    """Trials in columns: all of them, or those that changed after a revision.

    Attributes:
        rev: number of the last change that is included.
        reset: the rows replace all earlier ones: the store has another search of this name.
        epoch0: Unix seconds from which columns of the kind `time` count.
        values: each column's numbers; null where a trial has none.
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


class Events(Model):
    """Events of a search, the oldest first."""

    events: list[Event]


class Steered(Model):
    """Result of steering: a message for people, and the search's progress after it."""

    message: str
    summary: SearchSummary
