"""MLflow: an experiment a search, and in it a run a trial.

MLflow drops a point that it has already, with the same step, time and value, so a batch that was
sent before a process died can be sent again.
"""

import hashlib
import logging
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alignment_core.errors import ConfigurationError
from alignsearch.search.trackers.runs import (
    Point,
    Run,
    RunGroup,
    TrackerAwayError,
    TrackerKind,
    TrackerRefusedError,
    missing,
)

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""Kinds of databases that MLflow keeps runs in; a driver may follow, as in mysql+pymysql."""
STATUSES = {"completed": "FINISHED", "pruned": "KILLED", "cancelled": "KILLED"}
"""MLflow's status of a run by the trial's state; FAILED for any other one that has ended."""
LONGEST_NAME = 250
LONGEST_VALUE = 6000
"""Characters of a name, and of a parameter's value, that MLflow takes."""
MOST_AT_ONCE = 1000
MOST_PARAMS_AT_ONCE = 100
"""Metrics and parameters of one request that MLflow takes."""
ENVIRONMENT = {
    # We try again ourselves, and look first whether the run is there.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Variables of a process that uses MLflow's client, where its user hasn't set them."""
KEY = "alignsearch.key"
STATE = "alignsearch.state"
"""Tags of a run or an experiment: what identifies it, and the trial's state."""

_REFUSED = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
_UNUSABLE = re.compile(r"[^\w.\- /]")


def check(uri: str) -> str:
    """Return the URI, with a whole path where it is an SQLite file; refuse one with a password."""
    form = "write it like http://HOST:5000 or sqlite:///mlflow.db"
    try:
        parts = urlsplit(uri)
        host, password, _ = parts.hostname, parts.password, parts.port
    except ValueError as error:
        raise ConfigurationError(f"--mlflow can't be used ({error}); {form}") from error
    kind = parts.scheme.partition("+")[0]
    if password is not None or (parts.username and kind in ("http", "https")):
        raise ConfigurationError(
            f"--mlflow at {host} can't have a password, which the store would keep: the process "
            "that drives the search takes MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or a database's own variable, from its environment"
        )
    if kind not in ("http", "https", *DATABASES) or (kind != "sqlite" and not host):
        raise ConfigurationError(f"--mlflow {uri!r} is no tracking URI; {form}")
    if kind != "sqlite":
        return uri
    start, _, path = uri.partition(":///")
    if not path or path.startswith(":"):
        raise ConfigurationError(f"--mlflow {uri!r} names no file; {form}")
    return f"{start}:///{Path(path).resolve()}"


class Experiment:
    """A search's experiment on an MLflow server, or in a database."""

    def __init__(self, place: str, group: RunGroup) -> None:
        try:
            import mlflow.entities
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise TrackerAwayError(missing("mlflow", error)) from error
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._entities: Any = mlflow.entities
        self._error: type[Exception] = MlflowException
        self._runs: dict[int, _OpenRun] = {}
        try:
            self._client: Any = MlflowClient(tracking_uri=place)
            self._id = self._experiment(place, group)
        except Exception as error:
            # A database's driver has errors of its own, and may be missing.
            raise TrackerAwayError(_first_line(error)) from error

    def _experiment(self, place: str, group: RunGroup) -> str:
        found = self._client.search_experiments(filter_string=_is(KEY, group.key))
        if found:
            return str(found[0].experiment_id)
        artifacts = None
        if place.startswith("sqlite"):
            # By default it would be a folder of the current one, whatever that is.
            file = Path(place.partition(":///")[2])
            artifacts = (file.parent / "mlartifacts" / group.identity).as_uri()
        tags = {KEY: group.key, "alignsearch.search": group.name}
        made = self._client.create_experiment(group.identity, artifacts, tags)
        return str(made)

    def write(self, run: Run) -> None:
        """Send what MLflow's run of this trial lacks."""
        try:
            self._send(run)
        except self._error as error:
            if getattr(error, "error_code", "") in _REFUSED:
                raise TrackerRefusedError(_first_line(error)) from error
            raise TrackerAwayError(_first_line(error)) from error
        except OSError as error:
            raise TrackerAwayError(_first_line(error)) from error

    def _send(self, run: Run) -> None:
        known = self._runs.get(run.tid)
        if known is None:
            known = self._runs[run.tid] = self._found(run) or self._begun(run)
        if known.ended:
            return
        metrics = list(self._metrics(run.points, known))
        last = max((point.step for point in run.points), default=0)
        if run.ended:
            at = run.finished or run.started
            metrics += self._metrics([Point(last, at, run.result)], known)
        for some in _parts(metrics, MOST_AT_ONCE):
            self._client.log_batch(known.id, metrics=some)
        known.written.update((metric.key, metric.step) for metric in metrics)
        if run.ended:
            tags = {STATE: run.state, "alignsearch.why": run.why}
            self._client.log_batch(
                known.id, tags=[self._tag(*each) for each in tags.items() if each[1]]
            )
            status = STATUSES.get(run.state, "FAILED")
            self._client.set_terminated(known.id, status, _milliseconds(run.finished))
            del self._runs[run.tid]

    def _found(self, run: Run) -> "_OpenRun | None":
        """Return the run that an earlier process has made of the trial."""
        if not run.may_exist:
            return None
        found = self._client.search_runs([self._id], _is(KEY, run.key), max_results=1)
        if not found:
            return None
        (there,) = found
        known = _OpenRun(there.info.run_id, ended=there.info.status != "RUNNING")
        if not known.ended:
            self._complete(run, known)
            for name in there.data.metrics:
                history = self._client.get_metric_history(known.id, name)
                known.written.update((name, metric.step) for metric in history)
        return known

    def _begun(self, run: Run) -> "_OpenRun":
        # One request makes the run with all by which it is found again.
        tags = {f"alignsearch.{name}": value for name, value in run.tags.items()}
        tags = {KEY: run.key, STATE: "running", **tags}
        made = self._client.create_run(
            self._id, start_time=_milliseconds(run.started), tags=tags, run_name=run.name
        )
        known = _OpenRun(made.info.run_id)
        self._complete(run, known)
        return known

    def _complete(self, run: Run, known: "_OpenRun") -> None:
        """Send the configuration; MLflow takes the same again."""
        params = [
            self._entities.Param(name, str(value)[:LONGEST_VALUE])
            for name, value in usable(run.params).items()
        ]
        for some in _parts(params, MOST_PARAMS_AT_ONCE):
            self._client.log_batch(known.id, params=some)

    def _metrics(self, points: Sequence[Point], known: "_OpenRun") -> Iterator[Any]:
        for point in points:
            at = _milliseconds(point.at)
            for name, value in usable(point.values).items():
                if (name, point.step) not in known.written:
                    yield self._entities.Metric(name, float(value), at, point.step)

    def _tag(self, name: str, value: str) -> Any:
        return self._entities.RunTag(name, value[:LONGEST_VALUE])

    def close(self) -> None:
        """Nothing is open between two requests."""


class _OpenRun:
    """A run of a trial that goes on: its id, and the points that it has, by name and step."""

    def __init__(self, number: str, *, ended: bool = False) -> None:
        self.id = number
        self.ended = ended
        self.written: set[tuple[str, int]] = set()


def usable(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries under names that MLflow takes.

    A name that it refuses gets underscores, and a hash that keeps it apart from all others.
    """
    return {_usable(name): value for name, value in named.items()}


def _usable(name: str) -> str:
    clean = _UNUSABLE.sub("_", name)
    normal = posixpath.normpath(clean)
    if normal != clean or normal.startswith((".", "/")) or not clean.strip():
        clean = clean.replace("/", "_").replace("..", "__").strip(". ") or "_"
    if clean == name and len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:6]
    return f"{clean[: LONGEST_NAME - 7]}_{digest}"


def _is(tag: str, value: str) -> str:
    return f"tags.`{tag}` = '{value}'"


def _parts(items: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), most):
        yield items[first : first + most]


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


MLFLOW = TrackerKind(
    label="MLflow",
    takes="URI",
    packages=("mlflow",),
    modules=dict.fromkeys(DATABASES, ("sqlalchemy", "alembic")),
    environment=ENVIRONMENT,
    check=check,
    open=Experiment,
)
"""MLflow by its client."""
