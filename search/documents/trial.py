"""A trial: one configuration, its attempts and its result."""

import math
from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from alignsearch.search.documents.attempt import COUNTED_OUTCOMES, Attempt
from alignsearch.search.documents.base import Document, Scalar
from alignsearch.search.documents.lease import AttemptLease
from alignsearch.search.documents.states import TrialState

TrialTime = Literal["queued", "placed", "started", "finished"]


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
    lease: AttemptLease | None = None
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
