"""Numbers in columns: how a search's trials are held in memory and sent to a page.

Every column is an array of doubles with NaN where there is no value; a category's are indices
into its options. So 10,000 trials take a few megabytes, and sorting or filtering them a
millisecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alignsearch.spaces.space import Choice, LogUniform, Metaparameter, Value, same

Floats = NDArray[np.float64]
Kind = Literal["integer", "number", "category", "time"]
Role = Literal["trial", "score", "metaparameter"]

SENT_DIGITS = 5
"""Significant digits of a number on the wire; a chart shows fewer, and CSV has them all."""
_FIRST_ROWS = 64


@dataclass
class Column:
    """What one column holds. `options` of a category may grow and are never reordered."""

    name: str
    label: str
    kind: Kind
    role: Role = "trial"
    options: list[Value] | None = None
    log: bool = False
    low: float | None = None
    high: float | None = None
    _codes: dict[tuple[type, Value], int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for code, option in enumerate(self.options or ()):
            self._codes[type(option), option] = code

    def code(self, value: Value) -> float:
        """The number that stands for `value` in the array; NaN where there is none."""
        if value is None:
            return np.nan
        if self.kind == "category":
            return self._codes.get((type(value), value), np.nan)
        return float(value) if isinstance(value, int | float) else np.nan

    def code_of_new(self, value: Value) -> float:
        """As `code`, for a category whose options come with the data."""
        if value is not None and (type(value), value) not in self._codes:
            options = self.options = [] if self.options is None else self.options
            self._codes[type(value), value] = len(options)
            options.append(value)
        return self.code(value)

    def value(self, number: float) -> Value:
        """What a number of the array stands for."""
        if np.isnan(number):
            return None
        if self.kind == "category":
            return (self.options or [])[int(number)]
        return int(number) if self.kind == "integer" else float(number)

    def to_json(self) -> dict[str, Any]:
        """The column without its values, for pages."""
        head: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "kind": self.kind,
            "role": self.role,
        }
        if self.kind == "category":
            return {**head, "options": list(self.options or ())}
        if self.role == "metaparameter":
            return {**head, "log": self.log, "low": self.low, "high": self.high}
        return head

    def sent(self, numbers: Floats) -> list[Any]:
        """The numbers as they go over the wire; NaN is null there."""
        if self.kind == "number":
            rounded: list[Any] = quantized(numbers).tolist()
            return rounded
        if self.kind == "time":
            times: list[Any] = np.round(numbers, 1).tolist()
            return times
        none = np.isnan(numbers)
        whole: list[Any] = np.where(none, 0, numbers).astype(np.int64).tolist()
        for at in np.flatnonzero(none):
            whole[at] = None
        return whole


def of_metaparameter(parameter: Metaparameter, label: str) -> Column:
    """The column of a sampled metaparameter, on the axis of its distribution."""
    distribution = parameter.distribution
    if isinstance(distribution, Choice):
        options: list[Value] = list(distribution.options)
        return Column(parameter.name, label, "category", "metaparameter", options)
    return Column(
        parameter.name,
        label,
        "number",
        "metaparameter",
        log=isinstance(distribution, LogUniform),
        low=distribution.low,
        high=distribution.high,
    )


class Table:
    """Columns of equal length, growing by rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Start without rows."""
        self.columns = {column.name: column for column in columns}
        self._numbers = np.full((len(columns), _FIRST_ROWS), np.nan)
        self._at = {column.name: at for at, column in enumerate(columns)}
        self.rows = 0

    def __getitem__(self, name: str) -> Floats:
        """The numbers of a column."""
        numbers: Floats = self._numbers[self._at[name], : self.rows]
        return numbers

    def put(self, row: int, numbers: Sequence[float]) -> None:
        """Set a row, which may be the next one."""
        if row == self._numbers.shape[1]:
            more = np.full_like(self._numbers, np.nan)
            self._numbers = np.concatenate([self._numbers, more], axis=1)
        self.rows = max(self.rows, row + 1)
        self._numbers[:, row] = numbers

    def sent(self, rows: Sequence[int] | None = None) -> dict[str, list[Any]]:
        """The rows, or all of them, by column, as they go over the wire."""
        taken: Any = slice(None) if rows is None else list(rows)
        return {name: column.sent(self[name][taken]) for name, column in self.columns.items()}


def quantized(numbers: Floats) -> Floats:
    """The numbers with `SENT_DIGITS` significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.abs(numbers)))
    places = np.where(np.isfinite(exponents), SENT_DIGITS - 1 - exponents, 0.0)
    # A power of ten beyond a double's whole numbers isn't exact, and its reciprocal never is: so
    # small numbers are multiplied first and divided back, large ones the other way.
    scale = 10.0 ** np.abs(places)
    small: Floats = np.round(numbers * scale) / scale
    large: Floats = np.round(numbers / scale) * scale
    return np.where(places >= 0, small, large)


def option_of(column: Column, text: str) -> Value:
    """The option that is written `text`; None if there is none."""
    words = {"true": True, "false": False}
    wanted: Value = words.get(text.lower(), text)
    for option in column.options or ():
        if same(option, wanted) or str(option) == text:
            return option
    return None
