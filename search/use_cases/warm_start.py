"""Submission of a search that starts from the results of an earlier one.

The earlier search must be over. Its trials change no more, so the same suggestions follow from
its name and the seed. TPE receives its results in the order of its trials, as older than any of
the new search's own, and they count towards the random start-up. Losses are compared as they are,
whatever was trained: a nearly equal recipe makes a good start, a different one misleads. Both must
have the same metrics.
"""

from collections.abc import Sequence

from alignsearch.search.documents import (
    OBSERVED_STATES,
    Search,
    WarmStart,
    known_space_of,
    metrics_of,
    reported_names_of,
)
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.objective_metric import DEFAULT_METRIC, ObjectiveMetric
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.spaces.differences import difference
from alignsearch.spaces.space import SearchSpace


def warm_start(
    store: Store,
    name: str,
    space: SearchSpace,
    metrics: Sequence[ObjectiveMetric] = (DEFAULT_METRIC,),
    reported: Sequence[str] = (),
) -> WarmStart:
    """Return the record with which a new search over `space` starts from search `name`.

    metrics: all that the new search minimizes or maximizes. reported: names of all metrics that
    its trials report beside the first, by which its own constraints are judged.

    Raises:
        UnknownNameError: there is no search `name`.
        StateConflictError: that search is over another space or has other metrics, is still
            active, or has no finished trial.
    """
    other = store.searches.get(name)
    if other.space_hash != space.space_hash:
        raise StateConflictError(
            f"search {name!r} can't be the start of a search over {space.name!r}: "
            f"{_difference(other, space)}"
        )
    theirs = metrics_of(other)
    if [(each.name, each.direction) for each in theirs] != [
        (each.name, each.direction) for each in metrics
    ]:
        raise StateConflictError(
            f"search {name!r} can't be the start of a search for {'; '.join(map(str, metrics))}: "
            f"its results are of {'; '.join(map(str, theirs))}"
        )
    lacking = [each for each in reported if each not in reported_names_of(other)]
    if lacking:
        raise StateConflictError(
            f"search {name!r} can't be the start of a search that needs {', '.join(lacking)}: its "
            "trials don't report that"
        )
    if other.status not in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} can't be the start of another while it is {other.status}: wait for "
            f"its end, or end it with `alignsearch stop {name}`"
        )
    every = store.trials.all_readable(name, OBSERVED_STATES)
    trials = sum(not trial.is_confirmation for trial in every)
    if not trials:
        raise StateConflictError(f"search {name!r} has no finished trial to start from")
    return WarmStart(search=name, trials=trials)


def _difference(other: Search, space: SearchSpace) -> str:
    """Return in words how the other search's space differs from `space`."""
    theirs = known_space_of(other)
    if theirs is None:
        return f"it was over a version of {other.space!r} that this program doesn't know"
    return f"it is over {other.space!r}; {difference(theirs, space)}"
