"""Options of a new search that name its metrics and their constraints."""

import math
from dataclasses import replace
from typing import Any

from pydantic import Field

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Constraint, Document
from alignsearch.search.documents.constraint import parse_constraint
from alignsearch.spaces.definition import TRAINING, Definition


class MetricChoices(Document):
    """The metrics of a new search, in place of its definition's, and their constraints."""

    metric: tuple[str, ...] = Field(
        default=(),
        description="NAME or NAME=ROLE: a metric in place of the definition's; repeated, the main "
        "one first. Its role is minimize (default), maximize or report, for constraints alone.",
    )
    constraint: tuple[str, ...] = Field(
        default=(),
        description="Bound of a metric, like 'step_ms <= 200', beside the definition's own; may be "
        "repeated. A trial that breaks one is never the best.",
    )

    def measured(self, definition: Definition) -> Definition:
        """Return the definition with the metrics and constraints that were asked for.

        Raises:
            ConfigurationError: a metric can't be used.
        """
        constraints = (*definition.constraints, *self.constraint)
        if not self.metric:
            return replace(definition, constraints=constraints)
        named: dict[str, Any] = {}
        for text in self.metric:
            name, equals, role = text.rpartition("=") if "=" in text else (text, "", "")
            if name.strip() in named:
                raise ConfigurationError(f"--metric {name.strip()!r} is named twice")
            named[name.strip()] = role.strip() if equals else "minimize"
        (first, direction), *others = named.items()
        if definition.objective == TRAINING and first != definition.metric:
            raise ConfigurationError(
                f"--metric {first} can't come first: trainings are compared by {definition.metric}"
            )
        return replace(
            definition,
            metric=first,
            direction=direction,
            further=dict(others),
            constraints=constraints,
        )


def constraints_of(definition: Definition, address: str) -> tuple[Constraint, ...]:
    """Return the constraints of a definition, checked against its metrics.

    address: the definition's address, for messages.

    Raises:
        ConfigurationError: one isn't of the form METRIC <= NUMBER, is about a metric that the
            definition doesn't name, or can't be kept beside another one.
    """
    known = (definition.metric, *definition.further)
    found = tuple(map(parse_constraint, definition.constraints))
    for each in found:
        if each.metric not in known:
            raise ConfigurationError(_unknown(each, definition, address))
    for name in known:
        own = [each for each in found if each.metric == name]
        low = max((each.bound for each in own if ">" in each.operator), default=-math.inf)
        high = min((each.bound for each in own if "<" in each.operator), default=math.inf)
        if low > high:
            raise ConfigurationError(
                f"no {name} keeps all constraints: it would be at least {low:g} and at most "
                f"{high:g}"
            )
    return found


def _unknown(constraint: Constraint, definition: Definition, address: str) -> str:
    """Return that a constraint is about a metric that nobody has named, and how to name it."""
    roles = {definition.metric: definition.direction, **definition.further}
    options = " ".join(f"--metric {name}={role}" for name, role in roles.items())
    unknown = str(UnknownNameError("metric", constraint.metric, roles)).removesuffix("?")
    return (
        f"the constraint {constraint}: {unknown}. To have each trial report it, name it among the "
        f"metrics of {address}, {constraint.metric!r}: 'report', or write {options} --metric "
        f"{constraint.metric}=report"
    )
