"""Values of dimensions as people write them.

A choice's option is written as it is shown (`True`, `rbf`, `2048`), every other value as a number.
`--fix`, `enqueue` and `import` read values by these rules.
"""

import math
from typing import Any

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.distributions import Choice, PChoice, RandInt
from alignsearch.spaces.metaparameter import Metaparameter
from alignsearch.spaces.tree import plain_text

LONGEST_SHOWN = 80
"""Characters of a wrong value that a message repeats; a cell of a file may hold a whole page."""


def written_value(parameter: Metaparameter, value: Any, cannot: str = "can't be") -> int | float:
    """Return the number that a point has for a value: for a choice, the option's index.

    Args:
        parameter: the dimension.
        value: a text as people write it, or a number, True, False or None.
        cannot: completes the message about a wrong value: `sigma can't be 3: it is …`.

    Raises:
        ConfigurationError: it isn't one of the dimension's values.
    """
    distribution = parameter.distribution
    text = value.strip() if isinstance(value, str) else plain_text(value)
    if isinstance(distribution, Choice | PChoice):
        options = [plain_text(each) for each in distribution.options]
        return _option(parameter.name, options, text, cannot)
    shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    wrong = ConfigurationError(f"{parameter.name} {cannot} {shown}: it is {distribution}")
    number = _number(text)
    if number is None or isinstance(value, bool):
        raise wrong
    number = distribution.nearest(number)
    if not distribution.contains(number):
        raise wrong
    return int(number) if isinstance(distribution, RandInt) else number


def _option(name: str, options: list[str], text: str, cannot: str) -> int:
    for same in (
        lambda option: option == text,
        lambda option: option.casefold() == text.casefold(),
        lambda option: _number(option) is not None and _number(option) == _number(text),
    ):
        found = [at for at, option in enumerate(options) if same(option)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    many = f", and {text} is more than one of them" if found else ""
    shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
    raise ConfigurationError(f"{name} {cannot} {shown}: it is one of {', '.join(options)}{many}")


def _number(text: str) -> float | None:
    try:
        # Python alone reads 1_000 as a number.
        number = float(text.replace("_", "x"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
