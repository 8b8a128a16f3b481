"""Results against their search: all of its metrics must be there, and constraints are judged."""

import math

from alignment_core.errors import ConfigurationError
from alignsearch.search.documents.constraint import total_violation
from alignsearch.search.documents.search import Search
from alignsearch.search.documents.searched import metric_of, reported_names_of
from alignsearch.search.documents.trial import Result


def judged(search: Search, result: Result, what: str = "the trial") -> Result:
    """Return a result with the amount by which it breaks the search's constraints.

    A result without a loss stays as it is. A further metric that is NaN or infinite makes a result
    of status `fail`, as the first metric does; its metrics then have the first one's value, too.

    Args:
        search: the search.
        result: the result as its objective gave it.
        what: who reported it, for messages.

    Raises:
        ConfigurationError: a metric that the search names was not reported; then trying again is
            of no use.
    """
    names = reported_names_of(search)
    if result.status != "ok" or not (names or search.constraints):
        return result
    metric = metric_of(search)
    lacking = [name for name in names if name not in result.metrics]
    if lacking:
        every = ", ".join([metric.name, *names])
        raise ConfigurationError(
            f"{what} reported no {' and no '.join(lacking)}: each trial of this search reports "
            f"{every}. Return a dictionary with all of them, or report them by their names"
        )
    assert result.loss is not None
    values = {**result.metrics, metric.name: metric.value(result.loss)}
    for name in names:
        if not math.isfinite(values[name]):
            reason = f"its {name.replace('_', ' ')} is {values[name]}"
            return Result(status="fail", metrics=values, reason=reason)
    violation = total_violation(search.constraints, values)
    return result.model_copy(update={"violation": violation or None})
