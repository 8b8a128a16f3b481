"""The objective `hyperopt`: a function of HyperOpt's `fmin`, evaluated as `fmin` evaluates it.

The process that called `fmin` ships its `Domain`, which has the function and the expression of the
space. The whole return value is recorded, because algorithms, `early_stop_fn` and users read more
of it than the loss.
"""

import copy
import json
import math
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from hyperopt import Trials, base

from alignment_core.errors import AlignSearchError, ConfigurationError
from alignsearch.search.documents import Result, Search, Trial
from alignsearch.search.documents.attachments import ATTACHMENTS, recorded
from alignsearch.search.documents.errors import ObjectiveError, SourceError
from alignsearch.search.documents.plain_data import plain
from alignsearch.workers.objectives import Finished, Link, Objective

MOST_CHARACTERS = 2**20
"""Size of what is recorded of one return value beside its loss: a trial is read as a whole, so a
larger part belongs into a file."""


def minimizing(domain: Any) -> Objective:
    """Return the objective that evaluates a domain, which `fmin` ships to its workers."""
    return partial(_evaluate, domain)


def evaluate(search: Search, trial: Trial, link: Link) -> Finished:
    """Refuse to evaluate without a domain.

    Raises:
        SourceError: the process that called `fmin` doesn't drive the search.
    """
    raise SourceError(
        f"search {search.name!r} evaluates a function of the process that called fmin: run its "
        "script again"
    )


def _evaluate(domain: Any, search: Search, trial: Trial, link: Link) -> Finished:
    """Evaluate the domain at the trial's point, and return the result with all that was returned.

    Raises:
        ObjectiveError: the function has raised an error; the message is its traceback. As in
            `fmin`, it isn't tried again.
        ConfigurationError: it returned neither a number nor a dictionary.
    """
    document = document_of_point(trial.tid, trial.point, domain.params)
    kept = Trials(refresh=False)
    ctrl = base.Ctrl(kept, current_trial=document)
    kept._dynamic_trials.append(document)
    kept.refresh()
    checked = copy.copy(domain)
    checked.fn = _checked(domain.fn)
    try:
        returned = checked.evaluate(dict(trial.point), ctrl)
    except AlignSearchError:
        raise
    except Exception as error:
        raise ObjectiveError("".join(traceback.format_exception(error))) from error
    prefix = kept.aname(document, "")
    attachments = {
        name.removeprefix(prefix): value
        for name, value in kept.attachments.items()
        if name.startswith(prefix)
    }
    return Finished(_result(returned, attachments, link.on_warning))


def document_of_point(tid: int, point: Mapping[str, Any], labels: Iterable[str]) -> dict[str, Any]:
    """Return a running trial as HyperOpt's document.

    Args:
        tid: number of the trial.
        point: HyperOpt's value of each active dimension by its label.
        labels: labels of all dimensions.
    """
    return {
        "state": base.JOB_STATE_RUNNING,
        "tid": tid,
        "spec": None,
        "result": {"status": base.STATUS_NEW},
        "misc": {
            "tid": tid,
            "cmd": None,
            "workdir": None,
            "idxs": {label: [tid] if label in point else [] for label in labels},
            "vals": {label: [point[label]] if label in point else [] for label in labels},
        },
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, which refuses in words what `Domain.evaluate` can't use."""

    def evaluated(*arguments: Any, **named: Any) -> Any:
        returned = function(*arguments, **named)
        if not isinstance(returned, float | int | np.number | Mapping):
            shown = "nothing (None)" if returned is None else f"a {type(returned).__name__}"
            raise ConfigurationError(
                f"the objective returned {shown}: return a number, or HyperOpt's dictionary "
                "{'loss': number, 'status': 'ok'}"
            )
        return returned

    return evaluated


def _result(
    returned: Mapping[str, Any], attachments: Mapping[str, Any], warn: Callable[[str], None]
) -> Result:
    status, loss = returned["status"], returned.get("loss")
    metrics = {
        str(key): float(value)
        for key, value in returned.items()
        if key not in ("loss", "status") and _is_number(value)
    }
    # Where the status is ok, HyperOpt has made sure of a number.
    found = status == base.STATUS_OK and loss is not None and math.isfinite(loss)
    more = len(returned) > 2 or attachments or not found
    kept = _recorded(returned, attachments, warn) if more else {}
    if found:
        return Result(status="ok", loss=loss, metrics=metrics, returned=kept)
    why = f"its loss is {loss}" if status == base.STATUS_OK else f"its status is {status!r}"
    return Result(status="fail", metrics=metrics, reason=why, returned=kept)


def _recorded(
    returned: Mapping[str, Any], attachments: Mapping[str, Any], warn: Callable[[str], None]
) -> dict[str, Any]:
    """Return all that can be recorded of a return value, and warn of each part that can't."""
    recording = _Recording(warn)
    kept: dict[str, Any] = {}
    for key, value in returned.items():
        recording.keep(kept, key, value, f"result[{key!r}]")
    if attachments:
        named = kept[ATTACHMENTS] = {}
        for name, value in attachments.items():
            recording.keep(named, name, recorded(value), f"result['attachments'][{name!r}]")
    return kept


class _Recording:
    """Parts of one return value, as far as they are plain data and find room."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._left = MOST_CHARACTERS

    def keep(self, into: dict[str, Any], key: Any, value: Any, place: str) -> None:
        """Put the value into a dictionary of what is recorded, or warn why not."""
        try:
            data = plain(value, place)
        except ConfigurationError as error:
            self._warn(f"not recorded: {error}")
            return
        size = len(json.dumps({str(key): data}))
        if size > self._left:
            self._warn(
                f"not recorded: {place} has {size} characters, and {self._left} of "
                f"{MOST_CHARACTERS} are left; write it to a file"
            )
            return
        self._left -= size
        into[str(key)] = data


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
