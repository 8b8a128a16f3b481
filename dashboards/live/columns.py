"""Columns of numbers, which hold a search's trials in memory and on the wire.

A column is an array of doubles with NaN where there is no value. The values of a category are
indices into its options. So 10,000 trials take a few megabytes, and sorting or filtering them takes
a millisecond.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alignsearch.spaces.distributions import Choice, PChoice, Value
from alignsearch.spaces.metaparameter import Metaparameter

Floats = NDArray[np.float64]
Kind = Literal["integer", "number", "category", "time"]
Role = Literal["trial", "score", "metric", "violation", "metaparameter"]

SENT_DIGITS = 5
"""Significant digits of a number on the wire: charts show fewer, and CSV files have all."""
LARGEST_INTEGER = 2**53
"""JavaScript's numbers are exact up to this one."""
_FIRST_ROWS = 64
"""Rows that a new table has room for; the room doubles when it is full."""


@dataclass
class Column:
    """A column without its values. The `options` of a category may grow; their order stays.

    Attributes:
        low, high: the ends of a metaparameter's values; None where there is no end.
        when: the choices that lead to the metaparameter, in words; None where all trials have it.
    """

    name: str
    label: str
    kind: Kind
    role: Role = "trial"
    options: list[Value] | None = None
    log: bool = False
    low: float | None = None
    high: float | None = None
    when: str | None = None
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
            self.add_option(value)
        return self.code(value)

    def add_option(self, value: Value) -> None:
        """Add an option after the others. One that JSON or a page can't hold becomes a text."""
        options = self.options = [] if self.options is None else self.options
        self._codes[type(value), value] = len(options)
        too_large = type(value) is int and abs(value) > LARGEST_INTEGER
        options.append(str(value) if value is None or too_large else value)

    def value(self, number: float) -> Value:
        """Decode a number of the array; None for NaN."""
        if np.isnan(number):
            return None
        if self.kind == "category":
            options = self.options or []
            return options[int(number)] if 0 <= number < len(options) else None
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
            head["options"] = list(self.options or ())
        elif self.role == "metaparameter":
            head |= {"log": self.log, "low": self.low, "high": self.high}
        return head | ({"when": self.when} if self.when else {})

    def to_wire(self, numbers: Floats, *, exact: bool = False) -> list[Any]:
        """Round numbers for the wire unless they are to be exact; the encoder makes NaN null."""
        if exact and self.kind in ("number", "time"):
            whole_digits: list[Any] = numbers.tolist()
            return whole_digits
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


def of_metaparameter(
    parameter: Metaparameter, name: str, label: str, when: str | None = None
) -> Column:
    """Make the column of a dimension.

    name: the column's name, which is the dimension's label unless another column has it. label: its
    name for people. when: the choices that lead to it, in words.
    """
    distribution = parameter.distribution
    if isinstance(distribution, Choice | PChoice):
        column = Column(name, label, "category", "metaparameter", [], when=when)
        for option in distribution.options:
            column.add_option(option)
        return column
    low, high = distribution.ends or (None, None)
    return Column(
        name,
        label,
        "integer" if parameter.integer else "number",
        "metaparameter",
        log=distribution.scale == "log",
        low=low,
        high=high,
        when=when,
    )


def distinct(name: str, taken: Collection[str], prefix: str) -> str:
    """Return the name with a prefix if another column has it: a dimension `tid` of a search."""
    while name in taken:
        name = f"{prefix}.{name}"
    return name


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

    def add(self, column: Column) -> None:
        """Add a column; the rows so far have no value in it."""
        self._at[column.name] = len(self.columns)
        self.columns[column.name] = column
        self._numbers = np.pad(self._numbers, ((0, 1), (0, 0)), constant_values=np.nan)

    def recode(self, column: Column, kind: Kind) -> None:
        """Turn a column of numbers of this kind into one of a category, with an option for each."""
        numbers = self[column.name]
        for row in np.flatnonzero(~np.isnan(numbers)):
            value = float(numbers[row])
            numbers[row] = column.code_of_new(int(value) if kind == "integer" else value)

    def put(self, row: int, numbers: Sequence[float]) -> None:
        """Write a row: an existing one, or the next."""
        if row == self._numbers.shape[1]:
            more = np.full_like(self._numbers, np.nan)
            self._numbers = np.concatenate([self._numbers, more], axis=1)
        self.rows = max(self.rows, row + 1)
        self._numbers[:, row] = numbers

    def to_wire(
        self, rows: Sequence[int] | None = None, *, exact: bool = False
    ) -> dict[str, list[Any]]:
        """Some rows, or all, by column; rounded for the wire unless they are to be exact."""
        taken: Any = slice(None) if rows is None else list(rows)
        return {
            name: column.to_wire(self[name][taken], exact=exact)
            for name, column in self.columns.items()
        }


def quantized(numbers: Floats) -> Floats:
    """Round numbers to `SENT_DIGITS` significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponents = np.floor(np.log10(np.abs(numbers)))
    places = np.where(np.isfinite(exponents), SENT_DIGITS - 1 - exponents, 0.0)
    # Negative powers of ten are never exact as doubles. Small numbers are therefore multiplied by a
    # positive power and divided back, and large ones divided and multiplied back.
    # Both ways are computed for every number, and one of them may overflow; the other is taken.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scale = 10.0 ** np.abs(places)
        small: Floats = np.round(numbers * scale) / scale
        large: Floats = np.round(numbers / scale) * scale
    rounded = np.where(places >= 0, small, large)
    # A number next to zero or to the largest double stays as it is: its power, or what is rounded,
    # is none.
    return np.where(np.isfinite(rounded), rounded, numbers)


def code_of(column: Column, text: str) -> float | None:
    """The index of the option that reads `text`, or of the place `#2`; None if there is none."""
    options = column.options or []
    for code, option in enumerate(options):
        if _reads(option, text):
            return float(code)
    place = text.removeprefix("#")
    is_place = text != place and place.isdecimal() and int(place) < len(options)
    return float(place) if is_place else None


def _reads(option: Value, text: str) -> bool:
    if str(option) == text:
        return True
    if isinstance(option, bool):
        return str(option).lower() == text.lower()
    if isinstance(option, int | float):
        # JavaScript writes 1.0 as 1, and 1e-05 as 0.00001.
        try:
            return float(text) == option
        except ValueError:
            return False
    return False
