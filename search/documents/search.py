"""A search: its definition, its recipe, its budget and its status."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from alignsearch.search.documents.base import UNSET_TIME, Document
from alignsearch.search.documents.constraint import Constraint
from alignsearch.search.documents.definition import StoredDefinition
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.identity import Identity, Place, token_of_old
from alignsearch.search.documents.lease import DEFAULT_LEASE_SECONDS, Lease
from alignsearch.search.documents.limits import MOST_REPEATED
from alignsearch.search.documents.plain_data import UserData
from alignsearch.search.documents.prior import Prior
from alignsearch.search.documents.recipe import Recipe
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.documents.tracked import Tracked

PendingPolicy = Literal["hyperopt", "ignore", "liar-mean", "liar-worst"]
"""How TPE treats trials that are still running (`alignsearch.search.samplers.pending`)."""
DEFAULT_PENDING: PendingPolicy = "hyperopt"
"""The best mean rank in `make bench-tpe`, by the median of the best loss so far."""


FOLDER_FORM = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,254}$"
"""Form of a checkpoint folder's name: it leads to no other folder."""


class Pruning(Document):
    """Rules for ending trials before their last epoch (`alignsearch.search.pruners`).

    Attributes:
        grace: epochs that every trial gets, or reports of an objective that has no epochs.
        reduction: one of so many trials that reach a rung goes on (asha only).
        informs: what TPE learns from a pruned trial: its last loss, or that it failed.
    """

    pruner: Literal["asha", "median"]
    grace: int = Field(default=1, ge=1)
    reduction: int = Field(default=3, ge=2)
    informs: Literal["loss", "fail"] = "loss"


class WarmStart(Document):
    """An earlier search from whose finished trials TPE starts; `trials` is their number."""

    search: str
    trials: int = Field(gt=0)


class Confirmation(Document):
    """How a search's best trials are repeated on other seeds before one of them is named.

    Attributes:
        top: how many of the best trials take part.
        seeds: repetitions of each that stays in the race, at most.
        share: the largest part of the search's own cost that repetitions may take; None for no
            limit.
    """

    top: int = Field(default=12, ge=1, le=MOST_REPEATED)
    seeds: int = Field(default=3, ge=1, le=MOST_REPEATED)
    share: float | None = Field(default=None, gt=0)


class Search(Document):
    """One search, stored under its name.

    Attributes:
        space: name of the space; `documents.space_of` returns the space itself.
        space_hash: hash of the space.
        definition: space, objective, metric and table as data; None in searches that were
            submitted before it was stored.
        constraints: bounds of metrics; a trial that breaks one is never the best.
        recipe: the data and the training of all trials; None where nothing is trained.
        trials: the budget: how many trials get a result. A failed or a cancelled one spends
            nothing of it (`Trial.spends`).
        max_failures: how many trials may fail before the search ends; None for
            `failures_allowed`'s default.
        parallel: how many trials run at once, at most.
        algo: a sampler by its name, one of `alignsearch.search.samplers.sampler` or of a package
            that adds it, installed here or not; or `fmin` for the algorithm of the process that
            calls HyperOpt's `fmin`.
        startup: finished trials before TPE replaces random suggestions.
        generation: number of trials that are suggested from the same results; None if each one is
            suggested from all that are known (`search.driver.generations`).
        prior: where its best configurations are expected; None if nobody says so.
        notify: address of the webhook that is told of its end and of its troubles; None for none.
        notified: ids of the notices that were sent, or given up.
        trackers: the tools in which its trials appear as runs, by their names
            (`alignsearch.search.trackers`).
        checkpoints: the folder under which the search keeps checkpoints; None keeps none.
        checkpoint_folder: name of the search's own folder below that one; None for one of its name
            and creation time. A renamed search keeps its folder, a loaded copy gets a new one.
        keep_checkpoints: how many of the best finished trials keep their checkpoints.
        lease_seconds: how long a worker or a driver may be silent before its lease passes.
        stall_seconds: how long a trial may be without a new epoch, at least, before it counts as
            stalled.
        until: no trial begins after this time; None for no such time.
        timeout: seconds for which the search is driven, at most, without those in which it is
            paused; None for no limit.
        driven_seconds: seconds for which it has been driven so far.
        stop_at: the search ends once a trial's metric is at least as good; None for no goal.
        patience: the search ends once so many trials in a row were no better; None for no limit.
        confirm: how its best trials are repeated on other seeds; None if they aren't.
        confirms_only: its own trials are done, however many its budget leaves; only repetitions
            of the best ones are still made.
        enqueued: number of points that people have enqueued so far (`store.points`).
        note: free text of its owner. tags: words to find it by.
        driver: the driver's lease; None if no driver holds it.
        ending: why the search is over, in words; None while it isn't, and where an older version
            ended it.
        token: random, drawn when the search was created; empty in searches of before there was
            one: `identity` derives theirs.
        inherits: names of the checkpoint folders of the searches that this one was copied from;
            they are read, and never written to.
        place: where the search is stored, noted by the store that read it; not stored itself.
    """

    id_field: ClassVar[str | None] = "name"

    name: str = Field(min_length=1)
    space: str
    space_hash: str
    definition: StoredDefinition | None = None
    constraints: tuple[Constraint, ...] = ()
    recipe: Recipe | None = None
    trials: int = Field(gt=0)
    parallel: int = Field(gt=0)
    seed: int
    algo: str = Field(default="tpe", min_length=1)
    startup: int = Field(ge=0)
    pending: PendingPolicy = DEFAULT_PENDING
    generation: int | None = Field(default=None, ge=1)
    warm_start: WarmStart | None = None
    prior: Prior | None = None
    resources: dict[str, float] = Field(default_factory=dict)
    priority: int = 0
    max_attempts: int = Field(default=3, gt=0)
    max_failures: int | None = Field(default=None, ge=0)
    until: AwareDatetime | None = None
    timeout: float | None = Field(default=None, gt=0)
    driven_seconds: float = Field(default=0.0, ge=0)
    stop_at: float | None = None
    patience: int | None = Field(default=None, gt=0)
    confirm: Confirmation | None = None
    confirms_only: bool = False
    enqueued: int = Field(default=0, ge=0)
    note: str = ""
    tags: tuple[str, ...] = ()
    notify: str | None = None
    notified: tuple[str, ...] = ()
    trackers: dict[str, Tracked] = Field(default_factory=dict)
    checkpoints: str | None = None
    checkpoint_folder: str | None = None
    keep_checkpoints: int = Field(default=1, ge=0)
    lease_seconds: float = Field(default=DEFAULT_LEASE_SECONDS, gt=0)
    stall_seconds: float = Field(default=300.0, gt=0)
    pruning: Pruning | None = None
    status: SearchStatus = SearchStatus.QUEUED
    stop_requested: bool = False
    driver: Lease | None = None
    created_by: str
    created_at: AwareDatetime = UNSET_TIME
    updated_at: AwareDatetime = UNSET_TIME
    versions: Annotated[dict[str, str], UserData()] = Field(default_factory=dict)
    error: str | None = None
    ending: str | None = None
    token: str = Field(default="", pattern=r"^[0-9a-f]{0,32}$")
    inherits: tuple[Annotated[str, Field(pattern=FOLDER_FORM)], ...] = ()
    place: Annotated[Place | None, Field(exclude=True)] = None

    @property
    def identity(self) -> Identity:
        """The search's identity outside of its store.

        Raises:
            StateConflictError: it is in no store, or its store can't be told from another one.
        """
        if self.place is None:
            raise StateConflictError(f"search {self.name!r} is in no store")
        if self.place.problem:
            raise StateConflictError(self.place.problem)
        return self.identity_in(self.place.store)

    def identity_in(self, store: str) -> Identity:
        """Return the identity that the search has, or had, in the store of this id."""
        database = "" if self.place is None else self.place.database
        token = self.token or token_of_old(self.created_at, store)
        return Identity(self.name, store, database, token)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the search in metrics and logs; its store's id may be the original's."""
        return self.identity_in("" if self.place is None else self.place.store).labels

    @property
    def failures_allowed(self) -> int:
        """How many trials may fail before the search ends.

        By default as many as it has slots, or a tenth of its budget, and 3 at least: a host that
        goes wrong may fail each slot's trial once.
        """
        if self.max_failures is not None:
            return self.max_failures
        return max(3, self.parallel, self.trials // 10)

    @property
    def training(self) -> Recipe:
        """The recipe of a search that trains.

        Raises:
            StateConflictError: the search trains nothing.
        """
        if self.recipe is None:
            raise StateConflictError(
                f"search {self.name!r} over {self.space!r} has no data set and trains nothing"
            )
        return self.recipe

    @property
    def epochs(self) -> int | None:
        """Number of epochs of each trial; None where it isn't known before a trial ends."""
        return None if self.recipe is None else self.recipe.epochs


def is_driven(search: Search, now: datetime) -> bool:
    """Return whether a driver holds the search; `now` is the store's time."""
    return search.driver is not None and not search.driver.has_passed(now)
