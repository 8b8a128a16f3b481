"""Tables of the experiment `rules`, each of one task but for the checklist."""

from collections.abc import Sequence
from typing import Any

from alignsearch.experiments.checklist import CHECKLIST, QUESTIONS
from alignsearch.experiments.figures.rule_comparison import (
    LAYER_PANELS,
    TaskResults,
    disturbed,
    percent,
)
from alignsearch.experiments.report import Cell, Table
from alignsearch.experiments.rule_results import NEAR, RuleResult
from alignsearch.experiments.step_costs import BATCH, Cost
from alignsearch.search.reports.comparison import Pair, interval


def tables_of(page: TaskResults) -> list[Table]:
    """Return all tables that a task's results allow."""
    return [
        _table(page),
        _searches(page),
        *([_costs(page)] if page.measured else []),
        _robustness(page),
        _layers(page),
        _configurations(page),
        *([_pairs(page)] if page.pairs else []),
    ]


def _table(page: TaskResults) -> Table:
    rows: list[list[Cell]] = []
    for each in page.results:
        ends = interval(each.errors) or (None, None)
        rows.append(
            [
                each.name,
                percent(each.error.mean),
                percent(ends[0]),
                percent(ends[1]),
                # More digits are the luck of the draws (`comparison.DRAWS`).
                None if (chance := page.chances.get(each.rule)) is None else round(chance, 2),
                len(each.errors),
                each.lost,
                each.missing,
            ]
        )
    return Table(
        name=f"rules{page.suffix}",
        title=f"Error of each rule{page.where}",
        head=[
            *("rule", "error in %", "from", "to", "chance of being the best"),
            *("seeds", "diverged", "no result"),
        ],
        rows=rows,
        notes=[
            "Error: on all validation images after the last epoch, mean over fresh seeds, with "
            "its interval of 95 % by Student's t, which reaches beyond 0 or 100 % if few seeds "
            "differ much. A seed that diverged counts as guessing. The "
            "chance of being the best is that of the true means given these seeds, under flat "
            "priors.",
            "The table can't say how a rule would do with more trials, longer trainings or "
            "another network, nor whether another sampler would find a better configuration. "
            "The intervals cover the luck of a training's seed, not that of the search: each "
            "rule was searched once.",
            *_without_noise(page),
            *_nowhere(page),
        ],
    )


def _nowhere(page: TaskResults) -> list[str]:
    return [
        f"{each.name} diverged with all of its {len(each.losses)} configurations."
        if each.diverged_everywhere
        else f"{each.name} has no error: none of the runs on its {each.missing} fresh seeds ended "
        "with a result."
        for each in page.results
        if not each.errors
    ]


def _without_noise(page: TaskResults) -> list[str]:
    names = [each.name for each in page.known if not each.error.sem]
    if not names:
        return []
    return [
        f"All seeds of {', '.join(names)} have the same error. Chances and p-values take such a "
        "rule as free of noise, which so few seeds can't show."
    ]


def _searches(page: TaskResults) -> Table:
    return Table(
        name=f"searches{page.suffix}",
        title=f"Budget of each rule, and how much its metaparameters matter{page.where}",
        head=[
            *("rule", "dimensions", "trials", "epochs", "slot hours", "diverged"),
            *("best in %", "near the best in %", "matters most", "search"),
        ],
        rows=[
            [
                each.name,
                each.dimensions,
                len(each.losses),
                each.epochs,
                each.hours,
                each.diverged,
                percent(min((x for x in each.losses if x is not None), default=None)),
                percent(each.near),
                ", ".join(f"{name} {100 * share:.0f} %" for name, share in each.shares[:2]) or None,
                each.search,
            ]
            for each in page.results
        ],
        notes=[
            f"Near the best: share of the tried configurations with an error at most "
            f"{100 * NEAR:g} point above the lowest. Matters most: shares of the error's "
            "variance that metaparameters explain (functional ANOVA, Hutter et al. 2014). Slot "
            "hours: of the search and the repetitions of its best trials.",
        ],
    )


def _costs(page: TaskResults) -> Table:
    reference = page.measured[0]
    first = reference.name
    return Table(
        name=f"costs{page.suffix}",
        title=f"Cost of a training step{page.where}",
        head=[
            *("rule", f"time in {first}'s", "from", "to", "ms a step"),
            *("MB of variables", f"memory in {first}'s", "MB at the peak"),
        ],
        rows=[
            [each.name, *_cost(each.cost, reference.cost)]
            for each in page.measured
            if each.cost is not None and reference.cost is not None
        ],
        notes=[
            f"Steps of {BATCH} images with each rule's best configuration, in turn in one process: "
            "medians over rounds, and the interval of 95 % of the ratio's median. Under "
            "alternating minimization a step is one on R and one on J. Variables: network, "
            "backward kernels and optimizers. Peak: with what a step needs besides; a CPU counts "
            "blocks of 256 KiB and more alone, so a small network's peak shows its variables only.",
        ],
    )


def _cost(cost: Cost, reference: Cost) -> list[Cell]:
    return [
        cost.ratio,
        cost.ratio_low,
        cost.ratio_high,
        1e3 * cost.seconds,
        1e-6 * cost.variable_bytes,
        cost.variable_bytes / reference.variable_bytes,
        None if cost.peak_bytes is None else 1e-6 * cost.peak_bytes,
    ]


def _robustness(page: TaskResults) -> Table:
    columns = [
        (kind, level, f"{label} {level:g}")
        for kind, label, levels in page.disturbances()
        for level in levels
    ]
    rows: list[list[Cell]] = []
    for each in page.known:
        means = [disturbed(each, kind, level) for kind, level, _ in columns]
        rows.append([each.name, *(None if mean is None else percent(mean.mean) for mean in means)])
    return Table(
        name=f"robustness{page.suffix}",
        title=f"Error in % under disturbances{page.where}",
        head=["rule", *(label for *_, label in columns)],
        rows=rows,
        notes=[
            "Means over seeds. A seed that diverged in training counts as guessing. Noise in "
            "updates is multiplied by the learning rate (Kunin et al. 2020, App. B.3), so a rule "
            "whose best rate is low is disturbed less.",
        ],
    )


def _layers(page: TaskResults) -> Table:
    return Table(
        name=f"layers{page.suffix}",
        title=f"Kernels and updates layer by layer{page.where}",
        head=["rule", "layer", *(label for _, label in LAYER_PANELS)],
        rows=[
            [each.name, layer.name, *(getattr(layer, value) for value, _ in LAYER_PANELS)]
            for each in page.known
            for layer in each.layers
        ],
        notes=["Means over the fresh seeds that did not diverge, after the last epoch."],
    )


def _configurations(page: TaskResults) -> Table:
    names = list(dict.fromkeys(name for each in page.known for name in each.configuration))
    return Table(
        name=f"best{page.suffix}",
        title=f"Best configuration of each rule{page.where}",
        head=["metaparameter", *(each.name for each in page.known)],
        rows=[
            [name, *(_cell(each.configuration.get(name)) for each in page.known)] for name in names
        ],
    )


def _pairs(page: TaskResults) -> Table:
    return Table(
        name=f"pairs{page.suffix}",
        title=f"Pairs of rules{page.where}",
        head=["one", "other", "difference in points", "p", "told apart"],
        rows=[
            [
                page.name(pair.one),
                page.name(pair.other),
                100 * pair.difference,
                pair.p,
                _yes(pair),
            ]
            for pair in page.pairs
        ],
        notes=["p: Welch's test after Holm's correction over all pairs of this table."],
    )


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str | int | float) else None


def _yes(pair: Pair) -> str:
    return "yes" if pair.told_apart else "no"


def checklists(results: Sequence[RuleResult]) -> list[Table]:
    """Return what each rule needs of a brain, and why; rules of one's own have no row."""
    known = [each for each in results if each.rule in CHECKLIST]
    return [
        Table(
            name="checklist",
            title="Needs of each rule",
            head=["rule", *QUESTIONS],
            rows=[[each.name, *(answer.word for answer in CHECKLIST[each.rule])] for each in known],
            notes=["The questions are those of Table 1 of Li and Benna 2024 (arXiv 2405.20594)."],
        ),
        Table(
            name="checklist-reasons",
            title="Reasons of these needs",
            head=["rule", "question", "answer", "reason"],
            rows=[
                [each.name, question, answer.word, answer.reason]
                for each in known
                for question, answer in zip(QUESTIONS, CHECKLIST[each.rule], strict=True)
            ],
        ),
    ]
