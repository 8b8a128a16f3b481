"""The report of the experiment `rules`: learning rules searched alike."""

from collections.abc import Mapping, Sequence

from alignsearch.experiments.figures.rule_comparison import TaskResults
from alignsearch.experiments.figures.rule_figures import figures_of
from alignsearch.experiments.figures.rule_tables import checklists, tables_of
from alignsearch.experiments.report import Report
from alignsearch.experiments.rule_budgets import Budget, Task
from alignsearch.experiments.rule_results import RuleResult

SOURCE = "BioTorch (arXiv 2108.13446); Li and Benna 2024 (arXiv 2405.20594)"
PAPER = (
    "No setting of such a table is published: BioTorch's table has one run a rule with "
    "metaparameters set by hand, and Kunin et al. 2020 search four rules of their own."
)


def make_report(
    budget: Budget, results: Mapping[Task, Sequence[RuleResult]], *, scale: str, seed: int
) -> Report:
    """Return the report of all rules on all tasks.

    Args:
        budget: what was spent on each rule.
        results: results of each rule, by task.
        scale: name of the scale.
        seed: random seed of the searches.
    """
    pages = {
        task: TaskResults(task, found, alone=len(results) == 1) for task, found in results.items()
    }
    rules = next(iter(results.values()))
    return Report(
        name="rules",
        title="Learning rules, searched alike",
        source=SOURCE,
        setting=[
            PAPER,
            f"Here (--scale {scale}): " + "; ".join(_in_words(task) for task in results) + ".",
            f"Each rule had {budget.trials} configurations, drawn in generations of "
            f"{budget.generation} by the same sampler with the seed {seed}, and the same common "
            "metaparameters (learning rate, weight decay, batch size). The best "
            f"{budget.top} were repeated on up to {budget.repeats} seeds, and the one with the "
            f"lowest mean was trained on {budget.seeds} fresh seeds, which no choice has seen.",
            *_unequal(budget, results),
        ],
        figures=[figure for page in pages.values() for figure in figures_of(page)],
        tables=[
            *(table for page in pages.values() for table in tables_of(page)),
            *checklists(rules),
        ],
        numbers={f"{task.dataset}-{task.model}": page.numbers() for task, page in pages.items()},
        seeds=tuple(range(budget.seeds)),
    )


def _unequal(budget: Budget, results: Mapping[Task, Sequence[RuleResult]]) -> list[str]:
    """Return a sentence on rules whose search was stopped early or extended; none if all agree."""
    others = [
        f"{each.name} {len(each.losses)}"
        for found in results.values()
        for each in found
        if len(each.losses) != budget.trials
    ]
    if not others:
        return []
    return [
        f"Not all rules had the same: searches that were stopped, extended or lost trials have "
        f"another number of configurations ({', '.join(others)})."
    ]


def _in_words(task: Task) -> str:
    width = "usual width" if task.width is None else f"width {task.width}"
    epochs = "1 epoch" if task.epochs == 1 else f"{task.epochs} epochs"
    return f"{task.model} of {width} on {task.dataset}, {epochs}"
