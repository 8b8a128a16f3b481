"""Results of objectives: what a function may return, and what a trial's result is then."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents import Result
from alignsearch.search.documents.objective_metric import ObjectiveMetric
from alignsearch.search.documents.plain_data import plain

_KINDS = "a number, or HyperOpt's dictionary {'loss': number, 'status': 'ok'}"


def result_of(
    returned: Any, metric: ObjectiveMetric, what: str, further: Sequence[str] = ()
) -> Result:
    """Return the result of a trial whose objective has returned this value.

    A number is the search's metric. A dictionary has the metric under its name, or a `loss` to
    minimize; its other numbers become metrics of the result. A metric that is NaN or infinite is a
    result of status `fail`, from which TPE learns.

        >>> result_of({"loss": 0.25, "size": 3}, metric, "objective").metrics
        {'size': 3.0}

    Args:
        returned: the return value.
        metric: the search's metric.
        what: name of the objective, for messages.
        further: names of the search's other metrics.

    Raises:
        ConfigurationError: the value is neither, a metric is no number, or the name of one can't be
            stored; then trying again is of no use.
    """
    if not isinstance(returned, Mapping):
        return _result(_number(returned, what, "returned", _KINDS), metric, {})
    status = returned.get("status", "ok")
    others = {
        str(name): number
        for name, value in returned.items()
        if name not in ("loss", "status", metric.name) and (number := as_number(value)) is not None
    }
    metrics = plain(others, f"what {what} returned")
    if status == "fail":
        why = returned.get("reason") or "its objective says that it failed"
        return Result(status="fail", metrics=metrics, reason=str(why))
    if status != "ok":
        raise ConfigurationError(f"{what} returned the status {status!r}: return 'ok' or 'fail'")
    for name in further:
        if name in returned:
            _number(returned[name], what, f"returned, as {name},", "a number")
    if metric.name in returned:
        value = _number(returned[metric.name], what, f"returned, as {metric.name},", "a number")
        return _result(value, metric, metrics)
    if "loss" not in returned:
        wanted = " or ".join(dict.fromkeys([repr(metric.name), "'loss'"]))
        raise ConfigurationError(
            f"{what} returned a dictionary without {wanted}: it has "
            f"{', '.join(map(_short, returned)) or 'nothing'}; return {_KINDS}"
        )
    loss = _number(returned["loss"], what, "returned, as loss,", "a number")
    return _of_loss(loss, "loss", loss, metrics)


def with_reported(result: Result, reported: Mapping[str, float]) -> Result:
    """Return a result with the metrics that its objective has reported, but not returned.

    reported: the last values that were reported of the search's further metrics, by name.
    """
    metrics = {**reported, **result.metrics}
    return result if metrics == result.metrics else result.model_copy(update={"metrics": metrics})


def _result(value: float, metric: ObjectiveMetric, metrics: dict[str, float]) -> Result:
    return _of_loss(metric.loss(value), metric.label, value, metrics)


def _of_loss(loss: float, label: str, shown: float, metrics: dict[str, float]) -> Result:
    if not math.isfinite(loss):
        return Result(status="fail", metrics=metrics, reason=f"its {label} is {shown}")
    return Result(status="ok", loss=loss, metrics=metrics)


def as_number(value: Any) -> float | None:
    """Return a value as a number, also one of NumPy or of a framework; None if it is none."""
    if isinstance(value, str | bytes):
        return None
    try:
        return float(value)
    except Exception:
        # A framework's tensor of several elements raises an error of its own, and a whole number
        # beyond all floats an OverflowError.
        return None


def _number(value: Any, what: str, how: str, wanted: str) -> float:
    # A comparison's True would count as 1; NumPy's bool is none of Python's.
    number = None if type(value).__name__ in ("bool", "bool_") else as_number(value)
    if number is None:
        shown = "nothing (None)" if value is None else f"{type(value).__name__} {_short(value)}"
        raise ConfigurationError(f"{what} {how} {shown}: return {wanted}")
    return number


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:100]}..."
