"""Submission of a search that starts from the results of an earlier one.

The earlier search must be over. Its trials change no more, so the same suggestions follow from
its name and the seed. TPE receives its results in the order of its trials, as older than any of
the new search's own, and they count towards the random start-up. Losses are compared as they are,
whatever was trained: a nearly equal recipe makes a good start, a different one misleads.
"""

from alignsearch.search.documents import OBSERVED_STATES, Search, WarmStart
from alignsearch.search.documents.errors import StateConflictError
from alignsearch.search.documents.states import TERMINAL_SEARCH_STATUSES
from alignsearch.search.store import Store
from alignsearch.spaces.catalog import SPACES
from alignsearch.spaces.space import SearchSpace


def warm_start(store: Store, name: str, space: SearchSpace) -> WarmStart:
    """Return the record with which a new search over `space` starts from search `name`.

    Raises:
        UnknownNameError: there is no search `name`.
        StateConflictError: that search is over another space, is still active, or has no finished
            trial.
    """
    other = store.searches.get(name)
    if other.space_hash != space.space_hash:
        raise StateConflictError(
            f"search {name!r} can't be the start of a search over {space.name!r}: "
            f"{_difference(other, space)}"
        )
    if other.status not in TERMINAL_SEARCH_STATUSES:
        raise StateConflictError(
            f"search {name!r} can't be the start of another while it is {other.status}: wait for "
            f"its end, or end it with `alignsearch stop {name}`"
        )
    trials = len(store.trials.all(name, OBSERVED_STATES))
    if not trials:
        raise StateConflictError(f"search {name!r} has no finished trial to start from")
    return WarmStart(search=name, trials=trials)


def _difference(other: Search, space: SearchSpace) -> str:
    """Return in words how the other search's space differs from `space`."""
    theirs = SPACES.get(other.space)
    if theirs is None or theirs.space_hash != other.space_hash:
        return f"it was over a version of {other.space!r} that this program doesn't know"
    wanted = {each.name: each.distribution for each in space.sampled}
    given = {each.name: each.distribution for each in theirs.sampled}
    both = wanted.keys() & given.keys()
    parts = {
        "it didn't sample": wanted.keys() - given.keys(),
        "it sampled besides": given.keys() - wanted.keys(),
        "over other ranges it sampled": {key for key in both if wanted[key] != given[key]},
    }
    told = [f"{what} {', '.join(sorted(names))}" for what, names in parts.items() if names]
    return f"it is over {other.space!r}; " + ("; ".join(told) or "what they fix differs")
