"""Numbers in texts for people, with as many digits as tell them apart."""

import math
from collections.abc import Sequence

FEWEST, MOST = 4, 10
"""Decimals of a number, or its digits where it is small: more than ten tell nobody anything."""
SMALL = 1e-3
"""Below this, four decimals would keep fewer than two digits."""


LARGE = 1e9
"""From here on all digits before the point would fill a line."""


def told_apart(values: Sequence[float]) -> list[str]:
    """Return numbers as texts with four decimals, or with more where two would read alike.

    >>> told_apart([0.01, 0.25])
    ['0.0100', '0.2500']
    >>> told_apart([0.01001, 0.01002])
    ['0.01001', '0.01002']
    >>> told_apart([1e300])
    ['1e+300']
    """
    different = {value for value in values if math.isfinite(value)}
    for digits in range(FEWEST, MOST):
        if len({_text(value, digits) for value in different}) == len(different):
            return [_text(value, digits) for value in values]
    return [_text(value, MOST) for value in values]


def shown(value: float, beside: float | None = None) -> str:
    """Return a number as a text, told apart from the one that is shown beside it."""
    return told_apart([value] if beside is None else [value, beside])[0]


def _text(value: float, digits: int) -> str:
    by_digits = 0 < abs(value) < SMALL or abs(value) >= LARGE or not math.isfinite(value)
    return f"{value:.{digits}g}" if by_digits else f"{value:.{digits}f}"
