"""Data frames made from the API's columns of trials."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

UNIT = "datetime64[ms, UTC]"
"""Type of times: the store keeps milliseconds."""


def frame_of(payload: Mapping[str, Any]) -> pd.DataFrame:
    """Make a frame of trials by number, with the types that `SearchHandle.trials()` has.

    Categories are their options, with the option None as the text "None"; whole numbers are
    nullable integers, other numbers 64-bit floats, and times have a time zone, UTC.
    """
    frame: dict[str, Any] = {}
    for column in payload["columns"]:
        values = payload["values"].get(column["name"], [])
        if column["kind"] == "category":
            codes = [-1 if value is None else value for value in values]
            options = column["options"]
            frame[column["name"]] = pd.Categorical.from_codes(
                codes,
                categories=_distinct(options),
                # Numbers have an order, but texts, True and False don't.
                ordered=column["role"] == "metaparameter" and all(map(_is_number, options)),
            )
        elif column["kind"] == "time":
            frame[column["name"]] = times(values, payload["epoch0"])
        elif column["kind"] == "integer":
            frame[column["name"]] = pd.array(values, dtype="Int64")
        else:
            frame[column["name"]] = np.array(values, dtype=np.float64)
    return pd.DataFrame(frame).astype({"tid": np.int64}).set_index("tid").sort_index()


def times(seconds: Sequence[float | None], epoch0: float) -> pd.DatetimeIndex:
    """Return times in UTC, to the millisecond, from seconds since `epoch0`; NaT for None."""
    numbers = np.array(seconds, dtype=np.float64) + epoch0
    whole = np.where(np.isnan(numbers), 0, np.round(numbers * 1000)).astype(np.int64)
    found = whole.astype("datetime64[ms]")
    found[np.isnan(numbers)] = np.datetime64("NaT")
    return pd.DatetimeIndex(found, dtype=UNIT)


def with_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with floats where a column has numbers and None: pandas makes objects."""
    for name in frame.columns:
        given = frame[name].dropna()
        if frame[name].dtype == object and len(given) and all(map(_is_number, given)):
            frame[name] = frame[name].astype(np.float64)
    return frame


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distinct(options: list[Any]) -> "pd.Index[Any]":
    """The options, or their Python literals where two are equal, as 1 and True are."""
    equal = len(set(options)) < len(options)
    return pd.Index([repr(option) for option in options] if equal else options)
