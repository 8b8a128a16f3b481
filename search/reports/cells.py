"""Values as the cells of tables: readable ones rounded as in Table 5, and exact ones for CSV."""

import json
import math
import re
from typing import Any

from alignsearch.spaces.distributions import Value
from alignsearch.spaces.table5 import format_sampled

ABSENT: Any = object()
"""In place of a value where there is none: the dimension isn't active, or isn't in this space."""
INACTIVE = "–"
"""The readable cell of a dimension that isn't active."""
NONE = "None"
"""The cell of the value None, as of a choice's option."""
NONE_OF_TABLE5 = "N/A"
"""The cell of None in Table 5: a rule without a third primitive has no gamma."""

_WORDS: dict[str, Value] = {
    NONE: None,
    NONE_OF_TABLE5: None,
    "True": True,
    "False": False,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
}
_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


def readable(value: Value, *, sampled: bool, stepped: bool = False, none: str = NONE) -> str:
    """Return a value for people, in the formats of Table 5.

    Texts and Booleans are printed as they are, numbers in full, except that sampled continuous
    numbers have four decimals.

    Args:
        value: the value.
        sampled: whether it was sampled, and not fixed.
        stepped: whether it is a multiple of a step: then it has no more digits than it needs.
        none: the text for None.
    """
    if value is None:
        return none
    if isinstance(value, float) and stepped and math.isfinite(value):
        # A multiple like 3 * 0.1 ends in a rounding error.
        return f"{value + 0.0:.12g}"
    if isinstance(value, float) and sampled and math.isfinite(value):
        # Table 5's format knows positive numbers only.
        return f"{'-' if value < 0 else ''}{format_sampled(abs(value))}" if value else "0.0000"
    return str(value)


def to_csv(value: Any, none: str = NONE) -> str:
    """Return a value as a cell that `from_csv` reads back exactly.

    A text that would be read as something else is quoted, as JSON. `none` is the text for None.
    """
    if value is ABSENT:
        return ""
    if value is None:
        return none
    if isinstance(value, str):
        return value if _reads_as_text(value) else json.dumps(value)
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def from_csv(cell: str) -> Any:
    """Return the value of a cell, with its type; `ABSENT` for an empty one."""
    if not cell:
        return ABSENT
    if cell in _WORDS:
        return _WORDS[cell]
    if _NUMBER.fullmatch(cell):
        return int(cell) if _INTEGER.fullmatch(cell) else float(cell)
    return _from_json(cell) if cell[0] in '"[{' else cell


def _from_json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _reads_as_text(text: str) -> bool:
    return isinstance(from_csv(text), str) and not text.startswith('"')
