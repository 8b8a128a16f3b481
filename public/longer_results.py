"""Results of a trial that was trained for longer: a file for programs, and lines for people."""

from collections.abc import Callable
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from pydantic_core import to_json

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Search, Trial, metric_of
from alignsearch.search.documents.digits import shown
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.states import TrialState
from alignsearch.search.store import Store
from alignsearch.spaces.runs import SEED

RUNS_FOLDER = Path("runs")
RESULTS = "results.json"


def folder_of(name: str, out: Path | None) -> Path:
    """Return the folder for the results of the search `name`: `out`, or one in `runs/`."""
    return out or RUNS_FOLDER / name


def write_results(store: Store, search: Search, folder: Path) -> str:
    """Write the results of a search that lists runs of one configuration; return them in words.

    `results.json` has the setting, each run with its epochs, and mean and standard error of the
    metric over the runs that ended with one.

    Raises:
        ConfigurationError: the folder can't be written to.
    """
    metric = metric_of(search)
    trials = store.trials.all_readable(search.name)
    values = [
        metric.value(trial.loss)
        for trial in trials
        if trial.state is TrialState.COMPLETED and trial.loss is not None
    ]
    mean = fmean(values) if values else None
    error = stdev(values) / sqrt(len(values)) if len(values) > 1 else None
    document = {
        "search": search.name,
        "about": search.note,
        "status": search.status.value,
        "metric": metric.name,
        "direction": metric.direction,
        "recipe": search.training.model_dump(mode="json"),
        "versions": search.versions,
        "mean": mean,
        "standard_error": error,
        "runs": [_run(store, trial, metric.value) for trial in trials],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = to_json(document, indent=2, inf_nan_mode="null", fallback=str)
        (folder / RESULTS).write_bytes(written + b"\n")
    except OSError as error_:
        raise ConfigurationError(
            f"{folder} can't hold the results ({error_.strerror}); name another one with --out"
        ) from error_
    return "\n".join([*(_line(trial, metric) for trial in trials), _sum(metric, values, error)])


def _run(store: Store, trial: Trial, value: Callable[[float], float]) -> dict[str, Any]:
    result = trial.result
    return {
        "trial": trial.tid,
        "seed": trial.config[SEED],
        "state": trial.state.value,
        "value": None if trial.loss is None else value(trial.loss),
        "reason": (result.reason if result else None) or trial.error,
        "metrics": dict(result.metrics) if result else {},
        "configuration": trial.config,
        "epochs": [
            each.model_dump(mode="json", exclude={"trial", "layers", "weight_samples"})
            for each in store.logs.epochs(trial.id)
        ],
    }


def _line(trial: Trial, metric: ObjectiveMetric) -> str:
    if trial.loss is not None:
        ended = f"{metric.label} {shown(metric.value(trial.loss))}"
    else:
        reason = trial.result.reason if trial.result else trial.error
        ended = f"{trial.state.value}{f': {reason}' if reason else ''}"
    return f"seed {trial.config[SEED]}: {ended}"


def _sum(metric: ObjectiveMetric, values: list[float], error: float | None) -> str:
    if not values:
        return "no run ended with a result"
    if error is None:
        return f"{metric.label} {shown(values[0])} under one seed"
    return (
        f"{metric.label} {shown(fmean(values))}, standard error {shown(error)}, {len(values)} seeds"
    )
