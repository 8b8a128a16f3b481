"""The results of all rules on one task, compared, as figures and tables of `rules` show them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from alignment_core.training.disturbances import DISTURBANCES
from alignsearch.experiments.figures.looks import Look, looks
from alignsearch.experiments.rule_budgets import Task
from alignsearch.experiments.rule_results import RuleResult
from alignsearch.search.reports.comparison import compare, interval
from alignsearch.search.reports.means import Mean

LAYER_PANELS = (
    ("angle", "angle of W and B in degrees"),
    ("norm_ratio", "norm of B over norm of W"),
    ("gradient_angle", "angle of update and gradient in degrees"),
    ("sign_agreement", "share of equal signs in W and B"),
)
"""Measurements of a layer, and their axes."""

AXES: dict[str, str] = {
    "weight_noise": "noise in weights, relative to their size",
    "image_noise": "noise in images, standard deviations",
    "fgsm": "FGSM's step, standard deviations",
}
"""Axis of each kind of disturbance of a trained network."""

NOISY = "noisy"
"""The disturbance of the updates of a training, beside those of a trained network."""


class TaskResults:
    """The results of all rules on one task, and how they compare.

    Attributes:
        where: the task in titles.
        suffix: end of the names of its files; empty if there is one task.
        results: results of each rule, the lowest mean error first; those without one come last.
        known: those with an error.
        measured: those whose step was timed, in the order in which they were asked for; the others
            are compared to the first one.
        compared: how those with an error compare; None without any.
        pairs: all pairs of those with an error.
        chances: the chance of each of these that it is the best.
    """

    def __init__(self, task: Task, results: Sequence[RuleResult], *, alone: bool) -> None:
        """Compare the rules.

        alone: whether the report has no other task.
        """
        self.measured = [each for each in results if each.cost is not None]
        self.where = f" on {task.dataset}"
        self.suffix = "" if alone else f"-{task.dataset}-{task.model}"
        self.results = sorted(
            results, key=lambda each: (each.error.mean is None, each.error.mean or 0.0)
        )
        self.known = [each for each in self.results if each.errors]
        self._looks = looks([each.rule for each in results])
        samples = {each.rule: each.errors for each in self.known}
        self.compared = compare(samples) if samples else None
        self.pairs = self.compared.pairs if self.compared else ()
        self.chances = self.compared.chances if self.compared else {}

    def look(self, result: RuleResult) -> Look:
        """Return the colour and marker of a rule."""
        return self._looks[result.rule]

    def name(self, rule: str) -> str:
        """Return a rule's name in the field."""
        return next(each.name for each in self.results if each.rule == rule)

    def disturbances(self) -> list[tuple[str, str, list[float]]]:
        """Return each kind of disturbance with its axis and levels, as far as it was measured."""
        found = []
        variances = sorted({level for each in self.known for level in each.noisy})
        if variances:
            found.append((NOISY, "variance of the noise in updates", variances))
        measured = {name for each in self.known for name in each.robust}
        for kind, label in AXES.items():
            known = [each for each in DISTURBANCES if each.kind == kind and each.name in measured]
            if known:
                found.append((kind, label, [each.level for each in known]))
        return found

    def numbers(self) -> dict[str, Any]:
        """Return all results as plain data."""
        rules = {}
        for each in self.results:
            ends = interval(each.errors)
            rules[each.rule] = {
                **asdict(each),
                NOISY: {f"{variance:g}": asdict(mean) for variance, mean in each.noisy.items()},
                "error": asdict(each.error),
                "interval": None if ends is None else list(ends),
                "chance_of_best": self.chances.get(each.rule),
                "near": each.near,
            }
        return {"rules": rules, "pairs": [asdict(pair) for pair in self.pairs]}


def disturbed(result: RuleResult, kind: str, level: float) -> Mean | None:
    """Return a rule's mean error under a disturbance; None if it wasn't measured."""
    if kind == NOISY:
        return result.noisy.get(level)
    named = [each.name for each in DISTURBANCES if (each.kind, each.level) == (kind, level)]
    return result.robust.get(named[0]) if named else None


def percent(share: float | None) -> float | None:
    """Return a share in percent; None for None."""
    return None if share is None else 100 * share
