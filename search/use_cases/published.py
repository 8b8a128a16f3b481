"""Published configurations of a space: the columns of Kunin et al. 2020, Table 5."""

from alignment_core.errors import ConfigurationError
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.configuration import contains
from alignsearch.spaces.distributions import Value
from alignsearch.spaces.space import SearchSpace
from alignsearch.spaces.table5 import PUBLISHED


def published_columns(space: SearchSpace, where: str) -> list[tuple[str, dict[str, Value]]]:
    """Return the columns of Table 5 that lie in a space, by name, each with its values by label.

    where: the space in words, for messages.

    Raises:
        ConfigurationError: none does; the message says why.
    """
    own = SPACES.get(space.name)
    if own is None or own.learning_rule != space.learning_rule:
        raise ConfigurationError(
            f"space {space.name!r} has no published column: {', '.join(PUBLISHED)} have one in "
            "Table 5"
        )
    rules = [name for name in PUBLISHED if SPACES[name].learning_rule == space.learning_rule]
    found = [
        (name, {label: getattr(PUBLISHED[name], label) for label in space.sampled_names})
        for name in rules
        if not contains(space, PUBLISHED[name])
    ]
    if not found:
        reasons = contains(space, PUBLISHED[space.name])
        raise ConfigurationError(
            f"Table 5's column {space.name} lies outside of {where}: {'; '.join(reasons)}"
        )
    return found
