"""Data frames made from the API's columns of trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def frame_of(payload: Mapping[str, Any]) -> pd.DataFrame:
    """Make a frame of trials by number: categories as their options, times in UTC."""
    frame: dict[str, Any] = {}
    for column in payload["columns"]:
        values = payload["values"].get(column["name"], [])
        if column["kind"] == "category":
            codes = [-1 if value is None else value for value in values]
            frame[column["name"]] = pd.Categorical.from_codes(
                codes, categories=_distinct(column["options"])
            )
        elif column["kind"] == "time":
            seconds = np.array(values, dtype=np.float64) + payload["epoch0"]
            frame[column["name"]] = pd.to_datetime(seconds, unit="s", utc=True)
        else:
            frame[column["name"]] = np.array(values, dtype=np.float64)
    return pd.DataFrame(frame).astype({"tid": np.int64}).set_index("tid").sort_index()


def _distinct(options: list[Any]) -> "pd.Index[Any]":
    """The options, or their Python literals where two are equal, as 1 and True are."""
    equal = len(set(options)) < len(options)
    return pd.Index([repr(option) for option in options] if equal else options)
