"""A trial of a search: one configuration, its attempts and its result."""

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, SkipValidation, model_validator

from alignsearch.search.documents.attempt import COUNTED_OUTCOMES, Attempt
from alignsearch.search.documents.base import Document
from alignsearch.search.documents.lease import AttemptLease
from alignsearch.search.documents.plain_data import UserData
from alignsearch.search.documents.states import TrialState
from alignsearch.search.documents.stored_text import StoredText

TrialTime = Literal["queued", "placed", "started", "finished"]


OUTSIDE = ("imported", "confirmation")
"""Kinds of origin of trials that are no part of the search itself."""
SPENDING = (TrialState.COMPLETED, TrialState.PRUNED)
"""States of trials that have a result, which count towards the budget."""


class Progress(Document):
    """The last epoch that a running trial recorded.

    Attributes:
        epoch: its number, or the number of the step that an objective reported.
        epochs: number of all epochs; None if it isn't known.
        loss: a training's loss on the training images; None without one.
        value: the search's metric after the epoch; None without one.
    """

    epoch: int
    epochs: int | None = None
    loss: float | None = None
    value: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_its_old_name(cls, fields: Any) -> Any:
        """Read `validation_error`, under which older versions stored the value."""
        if isinstance(fields, dict) and "validation_error" in fields:
            fields = dict(fields)
            fields["value"] = fields.pop("validation_error")
        return fields


class Result(Document):
    """Result of a trial, from which TPE learns: a loss to minimize, or that there is none.

    The loss is minimized whatever the metric's direction (`ObjectiveMetric.value` converts it).

    Attributes:
        status: ok, or fail where there is no loss.
        metrics: further numbers by name, the search's further metrics among them.
        violation: by how much the metrics break the search's constraints
            (`documents.constraint`); None if they keep them all.
        reason: why there is no loss.
        returned: the whole dictionary that a function of HyperOpt's `fmin` has returned, as far
            as it is plain data; empty where it says nothing more.
    """

    status: Literal["ok", "fail"]
    loss: float | None = None
    metrics: Annotated[dict[str, float], UserData()] = Field(default_factory=dict)
    violation: float | None = None
    reason: StoredText | None = None
    returned: Annotated[dict[str, Any], UserData()] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ok_means_a_finite_loss(self) -> Self:
        if self.status == "ok" and (self.loss is None or not math.isfinite(self.loss)):
            raise ValueError(f"a result that is ok needs a finite loss, not {self.loss}")
        return self


class Origin(Document):
    """Where a trial comes from that no sampler has suggested.

    Attributes:
        kind: `enqueued`: a person gave the point. `retry`: a failed trial's point again.
            `imported`: it was evaluated elsewhere, and only its result is here. `confirmation`:
            a good trial's point on another seed, which tells how good the point is and is kept
            from the sampler.
        number: the point's number among those that wait in the store (`store.points`).
        of: the trial whose point it repeats; None if it repeats none.
        repeat: which repetition of that trial it is, from 1; only of a confirmation.
        note: where the point was found, in words for people; may be empty.
    """

    kind: Literal["enqueued", "retry", "imported", "confirmation"]
    number: int | None = None
    of: int | None = None
    repeat: int | None = None
    note: str = ""

    def __str__(self) -> str:
        """Return the origin in words: `imported: results.csv, row 3`, `retry of trial 5`."""
        words = f"{self.kind} of trial {self.of}" if self.of is not None else self.kind
        return f"{words}: {self.note}" if self.note else words


class Trial(Document):
    """One trial, stored under its id.

    Attributes:
        id: search and tid, so that no search has two trials of one tid.
        tid: the trial's number in its search, from 0.
        seq: number of the trial's last change, 0 while it has none (`store.numbering`).
        config: what the objective evaluates, as plain data: the space resolved at the point.
        point: HyperOpt's value of each active dimension by its label; a choice by its index.
        seen: finished trials that the sampler had seen when it suggested this one.
        origin: where it comes from; None if the sampler suggested it.
        lease: held by the attempt that runs; None if none does.
        attempt: number of the last attempt; 0 before the first.
        attempts: all attempts, by number as text.
        epoch_losses: the objective after each epoch, by number as text, for searches that prune.
        prune_reason: why the trial is to end at its next step; None if it isn't.
        best_epoch: the epoch that did best; None if there is no result.
        resources: amounts that the trial takes on its host.
        error: why the last attempt failed.
    """

    id_field: ClassVar[str | None] = "id"

    id: str = Field(min_length=1)
    search: str
    tid: int = Field(ge=0)
    seq: int = 0
    state: TrialState = TrialState.QUEUED
    config: Annotated[Any, UserData()] = Field(default_factory=dict)
    # Not checked one by one: samplers leave out a point that was damaged, and the search goes on.
    point: Annotated[dict[str, SkipValidation[float]], UserData()] = Field(default_factory=dict)
    seen: int = 0
    origin: Origin | None = None
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
        """Return the id of the search's trial `tid`."""
        return f"{search}/{tid}"

    @property
    def loss(self) -> float | None:
        """The loss that TPE minimizes; None if the trial has no result or no loss."""
        return self.result.loss if self.result else None

    @property
    def violation(self) -> float:
        """By how much the result breaks the search's constraints; 0 if it keeps them all."""
        return (self.result.violation or 0.0) if self.result else 0.0

    @property
    def is_suggested(self) -> bool:
        """True for a part of the search itself: no import and no confirmation."""
        return self.origin is None or self.origin.kind not in OUTSIDE

    @property
    def is_confirmation(self) -> bool:
        """True if it repeats another trial's point on a fresh seed."""
        return self.origin is not None and self.origin.kind == "confirmation"

    @property
    def spends(self) -> bool:
        """True if it counts towards the budget: it has a result, if only that it diverged."""
        return self.is_suggested and self.state in SPENDING

    @property
    def seconds(self) -> float | None:
        """The seconds from its last attempt's start to its end; None if either isn't known."""
        if not {"started", "finished"} <= self.timings.keys():
            return None
        return (self.timings["finished"] - self.timings["started"]).total_seconds()

    @property
    def chance(self) -> float | None:
        """Validation error of always guessing the largest class; None if it isn't recorded."""
        return self.result.metrics.get("chance_error") if self.result else None

    @property
    def attempts_spent(self) -> int:
        """Number of attempts that ended in a crash or an expired lease."""
        return sum(a.outcome in COUNTED_OUTCOMES for a in self.attempts.values())

    @property
    def log_fields(self) -> dict[str, object]:
        """Fields of the trial in a structured log."""
        return {
            "search": self.search,
            "trial": self.tid,
            "state": self.state.value,
            "attempt": self.attempt,
            "loss": self.loss,
        }
