"""Constraints of a search: bounds that a trial's metrics must keep for it to be the best."""

import math
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.base import Document

Operator = Literal["<=", ">=", "<", ">"]

LEAST_VIOLATION = sys.float_info.epsilon
"""Violation of a strict bound by a metric that equals it: more than none, less than any other."""

_FORM = re.compile(r"\s*(?P<metric>[^<>]*?)\s*(?P<operator><=|>=|<|>)\s*(?P<bound>[^<>=\s]+)\s*")


class Constraint(Document):
    """One bound of a metric: `step_ms <= 200`.

    Attributes:
        metric: name of the metric.
        operator: how the metric compares to the bound in a trial that keeps the constraint.
        bound: the bound, in the metric's own unit.
    """

    metric: str
    operator: Operator
    bound: float

    def violation(self, value: float) -> float:
        """Return by how much a metric breaks the constraint; 0 if it keeps it.

        The excess is a multiple of the bound's size (of 1 for a bound of 0), so that constraints
        of different units can be added up (Deb et al. 2002, "A fast and elitist multiobjective
        genetic algorithm: NSGA-II", section VI).
        """
        upper = self.operator in ("<=", "<")
        excess = value - self.bound if upper else self.bound - value
        if excess < 0 or (excess == 0 and self.operator in ("<=", ">=")):
            return 0.0
        share = excess / (abs(self.bound) or 1.0)
        return min(max(share, LEAST_VIOLATION), sys.float_info.max)

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {self.bound:g}"


def parse_constraint(text: str) -> Constraint:
    """Return the constraint that a text like `step_ms <= 200` says.

    Raises:
        ConfigurationError: it isn't of the form METRIC <= NUMBER, with one of four operators.
    """
    found = _FORM.fullmatch(text)
    try:
        bound = math.nan if found is None else float(found["bound"])
    except ValueError:
        bound = math.nan
    if found is None or not found["metric"] or not math.isfinite(bound):
        raise ConfigurationError(
            f"{text!r} is no constraint: write METRIC <= NUMBER, like `step_ms <= 200`, with one "
            f"of {', '.join(get_args(Operator))}"
        )
    return Constraint.model_validate(
        {"metric": found["metric"], "operator": found["operator"], "bound": bound}
    )


def total_violation(constraints: Iterable[Constraint], values: Mapping[str, float]) -> float:
    """Return the sum of the constraints' violations by a trial's metrics; 0 if all are kept.

    values: the metrics by name, as people know them; each constrained one is there.
    """
    total = sum(each.violation(values[each.metric]) for each in constraints)
    # JSON has no infinity: programs and dumps would read it as a trial that keeps them.
    return min(total, sys.float_info.max)


def in_words(constraints: Iterable[Constraint]) -> str:
    """Return constraints as a text for people: `step_ms <= 200, size < 1e+06`."""
    return ", ".join(map(str, constraints))
