"""Options of a new search as Python programs give them: those of `alignsearch submit`."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from alignment_core.errors import ConfigurationError
from alignsearch.search.use_cases.new_search import amounts
from alignsearch.search.use_cases.submission import Submission, refusal
from alignsearch.spaces.definition import Definition


def submission(
    definition: Definition, options: Mapping[str, Any], *, space: str | None = None
) -> Submission:
    """Return the options as a submission, with its checks and defaults.

    Args:
        definition: what is searched.
        options: values by the names of `alignsearch submit`, with `_` for `-`; `resources` may be
            a dictionary of amounts.
        space: the definition's address; None for the name of its space.

    Raises:
        ConfigurationError: one of them can't be used.
    """
    given = dict(options)
    if "space" in given:
        raise ConfigurationError("space is given already: leave this option out")
    if isinstance(given.get("resources"), Mapping):
        given["resources"] = amounts(given["resources"]).replace(" ", "")
    try:
        return Submission(space=space or definition.space.name, **given)
    except ValidationError as error:
        # Pydantic's own error would come first in the traceback, and say the same at length.
        raise refusal(error, named=str) from None
