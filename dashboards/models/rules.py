"""Models of the table of learning rules that `alignsearch experiment rules` fills."""

from typing import Literal

from alignsearch.dashboards.models.base import Model
from alignsearch.search.documents.states import SearchStatus
from alignsearch.search.use_cases.compared_rules import RuleState


class RuleRuns(Model):
    """A search that trains a rule's best configuration on fresh seeds, or under noise."""

    name: str
    kind: Literal["seeds", "noise"]
    status: SearchStatus


class RuleRow(Model):
    """A rule and its results so far. Errors are shares of the validation images, from 0 to 1.

    Attributes:
        name: name of the rule for people.
        space: name of its search space.
        dimensions: number of metaparameters that are searched; null if the space isn't known here.
        search: name of its search.
        state: the search waits for a driver (`queued`), tries configurations (`searching`) or
            repeats the best ones (`repeating`); the best one waits for its fresh seeds
            (`searched`), is trained on them (`training`), or has them all (`done`); every
            configuration `diverged`; a search of the rule is `paused`, or was cancelled or failed
            (`stopped`).
        driven: whether a driver holds the search that the state speaks of.
        finished: configurations with a result, of the table's `trials`.
        diverged: how many of these diverged.
        best: error of the best configuration so far: its mean once it is repeated.
        seeds: number of fresh seeds; null before they are asked for.
        errors: error of each fresh seed with a result; one that diverged counts as guessing.
        seeds_diverged: how many of these diverged.
        seeds_missing: fresh seeds that ended without a result.
        mean: mean of `errors`; null without any.
        low: lower end of the mean's 95 % interval by Student's t; null with fewer than two seeds.
        high: upper end of the interval.
        chance_best: the chance that its true mean is the lowest; null while it isn't compared:
            a comparison takes two rules of two seeds each.
        told_apart: whether its seeds tell it apart from the best rule; null for the best one, and
            while it isn't compared.
        runs: the searches that train its best configuration again.
    """

    name: str
    space: str
    dimensions: int | None
    search: str
    state: RuleState
    driven: bool
    finished: int
    diverged: int
    best: float | None
    seeds: int | None
    errors: list[float]
    seeds_diverged: int
    seeds_missing: int
    mean: float | None
    low: float | None
    high: float | None
    chance_best: float | None
    told_apart: bool | None
    runs: list[RuleRuns]


class RuleTable(Model):
    """All rules of one task and one budget, the lowest mean error first, those without one last.

    Attributes:
        title: the task in words.
        generation: configurations suggested from the same results; null for one by one.
        words: which rule is the best, and which ones can't be told apart from it, in sentences.
    """

    title: str
    dataset: str
    model: str
    width: int
    epochs: int
    trials: int
    generation: int | None
    algo: str
    seed: int
    words: list[str]
    rules: list[RuleRow]


class RuleTables(Model):
    """The tables of the compared rules, the latest first; empty in a store without any."""

    tables: list[RuleTable]
