"""Results from a file of Optuna's RDBStorage, read by SQLite itself.

Optuna isn't needed, and nothing of the file is executed. Its tables have been the same since Optuna
2.4; the kinds of values came with 3.0. Other storages of Optuna can be copied into such a file by
`optuna.copy_study`.
"""

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.documents import Search, metrics_of
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.use_cases.outside_result import (
    OutsideResult,
    OutsideResults,
    check_direction,
)
from alignsearch.spaces.space import SearchSpace

UTC_SINCE = 5
"""First version of Optuna that stores times as UTC; earlier ones store local times of somewhere."""

_MAGIC = b"SQLite format 3\0"
_INFINITE = ("INF_POS", "INF_NEG", "NAN")


def read_optuna(
    file: Path, search: Search, space: SearchSpace, study: str | None
) -> OutsideResults:
    """Return the results of a study: completed and pruned trials.

    The study's objectives are the search's metrics in their order. A parameter's name is the label
    of a dimension, or its name for people. A pruned trial has its last intermediate value. A value
    that isn't finite is the result of a trial that diverged.

    Args:
        file: the SQLite file of `optuna.storages.RDBStorage("sqlite:///FILE")`.
        search: the search, for its metric.
        space: its space.
        study: the study's name; None if the file has one only.

    Raises:
        ConfigurationError: the file is no such one, has several studies, or the study has other
            objectives or directions than the search.
        UnknownNameError: there is no such study.
    """
    if not file.is_file():
        raise ConfigurationError(f"{file} can't be read: it isn't there, or is no file")
    try:
        with file.open("rb") as opened:
            begins = opened.read(len(_MAGIC))
        if begins != _MAGIC:
            raise _no_storage(file, "it is no SQLite file")
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return _read(database, file, search, study)
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror or error}") from error
    except (sqlite3.Error, UnicodeDecodeError, _BrokenError) as error:
        raise _no_storage(file, str(error)) from error


class _BrokenError(Exception):
    """A cell of the file isn't what Optuna writes; the message says which."""


def _no_storage(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{file} is no file of Optuna's RDBStorage: {why}; optuna.copy_study writes one from any "
        "other storage"
    )


@dataclass
class _Trial:
    """One trial of Optuna's, from several tables."""

    number: int
    state: str
    started: str | None
    finished: str | None
    params: dict[str, Any] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)
    steps: dict[int, float] = field(default_factory=dict)


def _read(
    database: sqlite3.Connection, file: Path, search: Search, wanted: str | None
) -> OutsideResults:
    studies = dict(database.execute("SELECT study_name, study_id FROM studies"))
    if wanted is not None and wanted not in studies:
        raise UnknownNameError(f"study of {file.name}", wanted, studies)
    if wanted is None and len(studies) != 1:
        raise ConfigurationError(
            f"{file.name} has {len(studies)} studies: choose one by --study: "
            f"{', '.join(sorted(studies)) or 'there is none'}"
        )
    name = wanted if wanted is not None else next(iter(studies))
    key, source = studies[name], f"Optuna's study {name}"
    directions = [
        str(direction).lower()
        for (direction,) in database.execute(
            "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (key,)
        )
    ]
    metrics = metrics_of(search)
    if len(directions) != len(metrics):
        ours = ", ".join(each.name for each in metrics)
        raise ConfigurationError(
            f"{source} has {len(directions)} objectives, and this search {len(metrics)}: {ours}"
        )
    for metric, direction in zip(metrics, directions, strict=True):
        check_direction(metric, direction, source)
    trials = _trials(database, key)
    utc = _version(database) >= UTC_SINCE
    counts = Counter(trial.state for trial in trials)
    results = [
        _result(trial, name, metrics, utc=utc)
        for trial in trials
        if trial.state in ("COMPLETE", "PRUNED")
    ]
    left_out = [
        f"{count} without a result ({state.lower()})"
        for state, count in sorted(counts.items())
        if state not in ("COMPLETE", "PRUNED")
    ]
    return OutsideResults(source, results, left_out)


def _trials(database: sqlite3.Connection, study: int) -> Sequence[_Trial]:
    found = {
        key: _Trial(number, state, started, finished)
        for key, number, state, started, finished in database.execute(
            "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
            "WHERE study_id = ? ORDER BY number",
            (study,),
        )
    }
    for key, name, value, distribution in database.execute(
        "SELECT trial_id, param_name, param_value, distribution_json FROM trial_params"
    ):
        if key in found:
            place = f"parameter {name!r} of trial {found[key].number}"
            if not isinstance(name, str):
                raise _BrokenError(f"{place} has no name")
            found[key].params[name] = _external(value, distribution, place)
    for key, objective, value in _numbers(database, "trial_values", "objective", "value"):
        if key in found:
            found[key].values[objective] = value
    for key, step, value in _numbers(
        database, "trial_intermediate_values", "step", "intermediate_value"
    ):
        if key in found:
            found[key].steps[step] = value
    return list(found.values())


def _numbers(
    database: sqlite3.Connection, table: str, place: str, column: str
) -> Iterator[tuple[int, int, float]]:
    """Yield trial, place and number of a table that keeps numbers."""
    columns = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
    kind = f"{column}_type" if f"{column}_type" in columns else "'FINITE'"
    query = f"SELECT trial_id, {place}, {column}, {kind} FROM {table}"
    for key, at, value, what in database.execute(query):
        if value is not None and not isinstance(value, int | float):
            raise _BrokenError(f"{table} has {value!r}, which is no number")
        yield key, at, math.nan if value is None or what in _INFINITE else value


def _external(value: Any, distribution: Any, place: str) -> Any:
    """The parameter's own value: SQLite has the index of a categorical one's choice."""
    try:
        attributes = json.loads(distribution).get("attributes", {})
        if "choices" not in attributes:
            return value
        return dict(enumerate(attributes["choices"]))[int(value)]
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise _BrokenError(f"{place} can't be read") from error


def _result(
    trial: _Trial, study: str, metrics: Sequence[ObjectiveMetric], *, utc: bool
) -> OutsideResult:
    pruned = trial.state == "PRUNED"
    value = trial.values.get(0)
    if value is None and trial.steps:
        value = trial.steps[max(trial.steps)]
    loss = None if value is None or not math.isfinite(value) else metrics[0].loss(value)
    further = {each.name: trial.values.get(at) for at, each in enumerate(metrics) if at}
    return OutsideResult(
        place=f"trial {trial.number} of {study}",
        loss=loss,
        values=trial.params,
        identity=f"optuna {study} {trial.number}",
        note=f"trial {trial.number} of Optuna's study {study}",
        reason="" if loss is not None else "it has no finite value",
        metrics={name: number for name, number in further.items() if number is not None},
        pruned=pruned,
        started=_time(trial.started) if utc else None,
        finished=_time(trial.finished) if utc else None,
    )


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (ValueError, TypeError) as error:
        raise _BrokenError(f"{text!r} is no time") from error


def _version(database: sqlite3.Connection) -> int:
    """Return the major version of the Optuna that has written the file; 0 if it doesn't say."""
    (version,) = database.execute("SELECT library_version FROM version_info").fetchone() or ("",)
    major = str(version).partition(".")[0]
    return int(major) if major.isdigit() else 0
