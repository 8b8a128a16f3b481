"""The trials of a search as rows of a table: fixed columns, then a column for each dimension.

The command line, the API and Python share it, so that a column has the same name everywhere.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from alignsearch.search.documents import (
    Progress,
    Search,
    Trial,
    broken_by,
    is_list_of_runs,
    known_space_of,
    measured,
    metric_of,
    reported_names_of,
    values_of,
)
from alignsearch.search.documents.reasons import note_of
from alignsearch.search.documents.states import TrialState

_BEFORE = ("tid", "state")
_AFTER = ("epoch", "attempts", "seconds", "host", "note")


@dataclass(frozen=True)
class TrialColumns:
    """The names of a table's columns.

    Attributes:
        fixed: the columns that every search has; the third one is the metric's, and columns of
            further metrics follow it.
        further: the column of each further metric by the metric's name.
        dimensions: the column of each dimension by the dimension's label.
    """

    fixed: tuple[str, ...]
    dimensions: dict[str, str]
    further: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All columns in order."""
        return [*self.fixed, *self.dimensions.values()]

    @property
    def renamed(self) -> dict[str, str]:
        """The dimensions whose column isn't called by their label, with that column."""
        return {label: name for label, name in self.dimensions.items() if label != name}


def columns_of(search: Search, trials: Sequence[Trial]) -> TrialColumns:
    """Return the columns of a search's table of trials.

    The metric's column has the metric's name, and a dimension's column its label. A name that
    another column has already gets a prefix: a dimension `loss` of a search whose metric is `loss`
    has the column `dimension.loss`.

    trials: all trials of the search; where its space isn't known, they tell its dimensions.
    """
    taken = {*_BEFORE, *_AFTER}
    measures = {}
    for name in (metric_of(search).name, *reported_names_of(search)):
        measures[name] = _distinct(name, taken, "metric")
        taken.add(measures[name])
    _, *further = measures
    fixed = (*_BEFORE, *measures.values(), *_AFTER)
    dimensions = {}
    for label in dimensions_of(search, trials):
        dimensions[label] = _distinct(label, taken, "dimension")
        taken.add(dimensions[label])
    return TrialColumns(fixed, dimensions, {name: measures[name] for name in further})


def dimensions_of(search: Search, trials: Iterable[Trial]) -> list[str]:
    """Return the labels of a search's dimensions: its space's, or else those that trials have."""
    space = known_space_of(search)
    if space is not None and not is_list_of_runs(search):
        return [each.name for each in space.sampled]
    return list(dict.fromkeys(label for trial in trials for label in values_of(search, trial)))


def row_of(search: Search, trial: Trial, columns: TrialColumns) -> dict[str, Any]:
    """Return a trial's values by column; a dimension that isn't active has none.

    An option None of a choice is the value None of a column that is there. A running trial has the
    metric of its last epoch.
    """
    last = trial.attempts.get(str(trial.attempt))
    progress = trial.progress
    known = measured(search, trial)
    fixed = [
        trial.tid,
        trial.state.value,
        value_of(search, trial),
        *(known.get(name) for name in columns.further),
        None if progress is None or _tells_once(search, trial) else _epoch(progress),
        trial.attempt,
        seconds_of(trial),
        last.host if last else None,
        note_of(trial.origin, _reason(search, trial), trial.error),
    ]
    values = values_of(search, trial)
    if is_list_of_runs(search):
        # A run has every setting, and None where it doesn't use one.
        values = {label: value for label, value in values.items() if value is not None}
    own = {name: values[label] for label, name in columns.dimensions.items() if label in values}
    return dict(zip(columns.fixed, fixed, strict=True)) | own


def _reason(search: Search, trial: Trial) -> str | None:
    """Return why a trial's result is none, or is of no use."""
    broken = broken_by(search, trial)
    if broken:
        return f"breaks {broken}"
    return trial.result.reason if trial.result else None


def value_of(search: Search, trial: Trial) -> float | None:
    """Return a trial's metric; a running trial's after its last epoch, None without one."""
    if trial.result is not None:
        return None if trial.loss is None else metric_of(search).value(trial.loss)
    return trial.progress.value if trial.progress else None


def seconds_of(trial: Trial) -> float | None:
    """Return the seconds of the trial's last attempt; None while it runs."""
    return None if trial.state is TrialState.RUNNING else trial.seconds


def _epoch(progress: Progress) -> str:
    epoch, epochs = progress.epoch, progress.epochs
    return str(epoch) if epochs is None else f"{epoch}/{epochs}"


def _tells_once(search: Search, trial: Trial) -> bool:
    """Return whether a program has told one loss, its result, which is counted as its step 1."""
    return (
        search.definition is not None
        and search.definition.objective.kind == "program"
        and trial.state is TrialState.COMPLETED
        and trial.progress is not None
        and trial.progress.epoch == 1
    )


def _distinct(name: str, taken: Collection[str], prefix: str) -> str:
    while name in taken:
        name = f"{prefix}.{name}"
    return name
