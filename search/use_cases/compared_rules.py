"""The searches in which learning rules are compared, and the trainings that followed each.

`alignsearch experiment rules` makes them: a search for each rule, tagged `TAG`, and then lists of
runs that train its best configuration again. All of them are found by their names and tags, so
that whoever reads the store needs no report.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from alignsearch.search.documents import Search, is_list_of_runs, known_space_of, metric_of
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES, SearchStatus
from alignsearch.search.use_cases.longer_training import stem_of
from alignsearch.search.use_cases.next_steps import is_trained

TAG = "rules"
"""Tag of the searches whose rules are compared."""
FINAL = "final"
"""Part of the name of the search that trains a rule's best configuration on fresh seeds."""
NOISE = "noise"
"""Part of the names of the searches that train it under noise in its updates."""

RuleState = Literal[
    "queued",
    "searching",
    "repeating",
    "searched",
    "training",
    "done",
    "diverged",
    "paused",
    "stopped",
]
"""State of a rule: its search waits for a driver, tries configurations, or repeats the best ones;
the rule waits for its fresh seeds, trains them, or has them all; every configuration diverged; one
of its searches is paused, or was cancelled or failed."""


@dataclass(frozen=True)
class EqualBudget:
    """A task, and the budget that all rules of one table have.

    Attributes:
        dataset: data set of the trainings.
        model: network.
        width: channels of its first stage, or units.
        epochs: epochs of each training.
        trials: configurations of each rule.
        generation: configurations that are suggested from the same results; None for one by one.
        algo: sampler.
        seed: random seed of the searches.
    """

    dataset: str
    model: str
    width: int
    epochs: int
    trials: int
    generation: int | None
    algo: str
    seed: int


@dataclass(frozen=True)
class ComparedRule:
    """A rule's search and the trainings of its best configuration.

    Attributes:
        search: the search.
        final: the trainings on fresh seeds; None before they are asked for.
        noisy: the trainings under noise in the updates.
    """

    search: Search
    final: Search | None
    noisy: tuple[Search, ...]

    @property
    def name(self) -> str:
        """The rule's name for people."""
        definition, space = self.search.definition, known_space_of(self.search)
        title = "" if definition is None else definition.title
        return title or (space.title if space is not None else "") or self.search.space

    @property
    def dimensions(self) -> int | None:
        """Number of metaparameters that are searched; None if the space isn't known here."""
        space = known_space_of(self.search)
        return None if space is None else len(space.sampled)

    @property
    def current(self) -> Search:
        """The search that goes on now, or ended last."""
        # A search can be extended after its best was trained.
        ended = self.search.status is SearchStatus.COMPLETED
        return self.final if ended and self.final is not None else self.search

    def state(self, *, has_best: bool, is_repeating: bool) -> RuleState:
        """Return what happens to the rule now.

        Args:
            has_best: whether its search has a trial with an error.
            is_repeating: whether repetitions of its best trials have begun.
        """
        status = self.current.status
        if status is SearchStatus.PAUSED:
            return "paused"
        if status in TERMINAL_SEARCH_STATUSES - {SearchStatus.COMPLETED}:
            return "stopped"
        if self.current is self.final:
            return "done" if status is SearchStatus.COMPLETED else "training"
        if status is SearchStatus.COMPLETED:
            return "searched" if has_best else "diverged"
        if is_repeating:
            return "repeating"
        return "queued" if status is SearchStatus.QUEUED else "searching"


def noisy(variance: float) -> str:
    """Return what trainings under noise of a variance are for, as a part of their search's name."""
    return f"{NOISE}-{variance:g}"


def is_compared(search: Search) -> bool:
    """Return whether a search's rule is compared: it has the tag, and trains for the error."""
    return TAG in search.tags and is_trained(search) and metric_of(search) == DEFAULT_METRIC


def compared_rules(searches: Iterable[Search]) -> dict[EqualBudget, list[ComparedRule]]:
    """Return the compared rules by their task and budget.

    The latest tables come first; within one, rules are in the order in which they were begun.

    searches: all searches of a store.
    """
    known = list(searches)
    compared = sorted(filter(is_compared, known), key=lambda each: each.created_at)
    if not compared:
        return {}
    runs = [each for each in known if is_list_of_runs(each)]
    tables: dict[EqualBudget, list[ComparedRule]] = {}
    for search in compared:
        tables.setdefault(_budget_of(search), []).append(_with_runs(search, runs))
    latest = sorted(tables, key=lambda each: tables[each][-1].search.created_at, reverse=True)
    return {budget: tables[budget] for budget in latest}


def _budget_of(search: Search) -> EqualBudget:
    recipe = search.training
    return EqualBudget(
        dataset=recipe.dataset,
        model=recipe.model,
        width=recipe.width,
        epochs=recipe.epochs,
        trials=search.trials,
        generation=search.generation,
        algo=search.algo,
        seed=search.seed,
    )


def _with_runs(search: Search, runs: Sequence[Search]) -> ComparedRule:
    # Runs that are older belong to a deleted search of the same name.
    own = sorted(
        (each for each in runs if each.created_at >= search.created_at),
        key=lambda each: each.created_at,
    )
    finals = [each for each in own if each.name.startswith(stem_of(search.name, FINAL))]
    noisy_ones = [each for each in own if each.name.startswith(stem_of(search.name, NOISE))]
    # With another number of seeds the trainings are another search: the latest counts.
    return ComparedRule(search, finals[-1] if finals else None, tuple(noisy_ones))
