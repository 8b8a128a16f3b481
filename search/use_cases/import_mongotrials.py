"""Results of HyperOpt's `MongoTrials`: its jobs as results from elsewhere."""

import math
from collections import Counter
from datetime import datetime
from typing import Any

from alignment_core.errors import ConfigurationError, UnknownNameError
from alignsearch.search.store.hyperopt_jobs import read_jobs
from alignsearch.search.use_cases.outside_result import OutsideResult, OutsideResults

_DONE = 2
_STATES = {0: "new", 1: "running", 3: "failed", 4: "cancelled"}
"""HyperOpt's states of jobs without a result (`hyperopt.base.JOB_STATES`)."""


def read_mongotrials(uri: str, exp_key: str | None = None) -> OutsideResults:
    """Return the results of the jobs that are done.

    A point has HyperOpt's own numbers: a choice has the index of its option. A loss that is NaN
    or infinite, or a status other than `ok`, is the result of a trial that diverged: TPE learns
    that the point is bad. Nothing is unpickled.

    Args:
        uri: `mongo://HOST:PORT/DATABASE/jobs`, as `MongoTrials` has it.
        exp_key: the experiment among the jobs; None if there is one only.

    Raises:
        ConfigurationError: the URI names no jobs, there are none, they are of several experiments,
            or a job is none of HyperOpt's.
        UnknownNameError: there is no such experiment.
        StoreUnavailableError: the server doesn't answer.
    """
    jobs = read_jobs(uri)
    if not jobs:
        raise ConfigurationError("there are no jobs of HyperOpt's at this address")
    keys = sorted({str(job.get("exp_key")) for job in jobs})
    if exp_key is not None and exp_key not in keys:
        raise UnknownNameError("exp_key of these jobs", exp_key, keys)
    if exp_key is None and len(keys) > 1:
        raise ConfigurationError(
            f"the jobs are of {len(keys)} experiments: choose one by --study: {', '.join(keys)}"
        )
    jobs = [job for job in jobs if exp_key is None or str(job.get("exp_key")) == exp_key]
    results = [_result(job) for job in jobs if _done(job)]
    others = Counter(_state(each) for each in jobs if not _done(each))
    left_out = [f"{count} without a result ({what})" for what, count in sorted(others.items())]
    return OutsideResults("HyperOpt's MongoTrials", results, left_out)


def _done(job: dict[str, Any]) -> bool:
    return bool(job.get("state") == _DONE)


def _state(job: dict[str, Any]) -> str:
    state = job.get("state")
    return _STATES.get(state, "odd") if isinstance(state, int) else "odd"


def _result(job: dict[str, Any]) -> OutsideResult:
    place = f"job {job.get('tid')}"
    misc, result = job.get("misc"), job.get("result")
    values = misc.get("vals") if isinstance(misc, dict) else None
    if not isinstance(values, dict) or not isinstance(result, dict):
        raise ConfigurationError(f"{place} is none of HyperOpt's: it has no misc.vals or no result")
    loss = result.get("loss")
    if loss is not None and (isinstance(loss, bool) or not isinstance(loss, int | float)):
        raise ConfigurationError(f"{place}: its loss is {loss!r}, which is no number")
    usable = result.get("status") == "ok" and loss is not None and math.isfinite(loss)
    why = result.get("failure") or f"its loss is {loss}"
    return OutsideResult(
        place=place,
        loss=float(loss) if usable and loss is not None else None,
        point=values,
        identity=f"hyperopt {job.get('exp_key')} {job.get('tid')}",
        note=f"HyperOpt's {place}",
        reason="" if usable else str(why),
        started=_time(job.get("book_time")),
        finished=_time(job.get("refresh_time")),
    )


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
