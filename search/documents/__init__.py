"""What the store holds, as frozen models, and how each becomes BSON.

Only BSON's own types are written, never pickles, so that a store can't run code.
Times are aware UTC, to the millisecond, as BSON keeps them.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import SearchStatus, TrialState
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

UNSET_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in a document until the store, whose clock counts, has written it."""

PendingPolicy = Literal["hyperopt", "ignore", "liar-mean", "liar-worst"]
"""How TPE treats trials that are still running (`alignsearch.search.samplers`)."""
DEFAULT_PENDING: PendingPolicy = "hyperopt"
"""The best mean rank in `make bench-tpe`, by the median of the best loss so far."""

AttemptOutcome = Literal[
    "completed", "handed_back", "expired", "crashed", "cancelled", "pruned", "released"
]
TrialTime = Literal["queued", "placed", "started", "finished"]

COUNTED_OUTCOMES: frozenset[AttemptOutcome] = frozenset({"crashed", "expired"})
"""Outcomes that cost one of a trial's attempts; handing back and a release don't."""


def _plain(value: Any) -> Any:
    """Turn NumPy's scalars, which HyperOpt suggests, into Python's."""
    return value.item() if hasattr(value, "item") else value


Scalar = Annotated[bool | int | float | str | None, BeforeValidator(_plain)]


NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a search may be called."""


_BY_HAND = "it was changed by hand or by another program"
_NEWER = "a newer version of alignsearch has written it: upgrade this one, or go on with that one"
_CAUSES = {"extra_forbidden": _NEWER, "enum": _NEWER, "literal_error": _NEWER}


class Document(BaseModel):
    """A frozen document or a part of one; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id_field: ClassVar[str | None] = None
    """The field that is stored as `_id`."""

    def to_bson(self) -> dict[str, Any]:
        """Return the document with BSON's types only."""
        document = self.model_dump()
        if self.id_field is not None:
            document = {"_id": document.pop(self.id_field), **document}
        return document

    @classmethod
    def from_bson(cls, document: Mapping[str, Any]) -> Self:
        """Read a stored document; raise StoreCorruptedError, naming it, if it doesn't fit."""
        fields = {name: value for name, value in document.items() if name != "_id"}
        if cls.id_field is not None:
            fields[cls.id_field] = document.get("_id")
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            cause = _CAUSES.get(error.errors()[0]["type"], _BY_HAND)
            raise StoreCorruptedError(
                f"the store's {cls.__name__.lower()} document {document.get('_id')!r} can't be "
                f"read: {first_problem(error)}; {cause}"
            ) from error


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a document, and where in it, in words."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


REHEARSAL = "rehearsal"
"""The data set of searches that train nothing."""


class WeightSampling(Document):
    """Which layers' weights are kept beside an epoch, after which epochs, how many pairs of each.

    pairs: of a forward weight and the backward weight in its place, drawn once a trial.
    """

    layers: tuple[str, ...] = Field(min_length=1)
    epochs: tuple[int, ...] = Field(min_length=1)
    pairs: int = Field(default=2000, gt=0, le=2000)


class Recipe(Document):
    """What one trial trains on, and for how long; the same for every trial of a search.

    Where a search is a list of runs, their model, width and epochs count (`spaces.runs.Run`), and
    these here are the largest of them.

    epochs: none are for a rehearsal that ends at once. epoch_seconds: how long each takes in a
    rehearsal; a training takes what it takes. weight_samples: what is kept of the weights;
    nothing without it.
    """

    dataset: str
    data_dir: str | None = None
    model: str = "resnet18"
    width: int = Field(gt=0)
    stem: str
    epochs: int = Field(ge=0)
    epoch_seconds: float = Field(default=0.1, ge=0)
    schedule_epochs: float = Field(default=45.0, gt=0)
    batch_divisor: int = Field(default=1, gt=0)
    metric: str = "validation_error"
    weights_order: str = "paper"
    image_size: int | None = Field(default=None, gt=0)
    on_corrupt: Literal["refuse", "skip"] = "refuse"
    precision: str = "float32"
    strategy: str = "auto"
    weight_samples: WeightSampling | None = None


class Pruning(Document):
    """When a trial is ended before its last epoch (`alignsearch.search.pruners.pruning`).

    grace: epochs that every trial gets. reduction: of how many trials that come to a rung one
    goes on (asha only). informs: what TPE learns of a pruned trial, its last loss or a failure.
    """

    pruner: Literal["asha", "median"]
    grace: int = Field(default=1, ge=1)
    reduction: int = Field(default=3, ge=2)
    informs: Literal["loss", "fail"] = "loss"


class DriverLease(Document):
    """Who drives a search, until when."""

    owner: str
    token: str
    expires_at: AwareDatetime


class WarmStart(Document):
    """The search, over at that time, from whose finished trials TPE set out, and how many."""

    search: str
    trials: int = Field(gt=0)


class Search(Document):
    """One search: what is searched, how much, and where it stands. Stored under its name.

    checkpoints: the folder in which the search has one for its trials' states, if they are kept.
    keep_checkpoints: of how many of the best finished trials. lease_seconds: how long a worker or
    a driver may be silent. stall_seconds: how long a trial may at least be without a new epoch.
    """

    id_field: ClassVar[str | None] = "name"

    name: str = Field(min_length=1)
    space: str
    space_hash: str
    recipe: Recipe
    trials: int = Field(gt=0)
    parallel: int = Field(gt=0)
    seed: int
    algo: Literal["tpe", "random"] = "tpe"
    startup: int = Field(ge=0)
    pending: PendingPolicy = DEFAULT_PENDING
    warm_start: WarmStart | None = None
    resources: dict[str, float] = Field(default_factory=dict)
    priority: int = 0
    max_attempts: int = Field(default=3, gt=0)
    checkpoints: str | None = None
    keep_checkpoints: int = Field(default=1, ge=0)
    lease_seconds: float = Field(default=30.0, gt=0)
    stall_seconds: float = Field(default=300.0, gt=0)
    pruning: Pruning | None = None
    status: SearchStatus = SearchStatus.QUEUED
    stop_requested: bool = False
    driver: DriverLease | None = None
    created_by: str
    created_at: AwareDatetime = UNSET_TIME
    updated_at: AwareDatetime = UNSET_TIME
    versions: dict[str, str] = Field(default_factory=dict)
    error: str | None = None


class Lease(Document):
    """Which attempt holds a trial, until when. Only this attempt may write."""

    owner: str
    attempt: int
    token: str
    expires_at: AwareDatetime


class Attempt(Document):
    """One try at a trial: who, where, when, and how it ended (None: it goes on).

    resumed: epochs that it took over from an earlier attempt's checkpoint.
    """

    number: int = Field(ge=1)
    owner: str
    token: str
    host: str
    accelerator: str
    versions: dict[str, str] = Field(default_factory=dict)
    slot: int | None = None
    resumed: int = 0
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    outcome: AttemptOutcome | None = None
    error: str | None = None


class Progress(Document):
    """The last epoch that a running trial has recorded."""

    epoch: int
    epochs: int
    loss: float | None
    validation_error: float | None = None


class Result(Document):
    """What TPE learns from a trial: an objective to minimize, or that there is none."""

    status: Literal["ok", "fail"]
    loss: float | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    reason: str | None = None

    @model_validator(mode="after")
    def _ok_means_a_finite_loss(self) -> Self:
        if self.status == "ok" and (self.loss is None or not math.isfinite(self.loss)):
            raise ValueError(f"a result that is ok needs a finite loss, not {self.loss}")
        return self


class Trial(Document):
    """One configuration and what became of it.

    id: of search and tid, so that no search has two trials of one tid. config: the resolved
    metaparameters by name. point: HyperOpt's values (a choice by its index). seen: finished
    results that the suggestion had seen. attempt: attempts begun. attempts: each by its number,
    as text. seq: where a reader of changes stands after it.
    epoch_losses: the objective after each epoch, by number as text, where a pruner asks for it.
    prune_reason: why it is to end at its next step.
    """

    id_field: ClassVar[str | None] = "id"

    id: str = Field(min_length=1)
    search: str
    tid: int = Field(ge=0)
    seq: int = 0
    state: TrialState = TrialState.QUEUED
    config: dict[str, Scalar] = Field(default_factory=dict)
    point: dict[str, Scalar] = Field(default_factory=dict)
    seen: int = 0
    lease: Lease | None = None
    attempt: int = 0
    attempts: dict[str, Attempt] = Field(default_factory=dict)
    progress: Progress | None = None
    epoch_losses: dict[str, float] = Field(default_factory=dict)
    prune_reason: str | None = None
    result: Result | None = None
    best_epoch: int | None = None
    resources: dict[str, float] = Field(default_factory=dict)
    timings: dict[TrialTime, AwareDatetime] = Field(default_factory=dict)
    error: str | None = None

    @model_validator(mode="after")
    def _is_named_by_its_place(self) -> Self:
        if self.id != self.key(self.search, self.tid):
            raise ValueError(f"trial {self.tid} of search {self.search!r} has the id {self.id!r}")
        return self

    @staticmethod
    def key(search: str, tid: int) -> str:
        """The id of the search's trial `tid`."""
        return f"{search}/{tid}"

    @property
    def loss(self) -> float | None:
        """What TPE minimizes, where the trial finished with it."""
        return self.result.loss if self.result else None

    @property
    def chance(self) -> float | None:
        """Validation error of guessing the largest class, where the trial has told it."""
        return self.result.metrics.get("chance_error") if self.result else None

    @property
    def attempts_spent(self) -> int:
        """Attempts that ended in a crash or an expired lease."""
        return sum(a.outcome in COUNTED_OUTCOMES for a in self.attempts.values())

    @property
    def log_fields(self) -> dict[str, object]:
        """What a structured log says of the trial."""
        return {
            "search": self.search,
            "trial": self.tid,
            "state": self.state.value,
            "attempt": self.attempt,
            "loss": self.loss,
        }


class LayerRecord(Document):
    """How well one layer's backward kernel is aligned: angles in degrees, norm B over norm W.

    gradient_angle: between pseudogradient and true gradient; None if there is none.
    """

    name: str
    angle: float
    norm_ratio: float
    gradient_angle: float | None = None


class WeightSample(Document):
    """Forward weights of a layer and the backward weights in their places, pair by pair."""

    layer: str
    forward: tuple[float, ...]
    backward: tuple[float, ...]


class Epoch(Document):
    """What one epoch of one attempt measured, of how many `epochs`; losses may be NaN."""

    trial: str
    attempt: int
    epoch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    loss: float | None
    train_accuracy: float | None
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    alignment_learning_rate: float | None = None
    alignment_loss: float | None = None
    layers: tuple[LayerRecord, ...] = ()
    weight_samples: tuple[WeightSample, ...] = ()
    seconds: float

    def to_bson(self) -> dict[str, Any]:
        """Return the document under an `_id` that names trial, attempt and epoch."""
        return {"_id": f"{self.trial}/{self.attempt}/{self.epoch}", **super().to_bson()}


class Event(Document):
    """Who did what to a search, and when."""

    search: str
    at: AwareDatetime
    who: str
    what: str
    detail: str = ""


class LogLine(Document):
    """One message of a worker's log."""

    at: AwareDatetime
    level: str
    text: str


class AttemptLog(Document):
    """The last lines that a worker logged during an attempt."""

    trial: str
    attempt: int
    lines: tuple[LogLine, ...]

    @staticmethod
    def key(trial: str, attempt: int) -> str:
        """The `_id` that names trial and attempt."""
        return f"{trial}/{attempt}"

    def to_bson(self) -> dict[str, Any]:
        """Return the document under its key."""
        return {"_id": self.key(self.trial, self.attempt), **super().to_bson()}
