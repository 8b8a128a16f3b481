"""Columns of numbers, which hold a search's trials in memory and on the wire.

A column is an array of doubles with NaN where there is no value. The values of a category are
indices into its options. So 10,000 trials take a few megabytes, and sorting or filtering them takes
a millisecond.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alignsearch.spaces.distributions import Choice, PChoice
from alignsearch.spaces.space import Metaparameter, Value, same

Floats = NDArray[np.float64]
Kind = Literal["integer", "number", "category", "time"]
Role = Literal["trial", "score", "metaparameter"]

SENT_DIGITS = 5
"""Significant digits of a number on the wire: charts show fewer, and CSV files have all."""
_FIRST_ROWS = 64
"""Rows that a new table has room for; the room doubles when it is full."""


@dataclass
class Column:
    """A column without its values. The `options` of a category may grow; their order stays."""

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
        """Encode a value as a number of the array; NaN for none or an unknown option."""
        if value is None:
            return np.nan
        if self.kind == "category":
            return self._codes.get((type(value), value), np.nan)
        return float(value) if isinstance(value, int | float) else np.nan

    def code_of_new(self, value: Value) -> float:
        """Encode a value of a category, adding it to the options if it is new."""
        if value is not None and (type(value), value) not in self._codes:
            options = self.options = [] if self.options is None else self.options
            self._codes[type(value), value] = len(options)
            options.append(value)
        return self.code(value)

    def value(self, number: float) -> Value:
        """Decode a number of the array; None for NaN."""
        if np.isnan(number):
            return None
        if self.kind == "category":
            return (self.options or [])[int(number)]
        return int(number) if self.kind == "integer" else float(number)

    def to_json(self) -> dict[str, Any]:
        """The column's head, as `models.ColumnHead` has it."""
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

    def to_wire(self, numbers: Floats) -> list[Any]:
        """Round numbers for the wire; the JSON encoder makes NaN null."""
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
    """Make the column of a sampled metaparameter; it is `log` where the distribution is."""
    distribution = parameter.distribution
    if isinstance(distribution, Choice | PChoice):
        options: list[Value] = list(distribution.options)
        return Column(parameter.name, label, "category", "metaparameter", options)
    low, high = distribution.ends or (None, None)
    return Column(
        parameter.name,
        label,
        "number",
        "metaparameter",
        log=distribution.scale == "log",
        low=low,
        high=high,
    )


class Table:
    """Columns of equal length that grow by rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Start without rows."""
        self.columns = {column.name: column for column in columns}
        self._numbers = np.full((len(columns), _FIRST_ROWS), np.nan)
        self._at = {column.name: at for at, column in enumerate(columns)}
        self.rows = 0

    def __getitem__(self, name: str) -> Floats:
        """The numbers of a column, one a row."""
        numbers: Floats = self._numbers[self._at[name], : self.rows]
        return numbers

    def put(self, row: int, numbers: Sequence[float]) -> None:
        """Write a row: an existing one, or the next."""
        if row == self._numbers.shape[1]:
            more = np.full_like(self._numbers, np.nan)
            self._numbers = np.concatenate([self._numbers, more], axis=1)
        self.rows = max(self.rows, row + 1)
        self._numbers[:, row] = numbers

    def to_wire(self, rows: Sequence[int] | None = None) -> dict[str, list[Any]]:
        """Some rows, or all, rounded for the wire, by column."""
        taken: Any = slice(None) if rows is None else list(rows)
        return {name: column.to_wire(self[name][taken]) for name, column in self.columns.items()}


def quantized(numbers: Floats) -> Floats:
    """Round numbers to `SENT_DIGITS` significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.abs(numbers)))
    places = np.where(np.isfinite(exponents), SENT_DIGITS - 1 - exponents, 0.0)
    # Negative powers of ten are never exact as doubles. Small numbers are therefore multiplied by a
    # positive power and divided back, and large ones divided and multiplied back.
    scale = 10.0 ** np.abs(places)
    # Both ways are computed for every number, and one of them may overflow; the other is taken.
    with np.errstate(over="ignore", under="ignore"):
        small: Floats = np.round(numbers * scale) / scale
        large: Floats = np.round(numbers / scale) * scale
    return np.where(places >= 0, small, large)


def option_of(column: Column, text: str) -> Value:
    """The option whose text is `text`; None if there is none."""
    words = {"true": True, "false": False}
    wanted: Value = words.get(text.lower(), text)
    for option in column.options or ():
        if same(option, wanted) or str(option) == text:
            return option
    return None
