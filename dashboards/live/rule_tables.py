"""The table of compared learning rules as the store has it now.

Only searches that compare rules are read, and the trainings on fresh seeds only after a change.
"""

import threading
from collections.abc import Sequence

from alignment_core.errors import UnknownNameError
from alignsearch.dashboards import models
from alignsearch.dashboards.live.mirror import Mirror
from alignsearch.search.documents import Search, is_driven
from alignsearch.search.documents.errors import StoreCorruptedError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.reports.comparison import Compared, best_in_words, compare, interval
from alignsearch.search.reports.fresh_seeds import FreshSeeds, fresh_seeds
from alignsearch.search.reports.means import mean_of
from alignsearch.search.use_cases.compared_rules import (
    ComparedRule,
    EqualBudget,
    RuleState,
    compared_rules,
    is_compared,
)

LEAST_RULES = 2
"""Rules from which they are compared."""
LEAST_SEEDS = 2
"""Seeds from which a rule is compared: one alone says nothing about its noise."""

OVER: frozenset[RuleState] = frozenset({"done", "diverged", "stopped"})
"""States after which nothing of a rule's row changes."""

Samples = tuple[tuple[str, tuple[float, ...]], ...]
"""Errors of each rule by the name of its search, the lowest mean first."""


class RuleTableCache:
    """Makes the tables. Results of fresh seeds and comparisons are kept until they change."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._seeds: dict[str, tuple[tuple[object, ...], FreshSeeds]] = {}
        self._compared: dict[EqualBudget, tuple[Samples, Compared]] = {}
        self._lock = threading.Lock()

    @property
    def has_rules(self) -> bool:
        """True if the store had a search that compares rules when it was listed last."""
        return any(map(is_compared, self._mirror.listed()))

    def tables(self) -> models.RuleTables:
        """Make the tables.

        Raises:
            StoreUnavailableError: the store doesn't answer.
        """
        found = compared_rules(self._mirror.searches())
        with self._lock:
            finals = {each.final.name for rules in found.values() for each in rules if each.final}
            self._seeds = {name: each for name, each in self._seeds.items() if name in finals}
            self._compared = {key: each for key, each in self._compared.items() if key in found}
            tables = [self._table(budget, rules) for budget, rules in found.items()]
        return models.RuleTables(tables=tables)

    def _table(self, budget: EqualBudget, rules: Sequence[ComparedRule]) -> models.RuleTable:
        rows = [row for rule in rules if (row := self._row(rule)) is not None]
        rows.sort(key=lambda row: (row.mean is None, row.mean or 0.0))
        compared = self._compare(budget, rows)
        return models.RuleTable(
            title=f"{budget.model} of width {budget.width} on {budget.dataset}, "
            f"{budget.epochs} epochs",
            **vars(budget),
            words=_in_words(compared, rows),
            rules=[_beside_others(row, compared) for row in rows],
        )

    def _row(self, rule: ComparedRule) -> models.RuleRow | None:
        """Make a rule's row without what the other rules decide; None if it can't be read."""
        mirror, search = self._mirror, rule.search
        try:
            summary = mirror.summary(search.name)
            seeds = FreshSeeds() if rule.final is None else self._seeds_of(rule.final)
        except UnknownNameError:
            # It was deleted or renamed since the list was read.
            return None
        except StoreCorruptedError as error:
            mirror.note_unreadable(search.name, error)
            return None
        low, high = interval(seeds.errors) or (None, None)
        return models.RuleRow(
            name=rule.name,
            space=search.space,
            dimensions=rule.dimensions,
            search=search.name,
            state=rule.state(
                has_best=summary.best is not None, is_repeating=any(summary.repetitions)
            ),
            driven=is_driven(rule.current, mirror.now()),
            finished=summary.finished,
            diverged=mirror.diverged(search.name),
            best=summary.best_value,
            seeds=None if rule.final is None else rule.final.trials,
            errors=list(seeds.errors),
            seeds_diverged=seeds.diverged,
            seeds_missing=seeds.missing,
            mean=mean_of(seeds.errors).mean,
            low=low,
            high=high,
            chance_best=None,
            told_apart=None,
            runs=_runs(rule),
        )

    def _seeds_of(self, final: Search) -> FreshSeeds:
        """Return the results of trainings on fresh seeds, read again only after a change."""
        trials = self._mirror.store.trials
        over = final.status in TERMINAL_SEARCH_STATUSES
        last = final.updated_at if over else trials.last_change(final.name)
        version = (final.created_at, final.status, last)
        known = self._seeds.get(final.name)
        if known is None or known[0] != version:
            known = (version, fresh_seeds(trials.all_readable(final.name)))
            self._seeds[final.name] = known
        return known[1]

    def _compare(self, budget: EqualBudget, rows: Sequence[models.RuleRow]) -> Compared | None:
        """Compare the rules with enough seeds; None if there are fewer than two of them.

        The draws behind it take tenths of a second.
        """
        samples = tuple(
            (row.search, tuple(row.errors)) for row in rows if len(row.errors) >= LEAST_SEEDS
        )
        if len(samples) < LEAST_RULES:
            return None
        known = self._compared.get(budget)
        if known is None or known[0] != samples:
            known = (samples, compare(dict(samples)))
            self._compared[budget] = known
        return known[1]


def _runs(rule: ComparedRule) -> list[models.RuleRuns]:
    final = [] if rule.final is None else [rule.final]
    return [
        *(models.RuleRuns(name=each.name, kind="seeds", status=each.status) for each in final),
        *(models.RuleRuns(name=each.name, kind="noise", status=each.status) for each in rule.noisy),
    ]


def _beside_others(row: models.RuleRow, compared: Compared | None) -> models.RuleRow:
    """Return a rule's row with what the other rules decide."""
    if compared is None or row.search not in compared.chances:
        return row
    apart = None if row.search == compared.best else row.search not in compared.close
    return row.model_copy(update={"chance_best": compared.chances[row.search], "told_apart": apart})


def _in_words(compared: Compared | None, rows: Sequence[models.RuleRow]) -> list[str]:
    """Return the comparison in sentences, and how far it is."""
    names = {row.search: row.name for row in rows}
    words = []
    if compared is None:
        words.append("Rules are compared once two of them have two fresh seeds each.")
    else:
        mean = next(row.mean for row in rows if row.search == compared.best)
        assert mean is not None, "a compared rule has errors"
        words.append(best_in_words(compared, mean, names))
        single = [row.name for row in rows if row.errors and row.search not in compared.chances]
        if single:
            words.append(f"Not compared, with one seed: {', '.join(single)}.")
    lost = [f"{row.name} {row.seeds_diverged}" for row in rows if row.seeds_diverged]
    if lost:
        words.append(f"Seeds that diverged, and count as guessing: {', '.join(lost)}.")
    nowhere = [row.name for row in rows if row.state == "diverged"]
    if nowhere:
        words.append(f"Diverged with every configuration: {', '.join(nowhere)}.")
    going_on = sum(row.state not in OVER for row in rows)
    if going_on:
        words.append(f"Not over yet: {going_on} of {len(rows)} rules; this is how they stand now.")
    return words
