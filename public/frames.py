"""Trials and epochs of a search as pandas data frames, with the stored values to the last digit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from alignsearch.search.documents import (
    Epoch,
    Search,
    Trial,
    known_space_of,
    metric_of,
    metrics_of,
    values_of,
)
from alignsearch.search.documents.states import TrialState
from alignsearch.search.reports.best import front_trials
from alignsearch.search.reports.trial_table import seconds_of
from alignsearch.spaces.metaparameter import Metaparameter

TIMES = ("queued", "placed", "started", "finished")
STATES = [state.value for state in TrialState]
_MISSING = object()
"""Value of a dimension that a trial's choices don't reach; None may be an option."""
UNIT = "datetime64[ms, UTC]"
"""Type of times: the store keeps milliseconds."""


def trials_frame(search: Search, trials: Sequence[Trial]) -> pd.DataFrame:
    """Return a frame with a row a trial, by number.

    Columns: `state`; the search's metric by its name; `loss`, which is minimized; one column a
    dimension by its label; further metrics of the results by their names; attempts, reason, error;
    times in UTC and `seconds`. A value that a trial doesn't have is missing (NaN, NA or NaT): the
    loss of a trial that runs, a dimension that its choices don't reach. Choices are categories,
    with the option None as the text "None"; whole numbers are nullable integers.

    A search of several metrics has `front`, which is true for the trials than which no other one is
    better in every metric; one with constraints has `violation`, 0 for a trial that keeps them.

    A dimension whose label is the name of another column is called `config.LABEL`, and such a
    metric `metrics.NAME`, the search's own included.
    """
    metric = metric_of(search)
    losses = [trial.loss for trial in trials]
    trailing = {
        "attempts": pd.array([trial.attempt for trial in trials], dtype="Int64"),
        "best_epoch": pd.array([trial.best_epoch for trial in trials], dtype="Int64"),
        "seen": pd.array([trial.seen for trial in trials], dtype="Int64"),
        "reason": pd.array([t.result.reason if t.result else None for t in trials], dtype="string"),
        "error": pd.array([trial.error for trial in trials], dtype="string"),
        **{name: _times(trials, name) for name in TIMES},
        "seconds": _floats(seconds_of(trial) for trial in trials),
        **_goals(search, trials),
    }
    taken = (
        {"state", "tid"} | trailing.keys() | ({"loss"} if metric.direction == "maximize" else set())
    )
    shown = f"metrics.{metric.name}" if metric.name in taken else metric.name
    columns: dict[str, Any] = {
        "state": pd.Categorical([trial.state.value for trial in trials], STATES),
        shown: _floats(None if loss is None else metric.value(loss) for loss in losses),
        "loss": _floats(losses),
    }
    taken |= columns.keys()
    values = [values_of(search, trial) for trial in trials]
    for label, dimension in _dimensions(search, values).items():
        name = f"config.{label}" if label in taken else label
        columns[name] = _column([each.get(label, _MISSING) for each in values], dimension)
    taken |= columns.keys()
    for key in _names(trial.result.metrics for trial in trials if trial.result):
        name = f"metrics.{key}" if key in taken else key
        columns[name] = _floats(t.result.metrics.get(key) if t.result else None for t in trials)
    index = pd.Index([trial.tid for trial in trials], dtype=np.int64, name="tid")
    return pd.DataFrame({**columns, **trailing}, index=index).sort_index()


def _goals(search: Search, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the columns of a search of several metrics, or with constraints; none for others."""
    columns: dict[str, Any] = {}
    if search.constraints:
        columns["violation"] = _floats(
            None if trial.loss is None else trial.violation for trial in trials
        )
    if len(metrics_of(search)) > 1:
        best = {trial.tid for trial in front_trials(search, trials)}
        columns["front"] = np.array([trial.tid in best for trial in trials], dtype=bool)
    return columns


def epochs_frame(epochs: Sequence[tuple[int, Epoch]]) -> pd.DataFrame:
    """Return a frame with a row an epoch, or a step that an objective reported.

    The index is number of the trial, attempt and epoch. Each measurement is a column of 64-bit
    floats; one that an epoch doesn't have is NaN. Layers and samples of weights are left out.

    Args:
        epochs: number of the trial, and the epoch.
    """
    rows = [{**_measured(epoch), **epoch.metrics} for _, epoch in epochs]
    columns = {name: _floats(row.get(name) for row in rows) for name in _names(rows)}
    index = pd.MultiIndex.from_arrays(
        [
            np.array([tid for tid, _ in epochs], dtype=np.int64),
            np.array([epoch.attempt for _, epoch in epochs], dtype=np.int64),
            np.array([epoch.epoch for _, epoch in epochs], dtype=np.int64),
        ],
        names=["tid", "attempt", "epoch"],
    )
    return pd.DataFrame(columns, index=index).sort_index()


_NOT_MEASURED = frozenset(
    {"trial", "attempt", "epoch", "epochs", "metrics", "layers", "weight_samples"}
)


def _measured(epoch: Epoch) -> dict[str, float]:
    """Return the numbers of an epoch that has them."""
    fields = {name: getattr(epoch, name) for name in Epoch.model_fields.keys() - _NOT_MEASURED}
    return {name: fields[name] for name in Epoch.model_fields if fields.get(name) is not None}


def _names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys of all rows, each once, in the order in which they first occur."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _floats(values: Iterable[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _times(trials: Sequence[Trial], name: Any) -> Any:
    return pd.DatetimeIndex([trial.timings.get(name) for trial in trials], dtype=UNIT)


def _dimensions(
    search: Search, values: Sequence[Mapping[str, Any]]
) -> dict[str, Metaparameter | None]:
    """Return the dimensions by label; where the space isn't known, those that have a value."""
    space = known_space_of(search)
    labels = _names(values)
    known = {} if space is None else {each.name: each for each in space.sampled}
    return {label: known.get(label) for label in [*known, *labels]}


def _column(values: Sequence[Any], dimension: Metaparameter | None) -> Any:
    """Return a dimension's values as categories, nullable integers or floats."""
    options = _options(dimension) if dimension is not None else ()
    if None in options:
        # None is no category of pandas: it would be a value that is missing.
        values = ["None" if value is None else value for value in values]
        options = ["None" if value is None else value for value in options]
    values = [None if value is _MISSING else value for value in values]
    given = [value for value in values if value is not None]
    if dimension is not None and dimension.distribution.is_categorical:
        categories = list(dict.fromkeys([*options, *given]))
        return pd.Categorical(values, categories, ordered=dimension.distribution.ordered)
    if any(isinstance(value, bool | str) for value in given):
        return pd.Categorical(values)
    if given and all(isinstance(value, int) for value in given):
        return pd.array(list(values), dtype="Int64")
    return _floats(values)


def _options(dimension: Metaparameter) -> Sequence[Any]:
    return getattr(dimension.distribution, "options", ())
