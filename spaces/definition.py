"""Definitions: what a search is over, as one object.

A definition has a space, an objective and a goal, and says how results are shown: a table of its
own, names of dimensions for people, a title. The paper's four searches are definitions among
others. `alignsearch.spaces.definitions` finds one by its address.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.spaces.distributions import Distribution
from alignsearch.spaces.space import SearchSpace

Direction = Literal["minimize", "maximize"]
Role = Literal["minimize", "maximize", "report"]
"""Use of a metric; one that is only reported may be bounded by a constraint."""
SourceKind = Literal["shipped", "module", "file", "session"]

TAKEN_NAMES = frozenset({"loss", "status", "step"})
"""Names that mean something else in a result, so that only the first metric may be called loss."""

TRAINING = "training"
"""The objective that trains networks of `alignment_core`."""


@dataclass(frozen=True)
class Row:
    """A row of a table: its name, and the key of the configuration that it shows."""

    name: str
    field: str


@dataclass(frozen=True)
class Table:
    """A table of configurations, a column each.

    Attributes:
        title: the table's own title; may have LaTeX between dollar signs.
        rows: its rows in order.
        note: a line below the table; empty for none.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class Source:
    """The place where a definition comes from.

    Attributes:
        kind: "shipped" with this program, an installed "module", a "file", or the Python "session"
            that drives the search.
        address: the definition's address: `ia`, `package.module:name`, `file.py:name`.
        path: the module's file; None for shipped definitions and sessions.
        sha256: hash of the file and of those beside it that it imports, or of all Python files of
            the package that the module belongs to, in hexadecimal; None for shipped definitions
            and sessions.
        packages: versions of the packages that the source imports from elsewhere, by name.
        beside: files of the module's own folder that it imports, relative to the folder; the hash
            covers them.
    """

    kind: SourceKind
    address: str
    path: Path | None = None
    sha256: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A space, an objective and a goal.

    Attributes:
        space: what configurations there are.
        objective: the function that evaluates one, `function(config, trial)` or
            `function(config)`; the name of one of this program's own, like "training"; None for a
            space whose objective is given at submit, as a program is.
        training: function that turns a configuration into a training, where the objective is
            "training": `function(config, recipe)` or `function(config)`, which returns settings of
            `alignment_core.TrainingConfig` by name (`spaces.training.settings_of`).
        rule: the learning rule of such trainings: a subclass of `alignment_core.Alignment`, or a
            key of `alignment_core.LEARNING_RULES`. None where the function returns
            `learning_rule` itself.
        metric: name of the number that the objective returns or reports.
        direction: whether less or more of the metric is better.
        further: the other metrics that each trial reports, by name, in order; empty for one metric.
        constraints: bounds of metrics, each as a text like `step_ms <= 200`.
        prior: distributions of good values by label; a dimension without one has the space's own.
        table: the table that a result is a column of; None for one row a dimension.
        labels: names of dimensions for people, by label; a dimension without one has its label.
        title: heading of a result's column; empty for the space's title, or its name.
        advice: function of a search's recipe that returns a line to be read before the search
            runs, or an empty text; None for no advice.
        source: where it comes from; None before it is known.
        named: whether its space has a name that somebody chose; an automatic one gives way to the
            definition's address once that is known.

    Raises:
        ConfigurationError: the space has no dimension, the metric has no name, there is no such
            direction, a further metric can't have its name, or a training lacks its function.
        UnknownNameError: the prior names a dimension that the space lacks.
    """

    space: SearchSpace
    objective: Callable[..., Any] | str | None = None
    training: Callable[..., Any] | None = None
    rule: Any = None
    metric: str = "loss"
    direction: Direction = "minimize"
    further: Mapping[str, Role] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    prior: Mapping[str, Distribution] = field(default_factory=dict)
    table: Table | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    advice: Callable[[Any], str] | None = None
    source: Source | None = None
    named: bool = True

    def __post_init__(self) -> None:
        if not self.space.sampled:
            raise ConfigurationError(f"space {self.space.name!r} has no dimension to search")
        if not self.metric:
            raise ConfigurationError("the metric needs a name, like loss")
        if self.direction not in get_args(Direction):
            raise ConfigurationError(
                f"the direction is {' or '.join(get_args(Direction))}, not {self.direction!r}"
            )
        check_further(self.metric, self.further)
        for label in self.prior:
            if label not in self.space.sampled_names:
                labels = [each.name for each in self.space.sampled]
                raise UnknownNameError("dimension of the space, in its prior,", label, labels)
        named = isinstance(self.objective, str) and self.objective
        if not (self.objective is None or callable(self.objective) or named):
            raise ConfigurationError("the objective is a function, or the name of one")
        if self.objective == TRAINING and not callable(self.training):
            raise ConfigurationError(
                "a search that trains needs the function that turns a configuration into a "
                "training: define it with alignsearch.RuleSearch"
            )

    @property
    def heading(self) -> str:
        """The heading of a result's column."""
        return self.title or self.space.title or self.space.name


def check_further(metric: str, further: Mapping[str, Any]) -> None:
    """Check the metrics that a definition names beside its first one.

    Raises:
        ConfigurationError: one has no name, a name that means something else in a result, or the
            first one's; or it is neither minimized, nor maximized, nor reported.
    """
    for name, role in further.items():
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"a metric has a name, like step_ms, and is not {name!r}")
        if name in TAKEN_NAMES:
            raise ConfigurationError(
                f"{name} can't be one of several metrics, except for the first: in a result it "
                "means the number to minimize, a status or a step. Give it another name"
            )
        if name == metric:
            raise ConfigurationError(f"the metric {name} is named twice")
        if role not in get_args(Role):
            *most, last = get_args(Role)
            raise ConfigurationError(
                f"{name}: a metric is to {', '.join(most)} or {last}, not {role!r}"
            )
